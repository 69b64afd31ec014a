"""Who serves, who stands by, and what is lost: what the units make of the inventory in each scenario."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from ..errors import KcError
from ..inventory.built import desired
from ..inventory.model import Host, mapping, units_of
from ..model import Key, Resource
from ..options import Spec
from ..scope import Scope

SCENARIOS = ("steady", "peak", "failover", "active_active")

MOVED = ("services", "mysql", "backup")
"""Units that follow the roles of regions; all others stand in each scenario."""


@dataclass(frozen=True)
class Placed:
    """A resource that is made, and the scope that it is made in: its unit, and the client that it is dedicated to."""

    resource: Resource
    scope: Scope


@dataclass(frozen=True)
class Placement:
    """What stands in a scenario.

    Attributes:
        home: The region that is primary at home.
        serving: Regions that users are served from.
        lost: The region that is lost, or "".
    """

    scenario: str
    home: str
    regions: tuple[str, ...]
    serving: tuple[str, ...]
    lost: str
    placed: tuple[Placed, ...]

    @cached_property
    def made(self) -> Mapping[Key, Resource]:
        """The resources by key."""
        return {one.resource.key: one.resource for one in self.placed}


def placements(hosts: Sequence[Host], modules: Mapping[str, Spec]) -> dict[str, Placement]:
    """Return what stands in each scenario, of an inventory without problems.

    Raises:
        KcError: There are not two regions.
    """
    regions = tuple(host.name for host in hosts if "regions" in host.groups)
    home = next((str(host.values["kc_home"]) for host in hosts if "regions" in host.groups), "")
    others = [region for region in regions if region != home]
    if len(others) != 1 or home not in regions:
        raise KcError(f"an estimate needs two regions, one of them home, and there are {', '.join(regions) or 'none'}")
    standby = others[0]
    normal = tuple(_built(hosts, modules, _Changes(home)))
    fixed = tuple(one for one in normal if one.scope.component not in MOVED)
    left = tuple(one for one in normal if one.scope.component in MOVED and one.resource.region == home)
    after = (*fixed, *left, *_built([_replicated(host) for host in hosts], modules, _Changes(standby, alone=True), MOVED))
    both = (*fixed, *_built(hosts, modules, _Changes(home, equal=True), MOVED))
    found: dict[str, tuple[tuple[str, ...], str, tuple[Placed, ...]]] = {
        "steady": ((home,), "", normal),
        "peak": ((home,), "", normal),
        "failover": ((standby,), home, after),
        "active_active": (regions, "", both),
    }
    return {name: Placement(name, home, regions, *found[name]) for name in SCENARIOS}


@dataclass(frozen=True)
class _Changes:
    """How a scenario differs from the inventory's own.

    Attributes:
        primary: The region that takes writes.
        alone: It is the only one that is left.
        equal: The other one is as large and serves as much.
    """

    primary: str
    alone: bool = False
    equal: bool = False


def _built(hosts: Sequence[Host], modules: Mapping[str, Spec], changes: _Changes, only: Sequence[str] = ()) -> Iterator[Placed]:
    for host in hosts:
        for unit in units_of(host):
            if (only and unit not in only) or not _here(host, unit, changes):
                continue
            platform, environment, account = (str(host.values[f"kc_{part}"]) for part in ("platform", "environment", "account"))
            scope = Scope(platform, environment, account, host.region, unit, host.client)
            for resource in desired(_changed(host, unit, changes), unit, modules, hosts):
                if resource.desired is not None:
                    yield Placed(resource, scope)


def _here(host: Host, unit: str, changes: _Changes) -> bool:
    """Whether a unit is made of a host: MySQL's from the region that takes writes; where one region is left, nothing in the other."""
    if "regions" in host.groups and (unit == "mysql" or changes.alone):
        return host.name == changes.primary
    return True


def _changed(host: Host, unit: str, changes: _Changes) -> Host:
    """Return a host with the variables of the roles that the scenario gives to the regions."""
    primary = host.name == changes.primary
    nowhere = {"kc_other_region": "", "kc_backup_copy_to": ""} if changes.alone else {}
    by_unit: dict[str, dict[str, Any]] = {
        "services": {"kc_services_role": "primary" if primary or changes.equal else "secondary"},
        "backup": {"kc_backup_active": primary, **nowhere},
        "mysql": {"kc_home": changes.primary, **nowhere},
    }
    more = by_unit.get(unit, {})
    if unit == "mysql" and changes.equal:
        more["kc_mysql_instances"] = {name: _equal(about) for name, about in _instances(host).items()}
    return replace(host, values={**host.values, **more})


def _instances(host: Host) -> Mapping[str, Any]:
    return mapping(host.values.get("kc_mysql_instances"))


def _replicated(host: Host) -> Host:
    """Return a host without the instances that have no replica: with their region they are lost until somebody restores them."""
    left = {name: about for name, about in _instances(host).items() if mapping(about).get("replica", True)}
    return replace(host, values={**host.values, "kc_mysql_instances": left})


def _equal(about: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an instance whose replica is as large as it is: both regions are read from, and either may take writes."""
    return {**about, "replica_size": "", "replica_multi_az": about.get("multi_az", True)}
