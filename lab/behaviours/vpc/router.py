"""What the router lets pass between the regions and the Internet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ...world.net import APIS, OUTER, TABLE
from .api import Network, Peering
from .host import replace


def rules(networks: Sequence[Network], links: Callable[[str], Iterable[str]], uplink: Callable[[str], str]) -> str:
    """Return the script that makes the router obey peerings, route tables and gateways.

    What passes between regions is not tracked: a route or a peering that is taken away ends what is connected.

    Args:
        networks: The regions' networks.
        links: Gives the names of the router's links to a region.
        uplink: Gives a region's address on them, where its APIs answer other regions.
    """
    outer = _set(f'"{name}"' for name in OUTER)
    lines = [f"iifname {outer} oifname {outer} accept"]
    by_region = {network.region: network for network in networks}
    for one, other in _pairs(by_region):
        here, there = (_set(f'"{name}"' for name in links(network.region)) for network in (one, other))
        lines += [
            f"iifname {here} oifname {there} ip saddr {one.cidr} ip daddr {other.cidr} accept",
            f"iifname {there} oifname {here} ip saddr {other.cidr} ip daddr {one.cidr} accept",
        ]
    for network in networks:
        link = _set(f'"{name}"' for name in links(network.region))
        public = [subnet.cidr for subnet in network.subnets.values() if subnet.leads("igw-")]
        hidden = [subnet.cidr for subnet in network.subnets.values() if subnet.leads("nat-") and not subnet.leads("igw-")]
        if public:
            lines.append(f"iifname {outer} oifname {link} ip daddr {_set(public)} accept")
        if hidden:
            lines.append(f"iifname {outer} oifname {link} ip daddr {_set(hidden)} ct state established,related accept")
        if public or hidden:
            own = _set([*public, *hidden])
            lines.append(f"iifname {link} oifname {outer} ip saddr {own} accept")
            for other in networks:
                if other is not network:
                    there, apis = _set(f'"{name}"' for name in links(other.region)), uplink(other.region)
                    lines += [
                        f"iifname {link} oifname {there} ip saddr {own} ip daddr {apis} tcp dport {APIS} accept",
                        f"iifname {there} oifname {link} ip saddr {apis} ip daddr {own} tcp sport {APIS} accept",
                    ]
    body = "".join(f"    {line}\n" for line in lines)
    return replace(TABLE, [f"  chain forward {{\n    type filter hook forward priority filter; policy drop;\n{body}  }}\n"])


def _pairs(networks: dict[str, Network]) -> list[tuple[Network, Network]]:
    """Return which regions are peered and have a route to each other, each pair once."""
    found: dict[str, Peering] = {one.id: one for network in networks.values() for one in network.peerings}
    pairs = []
    for peering in found.values():
        one, other = (networks.get(region) for region, _ in peering.ends)
        if one and other and all(_leads(end, peering) for end in (one, other)):
            pairs.append((one, other))
    return sorted(pairs, key=lambda pair: (pair[0].region, pair[1].region))


def _leads(network: Network, peering: Peering) -> bool:
    return any(route.via == peering.id for subnet in network.subnets.values() for route in subnet.routes)


def _set(names: Iterable[str]) -> str:
    return f"{{ {', '.join(sorted(names))} }}"
