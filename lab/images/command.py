"""`python -m lab images`: builds what is missing, and releases it into the lab's AWS if that runs."""

from __future__ import annotations

import time
from collections.abc import Sequence

from botocore.exceptions import BotoCoreError, ClientError

from ..control import Lab, LabError
from ..podman import PodmanError
from ..world.behaviour import World
from .build import Builder, ImageError
from .recipes import IMAGES
from .release import Release


def images(lab: Lab, applications: Sequence[str]) -> None:
    """Build and release the images of these applications, of all where none is named.

    Raises:
        LabError: There is no such application, or it failed.
    """
    unknown = {*applications} - IMAGES.keys()
    if unknown:
        raise LabError(f"there is no image `{min(unknown)}`: choose from {', '.join(IMAGES)}")
    began, told = time.monotonic(), []

    def say(line: str) -> None:
        told.append(line)
        print(line, flush=True)

    try:
        made = Builder(lab.home, say).make(applications or [*IMAGES])
        if lab.running():
            world = World.of(lab.settings)
            for line in Release(lab.home, world.client, world.regions).release():
                say(f"released {line}")
    except (ImageError, PodmanError) as error:
        raise LabError(str(error)) from error
    except (BotoCoreError, ClientError) as error:
        raise LabError(f"the images are built, but not released: {error}") from error
    if not told:
        print(f"nothing to do: {len(made)} image{'s' * (len(made) > 1)} built already")
    else:
        print(f"{len(made)} image{'s' * (len(made) > 1)}, {time.monotonic() - began:.0f} s")
