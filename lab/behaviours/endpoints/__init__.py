"""The behaviour `endpoints`: AWS's APIs inside each region, over TLS and under their own names, as a VPC's endpoints have them there.

A process of its own passes on what comes to a region's address to the AWS, and gives tasks their credentials. Names and address go
with the region, so that a cut takes neither away; a stopped API hangs here as anywhere. Other regions' APIs are reached by whoever
reaches the Internet.
"""

from __future__ import annotations

import json
import logging
import sys
import time

from ...files import update
from ...processes import Process, Slot
from ...settings import ROOT
from ...world.behaviour import Behaviour, World
from ...world.ca import CA
from ...world.net import endpoint, region_namespace
from ..dns.snapshot import ENDPOINTS

CREDENTIALS = "/v2/credentials/"
"""Path at which tasks ask for their role's credentials; the task's id follows."""

ANSWERS = "answers in"
"""What the process says, with a region, once it does."""

START = 30.0
"""Seconds that it gets to start."""


def names(region: str) -> list[str]:
    """Return what the certificate of a region's APIs is for: any service, and buckets before S3's name."""
    return [f"*.{region}.amazonaws.com", f"*.s3.{region}.amazonaws.com"]


class Endpoints(Behaviour):
    """Has the regions' APIs answered inside them."""

    name = "endpoints"
    services = frozenset({"ec2"})

    def __init__(self, world: World, log: logging.Logger) -> None:
        super().__init__(world, log)
        self.server = Slot(world.home, "apis")

    def look(self) -> None:
        self._serve()
        cidrs = {region: self.world.net.cidr(region) for region in self.world.regions}
        uplink = self.world.net.uplink
        found = {region: {"network": cidr, "address": endpoint(cidr), "public": uplink(region)} for region, cidr in cidrs.items() if cidr}
        update(self.world.home / ENDPOINTS, json.dumps(found, sort_keys=True))

    def down(self) -> None:
        standing = self._standing()
        if standing:
            standing.stop()
            self.server.pid_file.unlink(missing_ok=True)

    def _standing(self) -> Process | None:
        """Return the process, whichever port its AWS had: whoever takes it down need not know that."""
        return self.server.find(["lab.behaviours.endpoints", str(self.world.home)])

    def _serve(self) -> None:
        """Have the process running.

        Raises:
            RuntimeError: It does not start.
        """
        standing = self._standing()
        if standing and str(self.world.settings.port) in standing.command:
            return
        if standing:
            standing.stop()
        ca = CA(self.world.home)
        command = [sys.executable, "-m", "lab.behaviours.endpoints", "--aws", str(self.world.settings.port), "--home", str(self.world.home)]
        for region in self.world.regions:
            pem, key = ca.certificate(names(region))
            command += ["--region", region_namespace(region), self.world.net.uplink(region), str(pem), str(key)]
        started = self.server.start(command, ROOT)
        deadline = time.monotonic() + START
        while not started or self.server.log.read_text().count(ANSWERS) < len(self.world.regions):
            if not started or not started.alive or time.monotonic() > deadline:
                raise RuntimeError(f"AWS's APIs can't be answered in the regions: {self.server.last} (all of it: {self.server.log})")
            time.sleep(0.05)
        self.log.info("AWS's APIs are answered in %s (pid %s)", ", ".join(self.world.regions), started.pid)
