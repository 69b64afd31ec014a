"""What is known of a task. It is a file: a world that was killed goes on with what its tasks' files say."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ...files import write
from ...processes import Process
from ...world.net import Host

KEPT = 3600.0
"""Seconds for which a stopped task is still told of (ECS API, DescribeTasks)."""

STOPPED = "STOPPED"

KEPT_OF = ("containerDefinitions", "cpu", "memory", "taskRoleArn")
"""What is kept of a task definition with each of its tasks (ECS API, TaskDefinition)."""


@dataclass
class Task:
    """A task; its states and reasons are ECS's (developer guide, Task lifecycle; Stopped tasks error codes).

    Attributes:
        id: 32 hex digits.
        region: Region code.
        cluster: Its cluster's name.
        service: Its service's name.
        deployment: Id of the deployment that began it.
        definition: ARN of its task definition.
        provider: Its capacity provider.
        subnet: Id of its subnet.
        groups: Ids of its security groups.
        created: When it was wanted; all times are seconds of the epoch, 0 for "not yet".
        status: `lastStatus`.
        address: Its address in the VPC.
        targets: Where it is a target: target group's ARN, port, container's name.
        pid: Its container's first process, and `began`, what tells it from a later one of the same pid.
        started: When its container began.
        health: Its container's health: UNKNOWN, HEALTHY or UNHEALTHY.
        healthy: When its service first found it healthy.
        stopping: When its end was decided; `code` and `reason` say why.
        drained: When its targets have drained.
        signalled: When it was sent SIGTERM.
        patience: Seconds from there to SIGKILL.
        stopped: When it was gone.
        exit: Its container's exit code.
        exit_reason: What ECS says of the container's end.
        failed: Whether its deployment counts it as failed.
        about: What its definition said when it was begun (those of `KEPT_OF`): an AWS that is emptied gives the same ARN again.
    """

    id: str
    region: str
    cluster: str
    service: str
    deployment: str
    definition: str
    provider: str
    subnet: str
    groups: list[str]
    created: float
    status: str = "PROVISIONING"
    address: str = ""
    targets: list[dict[str, Any]] = field(default_factory=list)
    pid: int = 0
    began: int = 0
    started: float = 0.0
    health: str = "UNKNOWN"
    healthy: float = 0.0
    stopping: float = 0.0
    code: str = ""
    reason: str = ""
    drained: float = 0.0
    signalled: float = 0.0
    patience: float = 30.0
    stopped: float = 0.0
    exit: int | None = None
    exit_reason: str = ""
    failed: bool = False
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What its host is called, and with `kc-` before it its container."""
        return f"task-{self.id[:12]}"

    @property
    def container(self) -> str:
        return f"kc-{self.name}"

    @property
    def host(self) -> Host:
        return Host(self.name, self.region, self.address, self.subnet, tuple(self.groups))

    @property
    def alive(self) -> bool:
        """Whether its container's first process runs."""
        return Process.still(self.pid, self.began) is not None


class Store:
    """The tasks of a world: one file each in `<world>/tasks`, their logs in a directory a service beside them."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._tasks = {task.id: task for task in self._read()}

    def _read(self) -> Iterator[Task]:
        for path in sorted(self.directory.glob("*.json")):
            yield Task(**json.loads(path.read_text()))

    def all(self, region: str = "") -> list[Task]:
        """Return all tasks, the oldest first; or a region's."""
        with self._lock:
            return sorted((task for task in self._tasks.values() if region in ("", task.region)), key=lambda task: (task.created, task.id))

    def save(self, task: Task) -> None:
        """Keep what is known of a task now."""
        with self._lock:
            self._tasks[task.id] = task
            write(self.directory / f"{task.id}.json", json.dumps(asdict(task)))

    def log(self, task: Task) -> Path:
        """Return the file of a task's output."""
        directory = self.directory / task.service
        directory.mkdir(mode=0o700, exist_ok=True)
        return directory / f"{task.id[:12]}.log"

    def forget(self, before: float) -> None:
        """Forget tasks that stopped before a time, and their logs."""
        for task in self.all():
            if task.status == STOPPED and task.stopped < before:
                self.drop(task)

    def drop(self, task: Task) -> None:
        """Forget a task and its log."""
        with self._lock:
            self._tasks.pop(task.id, None)
            for path in (self.directory / f"{task.id}.json", self._mark(task.id)):
                path.unlink(missing_ok=True)
        self.log(task).unlink(missing_ok=True)

    # --- Spot

    def _mark(self, task_id: str) -> Path:
        return self.directory / f"{task_id}.interrupt"

    def interrupt(self, name: str) -> Task:
        """Ask for a Spot interruption of the one task whose id begins with `name` (or whose ARN ends with it).

        Raises:
            ValueError: There is no such task, or it can't be interrupted.
        """
        wanted = name.rpartition("/")[2].removeprefix("kc-").removeprefix("task-")
        found = [task for task in self._read() if wanted and task.id.startswith(wanted) and not task.stopping]
        if len(found) != 1:
            raise ValueError(f"{len(found) or 'no'} running tasks' ids begin with `{wanted}`")
        if found[0].provider != "FARGATE_SPOT":
            raise ValueError(f"task {found[0].id} runs on {found[0].provider or 'FARGATE'}: only those on FARGATE_SPOT are interrupted")
        self._mark(found[0].id).touch()
        return found[0]

    def interrupted(self, task: Task) -> bool:
        """Whether an interruption of a task was asked for."""
        return self._mark(task.id).exists()
