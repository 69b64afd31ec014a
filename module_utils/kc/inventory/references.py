"""What one variable names must stand in another."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..aws.secretsmanager import AUTHORITY
from ..options import Path, Spec, suggestion
from .model import Host, Problem, feeding, mapping, units_of

_GRANTS = {
    "buckets_read": "storage_buckets",
    "buckets_write": "storage_buckets",
    "keys_use": "keys",
    "keys_decrypt": "keys",
    "secrets_read": "secrets",
    "queues_send": "queues",
    "queues_receive": "queues",
    "queues_put_aside": "queues",
}
REFERENCES: tuple[tuple[Path, str], ...] = (
    (("kc_network_flow_log_bucket",), "kc_storage_buckets"),
    (("kc_storage_buckets", "*", "key"), "kc_keys"),
    (("kc_queues", "*", "key"), "kc_keys"),
    (("kc_vaults_key",), "kc_keys"),
    (("kc_edge_log_bucket",), "kc_storage_buckets"),
    (("kc_edge_distributions", "*", "paths", "*", "signed_by"), "kc_secrets"),
    (("kc_replication_buckets", "@"), "kc_storage_buckets"),
    (("kc_replication_buckets", "*"), "kc_keys"),
    (("kc_nodes", "*", "service"), "kc_nodes_services"),
    (("kc_nodes_services", "*", "tier"), "kc_network_tiers"),
    (("kc_nodes_services", "*", "security_groups", "*"), "kc_network_security_groups"),
    (("kc_nodes_services", "*", "role"), "kc_identity_roles"),
    (("kc_nodes_services", "*", "key"), "kc_keys"),
    (("kc_nodes_resize", "*"), "kc_nodes"),
    *((("kc_applications", "*", role), "kc_identity_roles") for role in ("role", "execution_role")),
    (("kc_applications", "*", "scaling", "queue"), "kc_queues"),
    (("kc_applications", "*", "secrets", "*"), "kc_secrets"),
    *((("kc_identity_roles", "*", "grants", grant, "*"), f"kc_{names}") for grant, names in _GRANTS.items()),
    (("kc_identity_roles", "*", "grants", "backups", "bucket"), "kc_storage_buckets"),
    (("kc_identity_roles", "*", "grants", "backups", "key"), "kc_keys"),
    *(
        (("kc_identity_roles", "*", "grants", "replicate", of, "*"), f"kc_{names}")
        for of, names in (("buckets", "storage_buckets"), ("keys", "keys"))
    ),
)
"""Where a variable names an entry of another one; `*` is every value, `@` every key."""


def references(host: Host, hosts: Sequence[Host], modules: Mapping[str, Spec]) -> Iterator[Problem]:
    """Yield what points at something that the inventory does not hold."""
    groups = mapping(host.values.get("kc_network_security_groups"))
    for group, about in groups.items():
        for way in ("ingress", "egress"):
            rules = mapping(about).get(way)
            for index, rule in enumerate(rules if isinstance(rules, list) else []):
                peer = str(mapping(rule).get("peer", "world"))
                if peer not in (*groups, "world", "vpc", "peers") and not _is_network(peer):
                    path: Path = ("kc_network_security_groups", group, way, index, "peer")
                    yield Problem(
                        host.name, path, f"`{peer}` is no peer: {suggestion(peer, ['world', 'vpc', 'peers', *groups])} A CIDR will do too"
                    )
    endpoints = mapping(host.values.get("kc_network_endpoints"))
    door = endpoints.get("security_group")
    if endpoints.get("interface") and isinstance(door, str) and door not in groups:
        yield Problem(host.name, ("kc_network_endpoints", "security_group"), f"`{door}` is no security group: {suggestion(door, groups)}")
    others = [one.name for one in hosts if one.groups & {"regions", "witness"} and one.name != host.name]
    peers = host.values.get("kc_peering_peers")
    for index, peer in enumerate(peers if isinstance(peers, list) else []):
        if peer not in others:
            yield Problem(
                host.name, ("kc_peering_peers", index), f"`{peer}` is no other region of this inventory: {suggestion(str(peer), others)}"
            )

    yield from _authorities(host, hosts)
    for pattern, holder in REFERENCES:
        if not any(pattern[0] in feeding(host, unit, modules) for unit in units_of(host)):
            continue
        # what is global serves all regions, and secrets are made in one
        holders = hosts if "global" in host.groups or holder == "kc_secrets" else [host]
        known = {name: None for one in holders for name in mapping(one.values.get(holder))}
        for path, text in _matching(host.values.get(str(pattern[0])), pattern[1:], pattern[:1]):
            name = text.partition(":")[0]  # a secret is named with the key that is wanted of it
            if name not in known:
                yield Problem(host.name, path, f"`{name}` is not in {holder}: {suggestion(name, known)}")


def _authorities(host: Host, hosts: Sequence[Host]) -> Iterator[Problem]:
    """Yield the roles that may read what signs certificates: whatever has such a role could make itself any node."""
    made = {
        name for one in hosts for name, about in mapping(one.values.get("kc_secrets")).items() if mapping(about).get("kind") == AUTHORITY
    }
    roles = mapping(host.values.get("kc_identity_roles")) if "identity" in units_of(host) else {}
    for path, text in _matching(roles, ("*", "grants", "secrets_read", "*"), ("kc_identity_roles",)):
        if text in made:
            yield Problem(
                host.name, path, f"`{text}` is of the kind {AUTHORITY}, which no role may read: its certificate stands in tls/{text}"
            )


def _matching(value: Any, pattern: Path, path: Path) -> Iterator[tuple[Path, str]]:
    """Yield the texts that stand where a pattern of `REFERENCES` leads, with their paths."""
    if not pattern:
        if isinstance(value, str):
            yield path, value
        return
    step, *rest = pattern
    if step == "@":
        yield from (((*path, name), name) for name in mapping(value))
    elif step == "*" and isinstance(value, list):
        for index, item in enumerate(value):
            yield from _matching(item, tuple(rest), (*path, index))
    else:
        for name, item in mapping(value).items():
            if step in ("*", name):
                yield from _matching(item, tuple(rest), (*path, name))


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True
