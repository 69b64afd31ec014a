"""A unit: what one task converges, and the result that the task returns."""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from .aws.session import Aws, Connection
from .converge import converge
from .errors import Defect, KcError, UnitError
from .model import Change, Key, Kind, Outcome, Resource
from .scope import Scope

Params = Mapping[str, Any]


def _own_region(scope: Scope, params: Params) -> list[str]:
    return [scope.region]


@dataclass(frozen=True)
class Unit:
    """A set of resources that one task converges.

    Attributes:
        name: The tag `Component` of what it makes; `kc_<name>` is its module.
        kinds: Every kind it makes, those that others build on first.
        build: Pure: options to desired state. Called only for `state: present`.
        regions: Regions that it has resources in.
        services: AWS services it calls (their models are loaded ahead).
    """

    name: str
    kinds: tuple[Kind, ...]
    build: Callable[[Scope, Params], Sequence[Resource]]
    services: tuple[str, ...]
    regions: Callable[[Scope, Params], list[str]] = _own_region


def scope_of(unit: Unit, params: Params) -> Scope:
    """Return the scope that a task's `scope` option describes."""
    given = params["scope"]
    return Scope(
        platform=given["platform"],
        environment=given["environment"],
        account=given["account"],
        region=given["region"],
        component=unit.name,
        client=given.get("client") or "",
        extra_tags=given.get("tags") or {},
    )


def connection_of(params: Params) -> Connection:
    """Return how the task's `scope.aws` option reaches AWS."""
    return Connection(**{key: value for key, value in (params["scope"].get("aws") or {}).items() if value is not None})


def run(
    unit: Unit, params: Params, *, check: bool, progress: Callable[[str], None] = lambda text: None, aws: Aws | None = None
) -> dict[str, Any]:
    """Converge a unit and return the task's result, in the same shape with and without `check`.

    Returns:
        `changed`, `plan` (`{action, kind, name, region, before, after}` a change), `diff` (Ansible's), `outputs`
        (of everything that stands, by kind and name), `standing` (how many of each kind), `kept` (what holds data
        and so was left). On an error also `failed`, `msg`, `errors`, `applied`, and where a defect of the toolkit is
        the reason, its traceback as `exception`.
    """
    try:
        scope = scope_of(unit, params)
        aws = aws or Aws(connection_of(params), scope.region, progress)
        resources = list(unit.build(scope, params)) if params.get("state", "present") == "present" else []
        outcome = converge(
            aws,
            scope,
            resources,
            unit.kinds,
            regions=unit.regions(scope, params),
            check=check,
            delete_data=params.get("data", "keep") == "delete",
        )
    except KcError as error:
        outcome = (error.outcome if isinstance(error, UnitError) else None) or Outcome(plan=[])
        errors = error.errors if isinstance(error, UnitError) else [error]
        defect = next((one.__cause__ for one in errors if isinstance(one, Defect)), None)
        return {
            **report(unit, outcome),
            "changed": bool(outcome.applied),
            "failed": True,
            "msg": str(error),
            "errors": [one.facts() for one in errors],
            "applied": [change.line for change in outcome.applied],
            **({"exception": "".join(traceback.format_exception(defect))} if defect else {}),
        }
    return report(unit, outcome)


def report(unit: Unit, outcome: Outcome) -> dict[str, Any]:
    """Turn an outcome into a task's result: plain data only."""
    own = {kind.name for kind in unit.kinds}
    standing: dict[str, int] = {}
    outputs: dict[str, dict[str, Any]] = {}
    times = Counter((key.kind, key.name) for key in outcome.live)
    for key, live in sorted(outcome.live.items()):
        if key.kind in own:
            standing[key.kind] = standing.get(key.kind, 0) + 1
            name = key.name if times[key.kind, key.name] == 1 else f"{key.name}@{key.region}"  # one name in several regions
            outputs.setdefault(key.kind, {})[name] = {**plain(live.outputs), "region": key.region}
    return {
        "changed": bool(outcome.plan),
        "unit": unit.name,
        "plan": [entry(change) for change in outcome.plan],
        "diff": [diff(change) for change in outcome.plan],
        "outputs": outputs,
        "standing": standing,
        "kept": [f"{key.kind} {key.name} ({key.region})" for key in outcome.kept],
    }


def with_plans(result: Mapping[str, Any], unit: str, region: str, task_vars: Mapping[str, Any]) -> dict[str, Any]:
    """Return a unit's result with its plan added to the host's others, by unit and region (the fact `kc_plans`)."""
    plans = task_vars.get("ansible_facts", {}).get("kc_plans", {})
    ours = {**plans.get(unit, {}), region: result.get("plan", [])}
    return {**result, "ansible_facts": {"kc_plans": {**plans, unit: ours}}}


def entry(change: Change) -> dict[str, Any]:
    """Return a change as a line of `plan`."""
    key: Key = change.key
    return {
        "action": change.action,
        "kind": key.kind,
        "name": key.name,
        "region": key.region,
        "before": plain(change.before),
        "after": plain(change.after),
    }


def diff(change: Change) -> dict[str, str]:
    """Return a change as Ansible's `--diff` shows it."""
    return {
        "before_header": change.line,
        "after_header": change.line,
        "before": text(change.before),
        "after": text(change.after),
    }


def text(value: Mapping[str, Any] | None) -> str:
    """Return attributes as YAML; nothing at all for None."""
    return "" if value is None else str(yaml.dump(plain(value), Dumper=_DUMPER, sort_keys=True, default_flow_style=False, width=120))


_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def plain(value: Any) -> Any:
    """Return `value` as JSON types; what is not known yet becomes its text."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return str(value)
