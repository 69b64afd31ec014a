"""What runbooks show."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).absolute().parents[2]
if str(ROOT / "module_utils") not in sys.path:
    sys.path.append(str(ROOT / "module_utils"))

from kc.units.network import subnet_cidr  # noqa: E402


def kc_call(call: Mapping[str, Any]) -> str:
    """Return a call as a line: what, where, with what."""
    return f"{call['call']} at {call['endpoint']} ({call['region']}) {json.dumps(call['params'], sort_keys=True, default=str)}"


def kc_reason(failed: Mapping[str, Any]) -> str:
    """Return why a task failed, in a sentence: what its module says, or what it found that should be otherwise."""
    found = [*failed.get("reasons", []), *failed.get("silent", {}).values()]
    return str(failed.get("msg") or "; ".join(map(str, found)) or "See what is above.")


def kc_replica(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a runbook writes down of a replica, from what kc_mysql_info tells of it."""
    server = found["server"]
    channel: Mapping[str, Any] = next(iter(server["channels"]), {})
    about = {name: channel.get(name, "") for name in ("source", "source_uuid", "io", "sql", "retrieved")}
    return {**about, "executed": server["executed"], "lag": found["lag"], "uuid": server["uuid"]}


def kc_promoted(done: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a runbook writes down of a promotion, from what kc_mysql_promotion tells."""
    return {name: done.get(name) for name in ("uuid", "lost", "lost_count", "unapplied", "executed", "resumed", "waited")}


def kc_pairs(former: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Return the instances of one region, each with that of the same name in the other; one that has none is left out."""
    named = {each["id"]: each for each in now}
    return [(each, named[each["id"]]) for each in former if each["id"] in named]


def kc_apart(cidr: str, tiers: Sequence[str], zones: Sequence[str], tier: str) -> list[str]:
    """Return the addresses of all tiers of a network but one, a subnet each."""
    return [subnet_cidr(cidr, place, index) for place, each in enumerate(tiers) if each != tier for index, _ in enumerate(zones)]


def kc_node_port(node: str, keepers: Sequence[str]) -> int:
    """Return the port that a node of the data tier is known to be there by: the ensemble's, or ClickHouse's, over TLS."""
    return 9281 if node in keepers else 9440


def kc_seen(nodes: Sequence[str], hostvars: Mapping[str, Mapping[str, Any]]) -> dict[str, list[str]]:
    """Return which of nodes were asked whether they reach anything of a region (tasks/vantage.yml), and which of these reach nothing."""
    found = {node: (hostvars[node].get("vantage") or {}).get("reached") for node in nodes}
    asked = {node: reached for node, reached in found.items() if reached is not None}
    return {"asked": [*asked], "blind": [node for node, reached in asked.items() if not reached]}


def kc_statements(done: Mapping[str, Any]) -> list[str]:
    """Return what a module of MySQL ran, or would run, a line each: where, and what."""
    return [f"{each['statement']} at {each['node']}" for each in done.get("statements", [])]


def kc_untouched(results: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether nothing is other than before a step that failed: each result changed nothing, or took back what it did."""
    return all(each.get("undone") or not (each.get("changed") or each.get("applied")) for each in results)


class FilterModule:
    """Ansible's way to the filters."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return them by name."""
        return {
            "kc_apart": kc_apart,
            "kc_call": kc_call,
            "kc_node_port": kc_node_port,
            "kc_pairs": kc_pairs,
            "kc_promoted": kc_promoted,
            "kc_reason": kc_reason,
            "kc_replica": kc_replica,
            "kc_seen": kc_seen,
            "kc_statements": kc_statements,
            "kc_untouched": kc_untouched,
        }
