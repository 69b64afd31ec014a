"""Carries out the faults that the file says, on the networks as they stand; done again, it changes nothing."""

from __future__ import annotations

import os
import signal
from contextlib import suppress

from .delay import ensure
from .faults import Faults, rules
from .net import ROUTER, Host, Net, ip, nft, region_namespace


def enact(net: Net, faults: Faults) -> None:
    """Have the networks as the faults say.

    Raises:
        NetError: The networks are not there, or a delay does not start.
    """
    nft(rules(faults.cuts, net.links), ROUTER)
    for host in net.hosts():
        plug(host, host.name not in faults.killed)
    for region in net.regions:
        ensure(net, region, faults.delays.get(region, 0))


def plug(host: Host, up: bool) -> None:
    """Connect a host to its region, or pull its plug."""
    ip("link", "set", host.port, "up" if up else "down", namespace=region_namespace(host.region), check=False)


def kill(host: Host) -> int:
    """End all processes that live in a host, at once; return how many."""
    pids = ip("netns", "pids", host.namespace).split()
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)
    return len(pids)
