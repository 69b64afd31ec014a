"""Releases: what was built for this lab is in its registry and buckets as soon as these stand, as a pipeline would have put it."""

from __future__ import annotations

import logging

from ..images.release import Release
from ..world.behaviour import Behaviour, World


class Releases(Behaviour):
    """Puts images into ECR, and front-ends' static files into the bucket `static`."""

    name = "releases"
    services = frozenset({"ecr"})
    every = 15.0

    def __init__(self, world: World, log: logging.Logger) -> None:
        super().__init__(world, log)
        self.releases = Release(world.settings.home, world.client, world.regions)

    def look(self) -> None:
        for line in self.releases.release():
            self.log.info("put %s", line)

    def down(self) -> None:
        """Nothing of it is on this machine but the images, which stay."""
