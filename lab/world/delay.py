"""`python -m lab.world.delay`: a region's uplink that holds each packet back, both ways; `lab delay` starts it so.

Two TUN devices, one in the region and one in the router, whose routes are preferred to the link's own. What comes in at one
goes out at the other as it is, later. With the process the devices end, and with them the routes: the link's own are
there again.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import select
import struct
import sys
import time
from collections import deque
from pathlib import Path

from ..processes import Slot
from ..settings import ROOT
from .net import ROUTER, Net, NetError, enter, ip, region_namespace

DEVICE = Path("/dev/net/tun")
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
PACKET = 65536
ROOM = 20_000
"""Packets that are held back at most, each way; more are lost, as on a link that is full."""

READY = "packets are held back"
START = 20.0
"""Seconds that it gets to start."""


def ensure(net: Net, region: str, milliseconds: int) -> None:
    """Have a region's uplink delayed by so much each way, or not at all (0).

    Raises:
        NetError: It did not start, or the region has no VPC yet.
    """
    slot = Slot(net.home, f"delay-{region}")
    of_region = ["lab.world.delay", "--home", str(net.home), "--region", region]
    cidr = net.cidr(region) if milliseconds else ""
    if milliseconds and not cidr:
        raise NetError(f"{region} has no VPC yet, so its uplink can't be delayed")
    marks = [*of_region, "--cidr", cidr, "--milliseconds", str(milliseconds)]
    if milliseconds and slot.find(marks):
        return
    standing = slot.find(of_region)
    if standing:
        standing.stop()
    slot.pid_file.unlink(missing_ok=True)
    if not milliseconds:
        return
    here, there = region_namespace(region), net.links(region)[1]
    started = slot.start([sys.executable, "-m", *marks, "--links", here, there], ROOT)
    deadline = time.monotonic() + START
    while READY not in slot.log.read_text():
        if not started or not started.alive or time.monotonic() > deadline:
            raise NetError(f"{region}'s delay did not start: {slot.last} (all of it: {slot.log})")
        time.sleep(0.02)


def main() -> int:
    """Hold packets back until it is ended. Returns an exit code."""
    parser = argparse.ArgumentParser(prog="python -m lab.world.delay", description="A link that takes its time.")
    parser.add_argument("--home", type=Path, required=True, help="the world's directory, which says whose process this is")
    parser.add_argument("--region", required=True)
    parser.add_argument("--cidr", required=True, help="the region's VPC")
    parser.add_argument("--milliseconds", type=int, required=True, help="each way")
    parser.add_argument("--links", nargs=2, required=True, help="the region's namespace, and the name of the router's device")
    args = parser.parse_args()
    namespace, link = args.links
    ends = (device(namespace, "slow", "default"), device(ROUTER, link, args.cidr))
    print(READY, flush=True)
    forward(ends, args.milliseconds / 1000)
    return 0


def device(namespace: str, name: str, route: str) -> int:
    """Make a TUN device in a namespace, with a route that is preferred; return its file descriptor.

    The process stays in the namespace, which is all the same to it: packets go through its descriptors.
    """
    enter(namespace)
    end = os.open(DEVICE, os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(end, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    ip("link", "set", name, "up", namespace=namespace)
    ip("route", "replace", route, "dev", name, "metric", "50", namespace=namespace)
    return end


def forward(ends: tuple[int, int], seconds: float) -> None:
    """Carry packets between two devices, each `seconds` after it has come; for ever."""
    held: dict[int, deque[tuple[float, bytes]]] = {end: deque(maxlen=ROOM) for end in ends}
    other = {ends[0]: ends[1], ends[1]: ends[0]}
    while True:
        due = [queue[0][0] for queue in held.values() if queue]
        wait = max(0.0, min(due) - time.monotonic()) if due else None
        for end in select.select(ends, (), (), wait)[0]:
            with contextlib.suppress(BlockingIOError):
                held[end].append((time.monotonic() + seconds, os.read(end, PACKET)))
        for end, queue in held.items():
            while queue and queue[0][0] <= time.monotonic():
                with contextlib.suppress(OSError):  # a device that is full loses it
                    os.write(other[end], queue.popleft()[1])


if __name__ == "__main__":
    sys.exit(main())
