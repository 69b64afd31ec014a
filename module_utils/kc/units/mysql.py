"""The unit `mysql`: MySQL instances in RDS, each with a replica in the other region.

It runs on the region that is primary now, whichever that is at home: there the instances take writes, and in
`replica_region` are their replicas. What stands the other way round is never turned: an instance that still takes writes
where a replica should be (a failover has fenced it off), or a replica where an instance should be (a failover has not come
so far), is left as it is, and so is all that waits for its place.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Sequence
from typing import Any

from .. import limits, names
from ..aws.rds import FINAL_SNAPSHOT, STANDS, Instance, Replica
from ..aws.rds_groups import InstanceLogGroup, ParameterGroup, SubnetGroup, log_group_name
from ..aws.ssm import Parameter
from ..builders import log_group
from ..errors import KcError
from ..model import Key, Kind, Ref, Resource
from ..scope import Scope
from ..settings import settings
from ..unit import Params, Unit
from .keys import key_of
from .network import group_of, tier_of
from .secrets import secret_of

PARAMETER_GROUP, SUBNET_GROUP, LOG_GROUP = ParameterGroup(), SubnetGroup(), InstanceLogGroup()
INSTANCE, REPLICA, PARAMETER = Instance(), Replica(), Parameter()

LOGS = ("audit", "error", "general", "slowquery")
"""Logs that RDS can write to CloudWatch. RDS user guide, Publishing MySQL logs to CloudWatch Logs."""

CHOICES: dict[str, Sequence[Any]] = {
    "logs": LOGS,
    "backup_days": limits.RDS_BACKUP_DAYS,
    "insights_days": limits.RDS_INSIGHTS_DAYS,
    "monitoring_seconds": limits.RDS_MONITORING_SECONDS,
    "apply": ("window", "now"),
    "hours": range(1, 49),
}
"""What settings, or the items of lists, can be."""


@dataclasses.dataclass(frozen=True)
class InstanceSettings:
    """What the inventory says of one instance; the module's documentation explains each."""

    size: str
    version: str
    storage: int
    max_storage: int | None = None
    iops: int | None = None
    throughput: int | None = None
    multi_az: bool = True
    replica: bool = True
    replica_size: str = ""
    replica_multi_az: bool = False
    database: str = ""
    parameters: dict[str, Any] = dataclasses.field(default_factory=dict)
    logs: list[str] = dataclasses.field(default_factory=lambda: ["error", "slowquery"])
    log_days: int = 90
    backup_days: int = 14
    backup_window: str = "22:00-22:30"
    maintenance_window: str = "fri:23:00-fri:23:30"
    insights_days: int = 7
    monitoring_seconds: int = 60
    iam_auth: bool = False
    ca: str = "rds-ca-rsa2048-g1"
    deletion_protection: bool = True
    apply: str = "window"
    hours: int = 4


def build(scope: Scope, params: Params) -> Sequence[Resource]:
    """Return the instances of the scope's region, their replicas, and in each region what they stand on."""
    return list(_build(scope, params))


def instance_name(scope: Scope, short: str) -> str:
    """Return the identifier of an instance, which its replica has too, in another region."""
    return scope.name("db", short)


def endpoint_name(scope: Scope, short: str) -> str:
    """Return the parameter that holds the address of a region's own instance, whichever takes writes."""
    return names.fit("parameter", f"/{scope.path}mysql/{short}/endpoint")


def _build(scope: Scope, params: Params) -> Iterator[Resource]:
    found = {short: settings(InstanceSettings, f"instances.{short}", given) for short, given in sorted(params["instances"].items())}
    replicated = params.get("replica_region") or ""
    if replicated == scope.region:
        raise KcError(f"`replica_region` is {replicated}, the region itself", hint="name the other one, or leave it out for no replica")
    for short, about in found.items():
        for setting, wrong in _wrong(about):
            raise KcError(f"`instances.{short}.{setting}`: {wrong}")
    # an instance without a replica can't follow the roles: it stays in its home region
    regions = {
        short: [scope.region, *([replicated] if replicated else [])] if about.replica else [params.get("home_region") or scope.region]
        for short, about in found.items()
    }
    for region in dict.fromkeys(some[0] for some in regions.values()):
        yield secret_of(scope.at(region), params["admin_secret"])
    for region in dict.fromkeys(region for some in regions.values() for region in some):
        yield from _looked_up(scope.at(region), params)
    for short, about in found.items():
        source, *others = regions[short]
        yield from _region(scope.at(source), params, short, about, source="")
        for region in others:
            yield from _region(scope.at(region), params, short, about, source=source)


def _looked_up(scope: Scope, params: Params) -> Iterator[Resource]:
    yield from (key_of(scope, purpose) for purpose in dict.fromkeys((params["key"], params["log_key"])))
    yield tier_of(scope, params["tier"])
    yield from (group_of(scope, group) for group in params["security_groups"])


def _region(scope: Scope, params: Params, short: str, about: InstanceSettings, source: str) -> Iterator[Resource]:
    """Yield what an instance is in one region: itself, or, with the region of its `source`, the replica."""
    name = instance_name(scope, short)
    family = f"mysql{'.'.join(about.version.split('.')[:2])}"
    groups = names.fit("db", f"{name}-{family.replace('.', '-')}"), name
    values = {
        key: _text(f"instances.{short}.parameters.{key}", value) for key, value in {**params["parameters"], **about.parameters}.items()
    }
    desired = {"family": family, "parameters": dict(sorted(values.items())), "tags": scope.tags()}
    yield Resource(PARAMETER_GROUP, groups[0], desired, scope.region)
    yield Resource(SUBNET_GROUP, groups[1], {"subnets": Ref("tier", params["tier"], "subnets"), "tags": scope.tags()}, scope.region)
    logs = [log_group_name(name, log) for log in sorted(about.logs)]
    for log in logs:
        made = log_group(scope, "", about.log_days, params["log_key"], name=log)
        yield dataclasses.replace(made, kind=LOG_GROUP)

    kind: Kind = REPLICA if source else INSTANCE
    other: Kind = INSTANCE if source else REPLICA
    taken = (Key(other.name, scope.region, name),)
    desired = {**_common(scope, params, about, *groups, logs), **_by_role(scope, params, name, about, source)}
    yield Resource(kind, name, desired, scope.region, unless=taken)
    endpoint = {"value": Ref(kind.name, name, "address"), "tags": scope.tags()}
    yield Resource(PARAMETER, endpoint_name(scope, short), endpoint, scope.region)


def _by_role(scope: Scope, params: Params, name: str, about: InstanceSettings, source: str) -> dict[str, Any]:
    if source:
        return {
            "source": Ref(INSTANCE.name, name, "arn", region=source),
            "class": about.replica_size or about.size,
            "multi_az": about.replica_multi_az,
        }
    return {
        "class": about.size,
        "multi_az": about.multi_az,
        "database": about.database,
        "admin_secret": Ref("secret", secret_of(scope, params["admin_secret"]).name),
    }


def _common(
    scope: Scope, params: Params, about: InstanceSettings, parameter_group: str, subnet_group: str, logs: Sequence[str]
) -> dict[str, Any]:
    """Return the attributes that an instance and its replica share, so that one can become the other."""
    key = Ref("key", key_of(scope, params["key"]).name, "arn")
    return {
        "state": STANDS,
        "engine": "mysql",
        "engine_version": about.version,
        "storage": about.storage,
        "max_storage": about.max_storage or 0,
        "storage_type": "gp3",
        **({"iops": about.iops, "throughput": about.throughput} if about.iops else {}),
        "key": key,
        "parameter_group": Ref(PARAMETER_GROUP.name, parameter_group),
        "subnet_group": Ref(SUBNET_GROUP.name, subnet_group),
        "groups": [Ref("security_group", group_of(scope, group).name) for group in params["security_groups"]],
        "port": 3306,
        "public": False,
        "iam_auth": about.iam_auth,
        "ca": about.ca,
        "logs": [Ref(LOG_GROUP.name, log) for log in logs],
        "backup_days": about.backup_days,
        "backup_window": about.backup_window,
        "maintenance_window": about.maintenance_window,
        "insights": {"days": about.insights_days, "key": key if about.insights_days else ""},
        "monitoring": {
            "seconds": about.monitoring_seconds,
            "role": scope.role_arn(params["monitoring_role"]) if about.monitoring_seconds else "",
        },
        # a version is what the inventory says; an upgrade is somebody's decision
        "minor_upgrades": False,
        "deletion_protection": about.deletion_protection,
        "copy_tags": True,
        "apply": about.apply,
        "hours": about.hours,
        "tags": {**scope.tags(), FINAL_SNAPSHOT: "yes" if params["final_snapshot"] else "no"},
    }


def _text(where: str, value: Any) -> str:
    """Return a parameter's value as RDS keeps it."""
    if isinstance(value, bool):
        return str(int(value))
    if not isinstance(value, (str, int, float)):
        raise KcError(f"`{where}` must be a text, a number, or true or false, not {value!r}")
    return str(value)


def _wrong(about: InstanceSettings) -> Iterator[tuple[str, str]]:
    """Yield each setting that RDS would refuse, and why."""
    for setting, size in (("size", about.size), ("replica_size", about.replica_size)):
        wrong = limits.rds_class(size) if size else None
        if wrong:
            yield setting, wrong
    if not re.fullmatch(r"\d+\.\d+\.\d+", about.version):
        yield "version", f"{about.version} is not a whole version: pin it as in 8.4.7"
    for found in (
        limits.rds_storage(about.storage, about.max_storage, about.iops, about.throughput),
        limits.rds_windows(about.backup_window, about.maintenance_window),
    ):
        if found:
            yield found
    for setting, allowed in CHOICES.items():
        given = getattr(about, setting)
        for one in given if isinstance(given, list) else [given]:
            if one not in allowed:
                shown = f"{allowed[0]} to {allowed[-1]}" if isinstance(allowed, range) else f"one of {', '.join(map(str, allowed))}"
                yield setting, f"{one} is no choice: it takes {shown}"


def _regions(scope: Scope, params: Params) -> list[str]:
    return [*dict.fromkeys(region for region in (scope.region, params.get("replica_region"), params.get("home_region")) if region)]


UNIT = Unit(
    name="mysql",
    kinds=(LOG_GROUP, PARAMETER_GROUP, SUBNET_GROUP, INSTANCE, REPLICA, PARAMETER),
    build=build,
    services=("rds", "logs", "ssm", "ec2", "kms", "secretsmanager"),
    regions=_regions,
)
