"""Whether an inventory makes sense: every problem at once, before anything is touched.

Pure: the action plugin `kc_inventory` hands in hosts with their merged variables, and finds file and line of a
problem's path. Options are not described again: a variable `kc_<unit>_<option>` is checked against the option of
the module that it feeds, and the unit's own builder has the last word.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

from .. import limits, names
from ..options import Spec, check, suggestion
from .accounts import accounts
from .built import built, needs_of
from .model import Host, Problem, described, feeds, mapping, spec_for, units_of
from .nodes import counts, nodes, split
from .references import references

__all__ = ["Host", "Problem", "counts", "described", "needs_of", "problems"]

REGION_GROUPS = ("regions", "witness", "global")


def problems(hosts: Sequence[Host], variables: Spec, modules: Mapping[str, Spec]) -> list[Problem]:
    """Return everything that is wrong.

    Args:
        hosts: All hosts of the inventory.
        variables: Spec of the inventory's variables; both are as `described`.
        modules: Specs of the units' modules.
    """
    specs = {name: spec_for(name, spec, modules) for name, spec in variables.items()}
    apart = split(hosts)
    hosts = apart[False]
    found = list(_missing(hosts, specs, modules))
    missing = {str(problem.path[0]) for problem in found}
    for host in hosts:
        found += [*_variables(host, specs, missing), *_names(host), *references(host, hosts, modules), *accounts(host, hosts)]
    found += [*_regions(hosts), *_networks(hosts), *_addresses(hosts)]
    wrong = {str(problem.path[0]) for problem in found if problem.path}
    found += [problem for host in hosts for unit in units_of(host) for problem in built(host, unit, modules, hosts, wrong)]
    # which hosts there have to be is known once the nodes are right
    return found if any(problem.path[:1] == ("kc_nodes",) for problem in found) else [*found, *nodes(hosts, apart[True])]


def _variables(host: Host, specs: Spec, missing: set[str]) -> Iterator[Problem]:
    # what is built of names that can't be is no problem of its own
    causes = {*missing, *(f"{host.values[str(problem.path[0])]}-" for problem in _names(host) if problem.path)}
    for name in sorted({*host.values, *host.broken}):
        if name not in specs:
            yield Problem(host.name, (name,), f"is no variable of the platform: {suggestion(name, specs)}")
        elif name not in host.broken:
            yield from (Problem(host.name, path, text) for path, text in check(specs[name], host.values[name], (name,)))
        elif not any(one in host.broken[name] for one in causes):
            yield Problem(host.name, (name,), f"can't be resolved: {host.broken[name]}")


def _missing(hosts: Sequence[Host], specs: Spec, modules: Mapping[str, Spec]) -> Iterator[Problem]:
    for name, spec in specs.items():
        needing = {unit for unit, option in feeds(name, modules) if modules[unit][option].get("required")}
        where = [
            host.name
            for host in hosts
            if (spec.get("required") or needing & set(units_of(host))) and name not in host.values and name not in host.broken
        ]
        if where:
            yield Problem(where[0] if len(where) == 1 else "", (name,), f"is missing on {', '.join(where)}: {_what(spec)}")


def _what(spec: Mapping[str, Any]) -> str:
    about = spec.get("description") or "set it"
    first = about[0] if isinstance(about, list) else about
    return " ".join(re.sub(r"[A-Z]\(([^)]*)\)", r"\1", str(first)).split()).rstrip(".")


def _names(host: Host) -> Iterator[Problem]:
    for variable in ("kc_platform", "kc_environment"):
        value = host.values.get(variable)
        if isinstance(value, str) and not re.fullmatch(names.PLATFORM, value):
            yield Problem(host.name, (variable,), f"`{value}` can't begin a name: use lower-case letters and digits, a letter first")
    account = host.values.get("kc_account")
    if isinstance(account, (str, int)) and not re.fullmatch(r"\d{12}", str(account)):
        yield Problem(host.name, ("kc_account",), f"`{account}` is no account id: write its 12 digits in quotes")
    if "clients" in host.groups and not re.fullmatch(names.CLIENT, host.name):
        yield Problem(
            host.name, (), f"`{host.name}` can't be a client's name: use lower-case letters, digits and single hyphens, a letter first"
        )


def _regions(hosts: Sequence[Host]) -> Iterator[Problem]:
    known = limits.regions()
    for host in hosts:
        if host.groups & set(REGION_GROUPS) and host.name not in known:
            yield Problem(host.name, (), f"`{host.name}` is no AWS region: {suggestion(host.name, known)}")
        home, regions = host.values.get("kc_home"), [one.name for one in hosts if "regions" in one.groups]
        if home is not None and home not in regions:
            yield Problem(host.name, ("kc_home",), f"`{home}` is no host of the group regions: {suggestion(str(home), regions)}")
        zones = host.values.get("kc_network_zones")
        if "regions" in host.groups and isinstance(zones, list) and len(set(map(str, zones))) < 2:
            yield Problem(
                host.name,
                ("kc_network_zones",),
                "a region needs two zones at least: load balancers and Multi-AZ databases do (three are better)",
            )


def _networks(hosts: Sequence[Host]) -> Iterator[Problem]:
    given = [
        (host.name, host.values["kc_network_cidr"]) for host in hosts if host.values.get("kc_network_cidr") is not None and not host.client
    ]
    valid = []
    for name, cidr in given:
        wrong = limits.vpc(cidr)
        if wrong:
            yield Problem(name, ("kc_network_cidr",), wrong)
        else:
            valid.append((name, ipaddress.IPv4Network(cidr)))
    for (first, one), (second, other) in combinations(valid, 2):
        if one.overlaps(other):
            yield Problem(
                second, ("kc_network_cidr",), f"{other} overlaps {one} of {first}, and a peering can't route that: choose another network"
            )


def _addresses(hosts: Sequence[Host]) -> Iterator[Problem]:
    """Nodes of a region and of its clients share subnets; within a host, the unit's builder sees to it."""
    taken: dict[tuple[Any, ...], tuple[str, str]] = {}
    for host in sorted(hosts, key=lambda one: bool(one.client)):
        services = mapping(host.values.get("kc_nodes_services"))
        for name, node in mapping(host.values.get("kc_nodes")).items():
            about = mapping(node)
            tier = mapping(services.get(str(about.get("service")))).get("tier")
            place = (host.region, tier, about.get("zone"), about.get("address"))
            owner, other = taken.setdefault(place, (host.name, str(name)))
            if owner != host.name and None not in place[2:]:
                yield Problem(
                    host.name,
                    ("kc_nodes", str(name), "address"),
                    f"{place[3]} in zone {place[2]} is {other}'s of {owner}: give it another number",
                )
