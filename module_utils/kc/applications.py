"""What the inventory says of an application.

One entry, from which the units `balancer`, `services` and `observability` each build their part.
"""

from __future__ import annotations

import dataclasses
import functools
import re
import zoneinfo
from collections.abc import Mapping
from typing import Any

from . import limits
from .errors import KcError
from .settings import settings

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
"""An image's digest. OCI image specification, Descriptor: digest."""

ARCHITECTURES = ("arm64", "x86_64")


@dataclasses.dataclass(frozen=True)
class Count:
    """How many tasks run.

    Attributes:
        min: In the primary, at least.
        max: In either region, at most.
        warm: In the secondary, at least: what a failover starts from.
    """

    min: int
    max: int
    warm: int


@dataclasses.dataclass(frozen=True)
class Health:
    """How it is known that a task works. The same path serves the container and the load balancer.

    Attributes:
        path: Answers 200 while the task can serve; empty for what takes no requests.
        command: Run in the container, exits 0 while it works. Where there is none, the path is asked, with the image's curl or
            wget; an image without either needs a command.
        interval: Seconds between two looks.
        timeout: Seconds that an answer may take.
        unhealthy: Looks that must fail in a row.
        grace: Seconds after a start in which failures don't count (300 at most).
    """

    path: str = ""
    command: list[str] = dataclasses.field(default_factory=list)
    interval: int = 10
    timeout: int = 5
    unhealthy: int = 3
    grace: int = 60


@dataclasses.dataclass(frozen=True)
class Capacity:
    """Where tasks run: `base` of them on demand, the others by weight (ECS API, CapacityProviderStrategyItem)."""

    base: int = 0
    on_demand: int = 1
    spot: int = 0


@dataclasses.dataclass(frozen=True)
class Schedule:
    """A time from which on there are more, or fewer, tasks.

    Attributes:
        at: As in `cron(0 6 ? * SUN-THU *)` (Application Auto Scaling API, PutScheduledAction: Schedule).
        min: Tasks from then on, at least.
        timezone: Name of a time zone, as in `Asia/Riyadh`.
    """

    at: str
    min: int
    timezone: str = "UTC"


@dataclasses.dataclass(frozen=True)
class Scaling:
    """What the number of tasks follows between `Count.min` (or `warm`) and `Count.max`.

    Attributes:
        cpu: Percent of the tasks' CPU to keep, or None.
        requests: Requests a minute and task to keep, or None.
        queue: Short name of the queue whose backlog is to be worked off, or "".
        backlog: Messages a task to keep in that queue.
        schedules: `Schedule`s by name; for the primary only, since in the secondary `Count.warm` is enough at any time.
    """

    cpu: int | None = None
    requests: int | None = None
    queue: str = ""
    backlog: int = 5
    schedules: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def scheduled(self) -> dict[str, Schedule]:
        return {name: settings(Schedule, f"schedules.{name}", about) for name, about in sorted(self.schedules.items())}


@dataclasses.dataclass(frozen=True)
class Limits:
    """What an application's alarms wait for, where it is not what those of all do (`kc_observability_thresholds`).

    Attributes:
        errors: Percent of its requests that may fail.
        latency: Seconds within which 95 of 100 requests are answered.
        cpu: Percent of its tasks' CPU.
        memory: Percent of its tasks' memory.
        queue_age: Seconds that a job may wait in the queue that it works off.
    """

    errors: float | None = None
    latency: float | None = None
    cpu: float | None = None
    memory: float | None = None
    queue_age: float | None = None


@dataclasses.dataclass(frozen=True)
class Application:
    """An application.

    Attributes:
        cpu: CPU units (1024 a core).
        memory: MiB.
        role: Short name of the role that its code has.
        execution_role: Short name of the role that starts it: pulls its image, reads the secrets that it is given.
        repository: Short name of its images' repository; its own name where empty.
        architecture: One of `ARCHITECTURES`.
        user: Whom the process runs as: `uid` or `uid:gid`, never root.
        port: That it listens on; 0 for what takes no requests.
        hosts: Names below the platform's domain that lead to it (`api`); none for what takes no requests.
        paths: Path patterns that lead to it, of these hosts; all where empty.
        priority: Place among the listener's rules, 1 first; needed where there are hosts.
        environment: Variables by name.
        secrets: Variables by name, each `<secret>:<key of its JSON>` or `<secret>`.
        parameters: Variables by name, each the name of an SSM parameter of the platform.
        security_group: Short name of its tasks' own group; that of all (`kc_services_security_group`) where empty.
        scratch: Paths that it may write to; nothing else of its file system can be written. Its image declares each as a
            VOLUME that belongs to `user`: Fargate mounts it as root's otherwise (ECS developer guide, Use bind mounts).
        stop: Seconds that a task may take to end, 2 to 120, which is Spot's notice.
        days: How long its logs are kept.
        alarms: Its own `Limits`.
    """

    cpu: int
    memory: int
    role: str
    count: dict[str, Any]
    execution_role: str = "task-execution"
    repository: str = ""
    architecture: str = "arm64"
    user: str = "10001:10001"
    port: int = 0
    hosts: list[str] = dataclasses.field(default_factory=list)
    paths: list[str] = dataclasses.field(default_factory=list)
    priority: int = 0
    health: dict[str, Any] = dataclasses.field(default_factory=dict)
    environment: dict[str, Any] = dataclasses.field(default_factory=dict)
    secrets: dict[str, Any] = dataclasses.field(default_factory=dict)
    parameters: dict[str, Any] = dataclasses.field(default_factory=dict)
    security_group: str = ""
    scratch: list[str] = dataclasses.field(default_factory=list)
    capacity: dict[str, Any] = dataclasses.field(default_factory=dict)
    scaling: dict[str, Any] = dataclasses.field(default_factory=dict)
    stop: int = 30
    days: int = 90
    alarms: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def counts(self) -> Count:
        return settings(Count, "count", self.count)

    @property
    def healthy(self) -> Health:
        return settings(Health, "health", self.health)

    @property
    def placed(self) -> Capacity:
        return settings(Capacity, "capacity", self.capacity)

    @property
    def scaled(self) -> Scaling:
        return settings(Scaling, "scaling", self.scaling)

    @property
    def limited(self) -> Limits:
        return settings(Limits, "alarms", self.alarms)


def applications(given: Mapping[str, Any]) -> dict[str, Application]:
    """Return the inventory's applications by name, sorted.

    Raises:
        KcError: A setting is unknown, missing, of a wrong type, or AWS does not allow it; it names the setting.
    """
    found = {name: _application(f"applications.{name}", about) for name, about in sorted(given.items())}
    taken: dict[int, str] = {}
    for name, about in found.items():
        if about.priority and taken.setdefault(about.priority, name) != name:
            raise KcError(
                f"`applications.{name}.priority` is {about.priority}, and so is that of {taken[about.priority]}",
                hint="a load balancer's rules stand in an order: give each another",
            )
    return found


def _application(where: str, given: Any) -> Application:
    about = settings(Application, where, given)
    count = settings(Count, f"{where}.count", about.count)
    health = settings(Health, f"{where}.health", about.health)
    capacity = settings(Capacity, f"{where}.capacity", about.capacity)
    scaling = settings(Scaling, f"{where}.scaling", about.scaling)
    settings(Limits, f"{where}.alarms", about.alarms)
    wrong = limits.fargate(about.cpu, about.memory)
    if wrong:
        raise KcError(f"`{where}`: {wrong}")
    if not 0 <= count.warm <= count.max or not 0 <= count.min <= count.max:
        raise KcError(f"`{where}.count` is {count.min} (warm {count.warm}) to {count.max}", hint="`min` and `warm` are 0 to `max`")
    if about.architecture not in ARCHITECTURES:
        raise KcError(f"`{where}.architecture` is `{about.architecture}`", hint=f"it is one of {', '.join(ARCHITECTURES)}")
    if about.user.split(":")[0] in ("", "0", "root"):
        raise KcError(f"`{where}.user` is `{about.user}`", hint="applications never run as root: give a uid, or uid:gid")
    if bool(about.hosts) != bool(about.port) or bool(about.hosts) != bool(about.priority):
        raise KcError(f"`{where}` has only some of port, hosts and priority", hint="what takes requests has all three, anything else none")
    if about.port and not health.path:
        raise KcError(f"`{where}.health` has no path", hint="the load balancer asks for it: name one that answers 200")
    _in_range(f"{where}.stop", about.stop, limits.STOP)
    for setting, allowed in limits.CONTAINER_HEALTH.items():
        _in_range(f"{where}.health.{setting}", getattr(health, setting), allowed)
    for setting, allowed in limits.CAPACITY.items():
        _in_range(f"{where}.capacity.{setting}", getattr(capacity, setting), allowed)
    if not capacity.on_demand + capacity.spot:
        raise KcError(
            f"`{where}.capacity` has no weight", hint="`on_demand` or `spot` must be 1 at least: ECS refuses a strategy without one"
        )
    if scaling.requests is not None and not about.port:
        raise KcError(f"`{where}.scaling.requests` is for what takes requests, and `{where}` has no port")
    _schedules(f"{where}.scaling.schedules", scaling.schedules, count)
    _variables(where, about)
    return about


def _in_range(where: str, value: int, allowed: tuple[int, int]) -> None:
    wrong = limits.within(value, allowed)
    if wrong:
        raise KcError(f"`{where}`: {wrong}")


@functools.cache
def _timezones() -> set[str]:
    """Return the names of all time zones; looking for them costs a tenth of a second."""
    return zoneinfo.available_timezones()


def _schedules(where: str, given: Mapping[str, Any], count: Count) -> None:
    for name, about in given.items():
        schedule = settings(Schedule, f"{where}.{name}", about)
        if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?", name):
            raise KcError(f"`{where}.{name}` is no name for a schedule", hint="use lower-case letters, digits and hyphens, 64 at most")
        if not re.fullmatch(r"(cron\(\S+( \S+){5}\)|rate\(\S+ \S+\)|at\(\S+\))", schedule.at):
            raise KcError(f"`{where}.{name}.at` is `{schedule.at}`", hint="write it as in `cron(0 6 ? * SUN-THU *)`, six fields")
        if schedule.timezone not in _timezones():
            raise KcError(f"`{where}.{name}.timezone` is `{schedule.timezone}`", hint="name one as in `Asia/Riyadh`")
        if not 0 <= schedule.min <= count.max:
            raise KcError(f"`{where}.{name}.min` is {schedule.min}", hint=f"it is 0 to `count.max`, {count.max}")


def _variables(where: str, about: Application) -> None:
    """Check that no variable has two values: ECS refuses a secret with the name of a variable."""
    taken: dict[str, str] = {}
    for kind in ("environment", "secrets", "parameters"):
        for name in getattr(about, kind):
            if name in taken:
                raise KcError(f"`{where}.{kind}.{name}` is in `{taken[name]}` too", hint="give the variable one value")
            taken[name] = kind
