"""What a host's namespace is given: an nftables table that says what passes, and routes."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Sequence

from ...world.net import TABLE, TASKS, Host, resolver
from .api import Entry, Group, Network, Permission, Subnet

NAMES = {"1": "icmp", "6": "tcp", "17": "udp"}
PORTS = ("tcp", "udp")


def rules(network: Network, host: Host, hosts: Iterable[Host]) -> str:
    """Return the script that makes a host obey its subnet's network ACL and its security groups.

    The ACL is looked at before a connection is known (raw priority), so that a changed entry holds for connections that stand
    too; traffic within the subnet is not its business. Groups are looked at when a connection begins. The VPC's DNS resolver
    and the credentials of tasks are reached whatever they say, as on AWS.

    Args:
        network: The host's region.
        host: The host; in a subnet or with groups that the API does not know, it is on its own.
        hosts: All hosts: members of groups are found among them.
    """
    subnet = network.subnets.get(host.subnet, Subnet(""))
    groups = [network.groups.get(name, Group()) for name in host.groups]
    members = {name: [each.address for each in hosts if each.region == host.region and name in each.groups] for name in network.groups}
    names = resolver(network.cidr)
    chains = []
    for side, hook, link, peer in (("in", "prerouting", "iifname", "saddr"), ("out", "output", "oifname", "daddr")):
        port = "sport" if side == "in" else "dport"
        always = [
            f'{link} "lo" accept',
            f"ip {peer} {names} meta l4proto {{ tcp, udp }} th {port} 53 accept",
            f"ip {peer} {TASKS} tcp {port} 80 accept",
        ]
        numbered = [_entry(one, peer) for one in subnet.entries if one.egress == (side == "out")]
        within = [f"ip {peer} {subnet.cidr} accept"] if subnet.cidr else []
        chains.append(_chain(f"acl_{side}", hook, "raw", [*always, *within, *numbered]))
        allowed = [one for group in groups for one in (group.ingress if side == "in" else group.egress)]
        let = [text for one in dict.fromkeys(allowed) for text in _permission(one, peer, network, members)]
        hook = "input" if side == "in" else "output"
        chains.append(_chain(f"group_{side}", hook, "filter", [*always, "ct state established,related accept", *let]))
    return replace(TABLE, chains)


def replace(table: str, chains: Iterable[str]) -> str:
    """Return a script that puts a table in the place of the one of its name, at once."""
    return f"table inet {table} {{}}\ndelete table inet {table}\ntable inet {table} {{\n" + "".join(chains) + "}\n"


def _chain(name: str, hook: str, priority: str, lines: Iterable[str]) -> str:
    body = "".join(f"    {line}\n" for line in lines)
    return f"  chain {name} {{\n    type filter hook {hook} priority {priority}; policy drop;\n{body}  }}\n"


def _entry(one: Entry, peer: str) -> str:
    protocol = NAMES.get(one.protocol, one.protocol)
    words = [] if one.cidr == "0.0.0.0/0" else [f"ip {peer} {one.cidr}"]
    words += _protocol(protocol, one.icmp if protocol == "icmp" else one.ports)
    return " ".join([*(words or ["meta nfproto ipv4"]), "accept" if one.allow else "drop"])


def _permission(one: Permission, peer: str, network: Network, members: dict[str, list[str]]) -> Iterator[str]:
    """Yield the rule of a permission; none, where nobody is its peer."""
    peers = [*one.cidrs, *(each for name in one.groups for each in members.get(name, [])), *_listed(network, one.lists)]
    if peers:
        protocol = NAMES.get(one.protocol, one.protocol)
        ports = one.ports if protocol == "icmp" or one.ports != (-1, -1) else (0, 65535)
        yield " ".join([_addresses(peer, peers), *_protocol(protocol, ports), "accept"])


def _listed(network: Network, lists: Iterable[str]) -> Iterator[str]:
    for name in lists:
        yield from network.lists.get(name, ())


def _addresses(peer: str, peers: Sequence[str]) -> str:
    """Return the match of several addresses; what lies in another one is left out, as a set may hold nothing twice."""
    merged = list(ipaddress.collapse_addresses(ipaddress.IPv4Network(each) for each in peers))
    if merged[0].prefixlen == 0:
        return "meta nfproto ipv4"
    return f"ip {peer} {{ {', '.join(str(each.network_address) if each.prefixlen == 32 else str(each) for each in merged)} }}"


def _protocol(protocol: str, ports: tuple[int, int]) -> list[str]:
    """Return the match of a protocol (`-1`: all) and its ports, or ICMP's type and code."""
    if protocol == "-1":
        return []
    first, last = ports
    if protocol == "icmp" and first >= 0:
        return [f"icmp type {first}", *([f"icmp code {last}"] if last >= 0 else [])]
    if protocol in PORTS and ports != (0, 65535):
        return [f"{protocol} dport {first}" if first == last else f"{protocol} dport {first}-{last}"]
    return [f"meta l4proto {protocol}"]


def routes(network: Network, host: Host) -> dict[str, str]:
    """Return a host's routes beyond its subnet: by destination, the gateway's address, or "" where nothing is reached."""
    subnet = network.subnets.get(host.subnet, Subnet(""))
    gateway = str(ipaddress.ip_network(network.cidr)[1])
    return {
        "0.0.0.0/0": "",
        f"{TASKS}/32": gateway,
        **{route.to: gateway if route.via.startswith(("igw-", "nat-", "pcx-")) else "" for route in subnet.routes},
    }
