"""What the server answers from: files in the world's directory, each replaced as a whole by whoever knows it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .names import Names, Record, Zone

SNAPSHOT = "route53.json"
"""Written by the behaviour route53: `zones`, `checks`, `passing`, `healthy`, `balancers`."""

BALANCERS = "balancers.json"
"""Written by the behaviour elb: addresses by DNSName of load balancers."""

DISTRIBUTIONS = "distributions.json"
"""Written by the behaviour cloudfront: the address by DomainName of distributions."""

DATABASES = "databases.json"
"""Written by the behaviour rds: the address by endpoint of instances."""

NAMED = (BALANCERS, DISTRIBUTIONS, DATABASES)
"""Addresses by what AWS names itself."""

ENDPOINTS = "endpoints.json"
"""Written by the behaviour endpoints: by region, its VPC's `network`, the `address` of AWS's APIs in it, and that for others, `public`."""


def read(path: Path) -> dict[str, Any]:
    """Return a file's content; nothing where it is not there, or can't be read."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def names_of(snapshot: Mapping[str, Any], endpoints: Mapping[str, Any], *named: Mapping[str, Any]) -> Names:
    """Return what is answered from the files' contents."""
    zones = [Zone(each["name"], map(Record.of, each["records"]), each["askers"]) for each in snapshot.get("zones", ())]
    zones += [zone for region, each in endpoints.items() for zone in apis(region, each, [one["network"] for one in endpoints.values()])]
    hosts = {name: [each] if isinstance(each, str) else each for one in named for name, each in one.items()}
    return Names(zones, hosts, snapshot.get("healthy", {}), snapshot.get("balancers", {}))


def apis(region: str, about: Mapping[str, str], networks: Sequence[str]) -> list[Zone]:
    """Return the zones of every service of a region: the private one that AWS's endpoints bring into its VPC, and what the others see."""
    name, own = f"{region}.amazonaws.com", about["network"]

    def zone(address: str, askers: Sequence[str]) -> Zone:
        record = {"Name": f"*.{name}", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": address}]}
        return Zone(name, [Record.of(record)], askers)

    return [zone(about["address"], [own]), zone(about["public"], [each for each in networks if each != own])]


class Store:
    """The files in a directory, read again when one of them was replaced."""

    def __init__(self, home: Path) -> None:
        self.files = [home / name for name in (SNAPSHOT, ENDPOINTS, *NAMED)]
        self._state: list[tuple[int, int] | None] = []
        self._names = Names([], {}, {}, {})

    @property
    def names(self) -> Names:
        """What is answered now."""
        state = [_state(file) for file in self.files]
        if state != self._state:
            self._names = names_of(*map(read, self.files))
            self._state = state
        return self._names


def _state(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns
