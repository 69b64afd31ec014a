"""`python -m lab images`: builds what is missing, and releases it into the lab's AWS if that runs."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from botocore.exceptions import BotoCoreError, ClientError

from ..control import Lab, LabError
from ..podman import PodmanError
from ..world.behaviour import World
from .build import Builder, ImageError
from .recipes import ALONE, IMAGES, NOT_OF_THE_LAB
from .release import Release

ALL = (*IMAGES, *ALONE)


def images(lab: Lab, names: Sequence[str], name_only: bool = False) -> None:
    """Build these images, and release those of applications.

    Args:
        lab: Whose they are.
        names: Applications, and systems that are run as they are; without any, all that a lab runs.
        name_only: Print the images' names in podman's store, for programs; how it went is told on standard error.

    Raises:
        LabError: There is no such image, or it failed.
    """
    unknown = {*names} - {*ALL}
    if unknown:
        raise LabError(f"there is no image `{min(unknown)}`: choose from {', '.join(ALL)}")
    began, told = time.monotonic(), []

    def say(line: str) -> None:
        told.append(line)
        print(line, flush=True, file=sys.stderr if name_only else sys.stdout)

    try:
        made = Builder(lab.home, say).make(names or [each for each in ALL if each not in NOT_OF_THE_LAB])
        if lab.running():
            world = World.of(lab.settings)
            for line in Release(lab.home, world.client, world.regions).release():
                say(f"released {line}")
    except (ImageError, PodmanError) as error:
        raise LabError(str(error)) from error
    except (BotoCoreError, ClientError) as error:
        raise LabError(f"the images are built, but not released: {error}") from error
    if name_only:
        print(*(image.name for image in made.values()), sep="\n")
    elif not told:
        print(f"nothing to do: {len(made)} image{'s' * (len(made) > 1)} built already")
    else:
        print(f"{len(made)} image{'s' * (len(made) > 1)}, {time.monotonic() - began:.0f} s")
