"""The hosts that stand for nodes: those that `kc_nodes` names, in the groups of their services, and no others."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence

from ..options import suggestion
from .model import Host, Problem, mapping

NODES = "nodes"
"""The group of all of them."""

CLIENT = "kc_client"
"""The variable of a node that says which client it is dedicated to."""


def counts(variable: str, groups: Container[str]) -> bool:
    """Whether a variable of a host is the platform's to check; the rest of a node's are its roles'."""
    return variable == CLIENT if NODES in groups else variable.startswith("kc_")


def group_of(service: str, client: str = "") -> str:
    """Return the group of a service's nodes: what is dedicated to clients stands apart from the platform's."""
    return f"{service}_clients" if client else service


def host_of(short: str, region: str, client: str = "") -> str:
    """Return what a node is called in the inventory: its name in the private zone, without the zone."""
    return ".".join(("-".join(filter(None, (client, short))), region))


def nodes(platform: Sequence[Host], hosts: Sequence[Host]) -> Iterator[Problem]:
    """Yield where `kc_nodes` and the hosts of the group `nodes` differ.

    Args:
        platform: Regions, witness and clients.
        hosts: The hosts of the group.
    """
    here = {host.name: host for host in hosts}
    wanted: dict[str, tuple[str, str]] = {}
    for host in platform:
        if not host.groups & {"regions", "witness", "clients"}:
            continue
        for short, about in mapping(host.values.get("kc_nodes")).items():
            name = host_of(str(short), host.region, host.client)
            group = group_of(str(mapping(about).get("service")), host.client)
            wanted[name] = (group, host.client)
            if name not in here or group not in here[name].groups:
                yield Problem(host.name, ("kc_nodes", str(short)), f"has no host: add `{_written(name, host.client)}` to the group {group}")
    for name, host in here.items():
        if name not in wanted:
            yield Problem(name, (), f"`{name}` is no node of kc_nodes: {suggestion(name, wanted)}")
            continue
        group, client = wanted[name]
        others = sorted(host.groups & {one for one, _ in wanted.values()} - {group})
        if others:
            yield Problem(name, (), f"`{name}` is of the group {group}, and not of {', '.join(others)}: take it out there")
        if str(host.values.get(CLIENT, "")) != client:
            yield Problem(name, (CLIENT,), f"say whose node it is: `{_written(name, client)}`")


def split(hosts: Sequence[Host]) -> Mapping[bool, list[Host]]:
    """Return the hosts by whether they are nodes: what the platform is made of is said of the others."""
    return {which: [host for host in hosts if (NODES in host.groups) is which] for which in (False, True)}


def _written(name: str, client: str) -> str:
    return f"{name}: {{{CLIENT}: {client}}}" if client else f"{name}:"
