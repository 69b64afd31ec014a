"""Nothing of the lab is reached from outside the machine."""

from __future__ import annotations

import ipaddress
import subprocess

import pytest

from lab.world.net import INTERNET
from tests.world.conftest import Lab

pytestmark = [pytest.mark.world, pytest.mark.xdist_group("world")]


def listening() -> list[tuple[str, str]]:
    """Return addresses that the machine itself listens on, with the processes that do."""
    found = subprocess.run(["ss", "--no-header", "--numeric", "-ltup"], capture_output=True, text=True, check=True).stdout
    rows = [line.split() for line in found.splitlines()]
    return [(row[4].rpartition(":")[0].strip("[]").partition("%")[0], row[6] if len(row) > 6 else "") for row in rows]


def test_what_listens_is_on_loopback_or_on_the_labs_own_networks(world: Lab) -> None:
    """The namespaces have no way out of the machine; what listens on the machine itself is looked at."""
    status = world.status()
    pids = {f"pid={one['pid']}," for one in status["processes"]}
    ours = [address for address, users in listening() if any(pid in users for pid in pids)]
    assert ours, "the AWS's own port is among them"
    inside = [address for address in map(ipaddress.ip_address, ours) if address.is_loopback or address in INTERNET]
    assert len(inside) == len(ours), ours


def test_nothing_goes_from_the_lab_to_the_outside(world: Lab) -> None:
    """All of the lab's namespaces lead to the router, and the router knows no way but the lab's: no answer finds out."""
    routes = subprocess.run(["ip", "-n", "kc-router", "route"], capture_output=True, text=True, check=True).stdout.splitlines()
    lab = [INTERNET, *(ipaddress.ip_network(cidr) for cidr in ("10.10.0.0/16", "10.11.0.0/16", "10.12.0.0/16"))]
    assert routes
    for route in routes:
        assert any(ipaddress.ip_network(route.split()[0]).subnet_of(network) for network in lab), route
    neighbours = subprocess.run(["ip", "-n", "kc-router", "-o", "link"], capture_output=True, text=True, check=True).stdout
    ends = {line.split(":")[1].split("@")[0].strip() for line in neighbours.splitlines()}
    assert ends == {"lo", "inet", "edge", "user", *(f"r{number}" for number in range(len(world.net.regions)))}
