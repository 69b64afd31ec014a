"""Hosts, their variables, and which option of which unit each variable feeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

import yaml

from ..applications import Application
from ..options import Path, Spec, entries_of
from ..spec import COMMON, documentation, spec_of
from ..units import backup, budgets, dns, edge, identity, keys, mysql, nodes, queues, secrets, storage
from ..waf import GroupSettings, RateSettings

UNITS: dict[str, tuple[str, ...]] = {
    "identity": ("global", "clients"),
    "zone": ("global",),
    "keys": ("regions", "witness", "global", "clients"),
    "storage": ("regions", "witness"),
    "replication": ("regions", "witness"),
    "network": ("regions", "witness"),
    "peering": ("regions", "witness"),
    "registry": ("regions", "witness"),
    "secrets": ("regions", "witness", "clients"),
    "parameters": ("regions", "witness"),
    "certificates": ("regions", "global"),
    "private_zone": ("global",),
    "nodes": ("regions", "witness", "clients"),
    "edge": ("global",),
    "cluster": ("regions",),
    "queues": ("regions",),
    "balancer": ("regions",),
    "services": ("regions",),
    "dns": ("global",),
    "vaults": ("regions",),
    "backup": ("regions",),
    "budgets": ("global", "clients"),
    "observability": ("regions", "witness", "global", "clients"),
    # converges on the one that is primary now, which can be either
    "mysql": ("regions", "clients"),
}
"""Units, and the groups of hosts that each converges on: those of its play."""

FEEDS: dict[str, tuple[tuple[str, str], ...]] = {
    "kc_platform": (("scope", "platform"),),
    "kc_environment": (("scope", "environment"),),
    "kc_account": (("scope", "account"),),
    "kc_tags": (("scope", "tags"),),
    "kc_aws": (("scope", "aws"),),
    "kc_domain": (("zone", "domain"), ("certificates", "domain"), ("edge", "domain"), ("dns", "domain"), ("balancer", "domain")),
    "kc_edge_distributions": (("edge", "distributions"), ("dns", "distributions")),
    "kc_other_region": (("replication", "to_region"), ("mysql", "replica_region")),
    "kc_home": (("keys", "home_region"), ("dns", "home"), ("mysql", "home_region")),
    "kc_keys": (("keys", "keys"),),
    "kc_secrets": (("secrets", "secrets"),),
    "kc_parameters": (("parameters", "values"),),
    "kc_budgets": (("budgets", "budgets"),),
    "kc_nodes": (("nodes", "nodes"),),
    **{f"kc_network_{option}": (("network", option), ("nodes", option)) for option in ("cidr", "zones", "tiers")},
    "kc_queues": (("queues", "queues"),),
    "kc_applications": (("balancer", "applications"), ("services", "applications")),
    "kc_images": (("services", "images"),),
}
"""Variables that are named otherwise than `kc_<unit>_<option>`, and the options that each feeds."""

GROUPS = {
    ("identity", "regions"): "regions",
    ("private_zone", "regions"): "regions",
    ("private_zone", "witness"): "witness",
    ("dns", "regions"): "regions",
}
"""Options that a playbook fills with the hosts of a group."""

_RULE: Spec = {
    "port": {"type": "str", "required": True},
    "peer": {"type": "str", "required": True},
    "protocol": {"type": "str", "choices": ["tcp", "udp"]},
    "why": {"type": "str", "required": True},
}
_ACCOUNT: Spec = {
    "instance": {"type": "str", "required": True},
    "secret": {"type": "str", "required": True},
    "databases": {"type": "dict", "required": True},
    "connections": {"type": "int"},
    "host": {"type": "str"},
    "failed_logins": {"type": "int"},
}
_VOLUME: dict[str, Any] = {"type": "dict", "options": entries_of(nodes.VolumeSettings)}
ENTRIES: dict[str, Spec] = {
    "kc_applications": entries_of(Application),
    "kc_backup_rules": entries_of(backup.RuleSettings),
    "kc_backup_selections": entries_of(backup.SelectionSettings),
    "kc_balancer_waf_groups": entries_of(GroupSettings),
    "kc_balancer_waf_rates": entries_of(RateSettings),
    "kc_budgets": entries_of(budgets.BudgetSettings),
    "kc_dns_records": entries_of(dns.RecordSettings),
    "kc_edge_cache": entries_of(edge.CacheSettings),
    "kc_edge_distributions": entries_of(edge.DistributionSettings),
    "kc_edge_headers": entries_of(edge.HeaderSettings),
    "kc_edge_waf_groups": entries_of(GroupSettings),
    "kc_edge_waf_rates": entries_of(RateSettings),
    "kc_identity_roles": entries_of(identity.RoleSettings),
    "kc_keys": entries_of(keys.KeySettings),
    "kc_queues": entries_of(queues.QueueSettings),
    "kc_mysql_accounts": _ACCOUNT,
    "kc_mysql_accounts_platform": _ACCOUNT,
    "kc_mysql_clients": {name: {**about, "required": False} for name, about in _ACCOUNT.items()},
    "kc_mysql_instances": entries_of(mysql.InstanceSettings),
    "kc_secrets": entries_of(secrets.SecretSettings),
    "kc_storage_buckets": entries_of(storage.BucketSettings),
    "kc_nodes": {**entries_of(nodes.NodeSettings), "volume": _VOLUME},
    "kc_nodes_services": {
        **entries_of(nodes.ServiceSettings),
        "volume": {**_VOLUME, "required": True},
        "image": {"type": "dict", "options": entries_of(nodes.ImageSettings)},
    },
    "kc_network_tiers": {
        "internet": {"type": "str", "required": True, "choices": ["direct", "nat", "none"]},
        "acl": {"type": "str", "required": True, "choices": ["open", "internal"]},
    },
    "kc_network_security_groups": {
        "description": {"type": "str", "required": True},
        "ingress": {"type": "list", "elements": "dict", "options": _RULE},
        "egress": {"type": "list", "elements": "dict", "options": _RULE},
    },
}
"""Shape of an entry, where an option holds entries by name (Ansible's specs have no word for it)."""


def described(root: FilePath) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the specs of the inventory's variables, and those of modules, from the toolkit's files.

    Modules are those of the units by unit; `scope` is the option that all of them have.
    """
    roles = yaml.safe_load((root / "roles/preflight/meta/argument_specs.yml").read_text())
    modules = {unit: spec_of(documentation(root / "library" / f"kc_{unit}.py")) for unit in UNITS}
    return dict(roles["argument_specs"]["inventory"]["options"]), {**modules, "scope": spec_of(COMMON)["scope"]["options"]}


@dataclass(frozen=True)
class Host:
    """A host of the inventory.

    Attributes:
        values: Its merged variables whose names begin with `kc_`, templates resolved.
        broken: Those whose templates can't be resolved, with the reason.
    """

    name: str
    groups: frozenset[str]
    values: Mapping[str, Any]
    broken: Mapping[str, str] = field(default_factory=dict)

    @property
    def client(self) -> str:
        """The special client that it is, or nothing: it is a region then."""
        return self.name if "clients" in self.groups else ""

    @property
    def region(self) -> str:
        """The region whose units it converges: a client's are made from the home region."""
        return str(self.values.get("kc_home", "")) if self.client else self.name


@dataclass(frozen=True)
class Problem:
    """Something wrong.

    Attributes:
        host: A host that has it; empty where several do.
        path: The variable, and the way into it; empty where the host itself is the problem.
        text: What is wrong and what to do.
    """

    host: str
    path: Path
    text: str

    @property
    def key(self) -> str:
        """The path as it is written: `kc_network_tiers.data.acl`, `kc_network_zones[1]`."""
        return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.path).lstrip(".")


def feeds(variable: str, modules: Mapping[str, Spec]) -> tuple[tuple[str, str], ...]:
    """Return the options, as unit and name, that a variable feeds."""
    if variable in FEEDS:
        return FEEDS[variable]
    unit, _, option = variable.removeprefix("kc_").partition("_")
    return ((unit, option),) if option in modules.get(unit, {}) else ()


def spec_for(variable: str, spec: Mapping[str, Any], modules: Mapping[str, Spec]) -> Mapping[str, Any]:
    """Return a variable's spec, completed by that of the option that it feeds."""
    option = next((modules[unit][name] for unit, name in feeds(variable, modules)), {})
    entries = {"entries": ENTRIES[variable]} if variable in ENTRIES else {}
    return {**{key: value for key, value in option.items() if key not in ("required", "default")}, **spec, **entries}


def units_of(host: Host) -> list[str]:
    """Return the units that converge on a host."""
    return [unit for unit, groups in UNITS.items() if host.groups & set(groups)]


def feeding(host: Host, unit: str, modules: Mapping[str, Spec]) -> dict[str, str]:
    """Return the host's variables that feed a unit, with the option that each feeds."""
    return {name: option for name in {*host.values, *host.broken} for of, option in feeds(name, modules) if of == unit}


def mapping(value: Any) -> Mapping[str, Any]:
    """Return a mapping as it is, and anything else as an empty one."""
    return value if isinstance(value, Mapping) else {}
