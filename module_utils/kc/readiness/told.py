"""How what others tell is judged: databases, the preflight, and the plan of a run in check mode. Pure.

What is told is a task's result as it was registered; where it was never asked, or failed, it has a reason (`msg`) and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .finding import Finding

Result = Mapping[str, Any]

SHOWN = 3
"""Differences that are named; of more it is told how many."""


def judge_told(told: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield a finding for each that was asked: `replica` (a list of results), `clickhouse`, `quotas`, `drift`."""
    replicas = told.get("replica")
    yield from judge_replicas([{}] if replicas is None else replicas)
    yield judge_clickhouse(told.get("clickhouse") or {})
    yield judge_quotas(told.get("quotas") or {})
    yield judge_drift(told.get("drift") or {})


def judge_replicas(found: Sequence[Result]) -> Iterator[Finding]:
    """Yield whether each replica of MySQL could take its source's place, by kc_mysql_info."""
    hint = "`ansible-playbook site.yml --tags databases,mysql` makes what lacks"
    if not found:
        yield Finding("replica", "fail", "the standby has no replica of MySQL", hint)
    for each in found:
        name = (each.get("database") or {}).get("id") or "MySQL"
        if "ready" not in each:
            yield Finding("replica", "unknown", f"{name} was not asked: {_why(each)}", hint)
        elif not each["ready"]:
            yield Finding("replica", "fail", f"{name}: {'; '.join(each['reasons'])}", "docs/mysql.md, what stands against a replica")
        else:
            yield Finding("replica", "ok", f"{name} is {each['lag']['seconds']:.1f} s behind")


def judge_clickhouse(found: Result) -> Finding:
    """Return whether every table on every node of ClickHouse is ready, by kc_clickhouse_info."""
    if "ready" not in found:
        return Finding("clickhouse", "unknown", f"it was not asked: {_why(found)}", "`playbooks/status.yml` tells which nodes answer")
    if not found["ready"]:
        return Finding("clickhouse", "fail", "; ".join(found["reasons"]), "docs/operations/replica.md")
    tables = {table for node in found["nodes"].values() for table in node.get("tables") or {}}
    return Finding("clickhouse", "ok", f"{len(tables)} replicated tables are ready on {len(found['nodes'])} nodes")


def judge_quotas(found: Result) -> Finding:
    """Return whether the standby has room for all that a primary may need, by kc_preflight."""
    checks = found.get("checks")
    if not checks:
        return Finding("capacity", "unknown", f"quotas were not asked: {_why(found)}", "run it again")
    lines = {
        verdict: [f"{each['check']}: {each['detail']}" for each in checks if each["verdict"] == verdict] for verdict in ("fail", "unknown")
    }
    if lines["fail"]:
        return Finding("capacity", "fail", "; ".join(lines["fail"]), "ask for more before it is needed: AWS takes days")
    if lines["unknown"]:
        return Finding("capacity", "unknown", "; ".join(lines["unknown"]), "docs/reference/permissions/ lists what may be asked")
    return Finding("capacity", "ok", f"{len(checks)} quotas and offers suffice")


def judge_drift(found: Result) -> Finding:
    """Return whether the standby is what the inventory says, by the `plan` of a run in check mode."""
    plan = found.get("plan")
    if plan:
        named = [f"{each['action']} {each['kind']} {each['name']} ({each['region']})" for each in plan[:SHOWN]]
        more = [f"{len(plan) - SHOWN} more"] if len(plan) > SHOWN else []
        return Finding("drift", "fail", ", ".join([*named, *more]), "`ansible-playbook site.yml` puts them back")
    if plan is None or found.get("rc") != 0:
        return Finding("drift", "unknown", f"it was not looked at: {_why(found)}", "`ansible-playbook playbooks/drift.yml` tells more")
    return Finding("drift", "ok", "nothing differs from the inventory")


def _why(found: Result) -> str:
    return str(found.get("msg") or "nobody could be asked").strip().rstrip(".")
