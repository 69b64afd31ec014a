"""The unit `parameters`: plain settings, and the state that runbooks keep, in SSM Parameter Store."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from .. import names
from ..aws.ssm import STATE, Parameter, State
from ..errors import KcError
from ..model import Resource
from ..scope import Scope
from ..unit import Params, Unit

KINDS = (Parameter(), State())

LONGEST = 4096
"""Bytes of a value. SSM API, PutParameter: the standard tier, which costs nothing."""


def build(scope: Scope, params: Params) -> Sequence[Resource]:
    """Return one resource a parameter; the values of `runbook_values` are those of the first run."""
    resources = []
    for kind, option, below in zip(KINDS, ("values", "runbook_values"), ("", STATE), strict=True):
        for short, value in sorted((params.get(option) or {}).items()):
            name = names.fit("parameter", f"/{scope.path}{below}{short}")
            if not below and short.startswith(STATE):
                raise KcError(
                    f"`values` names `{short}`", hint=f"what stands below {STATE} belongs to the runbooks: name it in `runbook_values`"
                )
            resources.append(Resource(kind, name, {"value": value_of(name, value), "tags": scope.tags()}, scope.region))
    return resources


def value_of(name: str, value: Any) -> str:
    """Return a value as Parameter Store keeps it: a string as it is, anything else as JSON.

    Raises:
        KcError: It is empty or too long.
    """
    text = str(value) if isinstance(value, str) else json.dumps(value, sort_keys=True)
    if not 0 < len(text.encode()) <= LONGEST:
        raise KcError(f"parameter {name} has a value of {len(text.encode())} bytes", hint=f"Parameter Store takes 1 to {LONGEST}")
    return text


UNIT = Unit(name="parameters", kinds=KINDS, build=build, services=("ssm",))
