"""What every contender has to make: recorded from our own playbook, as plain data.

The playbook runs once with `--check` against an empty account; the options that its units get go through the units'
builders. So the other contenders get exactly the resources and attributes that the inventory stands for today.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from kc.model import Hidden, Ref
from kc.options import filled
from kc.spec import COMMON, documentation, spec_of
from kc.unit import scope_of

ROOT = Path(__file__).absolute().parents[2]

Wanted = dict[str, list[dict[str, Any]]]


def wanted(recorded: Iterable[str]) -> Wanted:
    """Return resources by kind, each a dict of its attributes, `name` and `region`.

    Args:
        recorded: Lines of the callback `record_options`.
    """
    found: Wanted = {}
    for line in map(json.loads, recorded):
        unit = importlib.import_module(f"kc.units.{line['unit']}").UNIT
        spec = spec_of(documentation(ROOT / "library" / f"kc_{unit.name}.py"), COMMON)
        params = filled(spec, line["options"])
        for resource in unit.build(scope_of(unit, params), params):
            if resource.desired is not None:
                about = {"name": resource.name, "region": resource.region, **as_data(resource.desired, resource.region)}
                found.setdefault(resource.kind.name, []).append(about)
    return found


def as_data(value: Any, region: str) -> Any:
    """Return JSON types; a `Ref` becomes `{kind, region, name, attr}`."""
    if isinstance(value, Ref):
        return {"kind": value.kind, "region": value.region or region, "name": value.name, "attr": value.attr}
    if isinstance(value, Hidden):
        return value.value  # somebody's address, which no output shows; there is no secret among it
    if isinstance(value, Mapping):
        return {str(key): as_data(item, region) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_data(item, region) for item in value]
    return value
