"""The unit `parameters`: plain settings, and the state that runbooks keep, in SSM Parameter Store."""

from __future__ import annotations

from collections.abc import Sequence

from .. import names
from ..aws.ssm import Parameter, State
from ..converge import Resource
from ..scope import Scope
from ..unit import Params, Unit

PARAMETER, STATE = Parameter(), State()


def build(scope: Scope, params: Params) -> Sequence[Resource]:
    """Return one resource a parameter; `state` values are those of the first run."""
    resources = []
    for kind, option, below in ((PARAMETER, "values", ""), (STATE, "runbook_values", "state/")):
        for short, value in sorted((params.get(option) or {}).items()):
            name = names.fit("parameter", f"/{scope.path}{below}{short}")
            resources.append(Resource(kind, name, {"value": str(value), "tags": scope.tags()}, scope.region))
    return resources


UNIT = Unit(name="parameters", kinds=(PARAMETER, STATE), build=build, services=("ssm",))
