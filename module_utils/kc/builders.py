"""Pure builders that several units share."""

from __future__ import annotations

from . import names
from .aws.logs import RETENTIONS, LogGroup
from .errors import KcError
from .model import Ref, Resource
from .scope import Scope
from .units.keys import key_name

LOG_GROUP = LogGroup()


def log_group_name(scope: Scope, short: str) -> str:
    """Return a log group's whole name, `/kc/lab/<short>`."""
    return names.fit("log_group", f"/{scope.path}{short}")


def log_group(scope: Scope, short: str, days: int, key: str = "logs", name: str = "", kind: LogGroup = LOG_GROUP) -> Resource:
    """Return a log group, encrypted with the region's key of a purpose; the unit looks the key up (`keys.key_of`).

    Args:
        days: How long events are kept.
        key: Where it is empty, CloudWatch encrypts with a key of its own.
        name: Its whole name where a service dictates it; `kind` then finds it.
        kind: How the scope's groups of a service are found, where they don't stand below its path.

    Raises:
        KcError: CloudWatch can't keep events for so many days.
    """
    if days not in RETENTIONS:
        raise KcError(f"a log group can't keep events for {days} days", hint=f"choose one of {', '.join(map(str, RETENTIONS))}")
    desired = {"days": days, "key": Ref("key", key_name(scope, key), "arn") if key else "", "tags": scope.tags()}
    return Resource(kind, name or names.fit("log_group", f"{kind.begins(scope)}{short}"), desired, scope.region)
