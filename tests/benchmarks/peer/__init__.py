"""The data of `wanted`, in the shape in which users of amazon.aws and community.aws would have written it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..wanted import Wanted
from .platform import more as more


def variables(wanted: Wanted) -> dict[str, Any]:
    """Return the variables of `foundation.yml`."""
    rules = {each["name"]: each for each in wanted["security_group_rules"]}
    descriptions = {each["name"]: each["description"] for each in wanted["security_group"]}

    def group_rules(name: str, direction: str) -> list[dict[str, Any]]:
        return [_group_rule(rule, descriptions) for rule in rules[name][direction]]

    groups = [
        {**each, "ingress": group_rules(each["name"], "ingress"), "egress": group_rules(each["name"], "egress")}
        for each in wanted["security_group"]
    ]
    acls = [
        {**each, "ingress": _acl_rules(each["entries"], egress=False), "egress": _acl_rules(each["entries"], egress=True)}
        for each in wanted["network_acl"]
    ]
    return {"wanted": {"instance_profile": [], "state": [], **wanted, "security_group": groups, "network_acl": acls}}


def _group_rule(rule: Mapping[str, Any], descriptions: Mapping[str, str]) -> dict[str, Any]:
    peer = rule["peer"]
    by_name = isinstance(peer, Mapping)
    whom = {"group_name": peer["name"], "group_desc": descriptions[peer["name"]]} if by_name else {"cidr_ip": peer}
    return {"proto": rule["protocol"], "from_port": rule["from"], "to_port": rule["to"], "rule_desc": rule["why"], **whom}


def _acl_rules(entries: Sequence[Mapping[str, Any]], *, egress: bool) -> list[list[Any]]:
    return [
        [each["rule"], each["protocol"], each["action"], each["cidr"], None, None, *_ports(each)]
        for each in entries
        if each["egress"] == egress
    ]


def _ports(entry: Mapping[str, Any]) -> list[Any]:
    return [None, None] if entry["protocol"] == "all" else [entry["from"], entry["to"]]
