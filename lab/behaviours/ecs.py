"""ECS: services really run. Each task is a host of its region with a container in it.

What is wanted is read through the API; what stands is in the tasks' files (`tasks/record.py`), in podman and in `/proc`. A look decides for
each service (`tasks/schedule.py`), brings each task a step on (`tasks/life.py`), and tells the AWS, whose patch keeps what ECS
keeps: deployments, events, the deployment to go back to (`lab/patches/ecs_live.py`).
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ..changes import ANOTHER, EMPTIED
from ..podman import podman, remove
from ..world.behaviour import Behaviour, World
from .tasks import schedule, words
from .tasks.health import HEALTHY, UNHEALTHY, Checker
from .tasks.life import Life
from .tasks.record import KEPT, KEPT_OF, STOPPED, Store, Task
from .tasks.state import Key, failures_of, key_of, primary_of, state_of, wanted_of
from .tasks.targets import Targets, forget
from .tasks.trouble import described

MOVES = frozenset({"ecs", "application-autoscaling", EMPTIED, ANOTHER})
"""What may move an ECS service. Another AWS may not know what its predecessor was told."""


class Ecs(Behaviour):
    """Runs the tasks of all services."""

    name = "ecs"
    services = frozenset({"ecs", "application-autoscaling", "elasticloadbalancing"})
    every = 1.0
    rest = 0.2

    def __init__(self, world: World, log: logging.Logger) -> None:
        super().__init__(world, log)
        self.store = Store(world.home / "tasks")
        self.checker = Checker()
        self.targets = Targets()
        self.wanted: dict[Key, dict[str, Any]] = {}
        self.life = Life(world, self.store, log, self._balancers)
        self._events: dict[Key, list[str]] = {}
        self._version = -1
        self._told: Any = None
        self._adopted: set[str] = set()

    # --- looking

    def look(self) -> None:
        if not self._adopted:
            self._adopt()
        version, changed = self.world.changes(self._version, 0)
        moved = bool(changed & MOVES)
        if EMPTIED in changed:  # nobody asks for what had ended in it
            self.store.forget(time.time())
        trouble: Exception | None = None
        for region in self.world.regions:
            try:
                if moved:
                    self._read(region)
                self._region(region)
            except (BotoCoreError, ClientError) as error:  # one region's API does not answer: the others go on
                trouble = error
        self._tell(moved)
        if trouble:
            raise trouble
        self._version = version
        self.store.forget(time.time() - KEPT)

    def _adopt(self) -> None:
        """Take away what no task's file names: a world may have been killed in between."""
        names = {task.container for task in self.store.all() if task.status != STOPPED}
        remove(*(container for container in self._standing() if container not in names))
        for host in self.world.net.hosts():
            if host.name.startswith("task-") and f"kc-{host.name}" not in names:
                self.world.net.detach(host.name)

    def _standing(self) -> list[str]:
        """Return the tasks' containers."""
        labels = ("--filter", f"label=kc.lab={self.world.home}", "--filter", "label=kc.task")
        return podman("ps", "--all", *labels, "--format", "{{.Names}}", check=False).split()

    def _read(self, region: str) -> None:
        """Read what a region's services want."""
        ecs = self.world.client("ecs", region)
        found = {(region, cluster, each["serviceName"]): each for cluster, each in described(ecs)}
        self.wanted = {key: each for key, each in self.wanted.items() if key[0] != region} | found

    def _balancers(self, task: Task) -> list[dict[str, Any]]:
        return list(self.wanted.get(key_of(task), {}).get("loadBalancers") or [])

    def _region(self, region: str) -> None:
        now = time.time()
        tasks = [task for task in self.store.all(region) if task.status != STOPPED]
        elb = self.world.client("elbv2", region)
        self.targets.look(elb, tasks)
        if region not in self._adopted:
            services = [service for key, service in self.wanted.items() if key[0] == region]
            forget(elb, {each["targetGroupArn"] for service in services for each in service["loadBalancers"]}, tasks)
            self._adopted.add(region)
        for task in tasks:
            if task.status == "RUNNING" and task.alive and not task.stopping:
                self._look_at(task, now)
        for key in [key for key in self.wanted if key[0] == region]:
            self._serve(key, [task for task in tasks if key_of(task) == key], now)
        for task in tasks:
            if key_of(task) not in self.wanted:
                self.life.stop(task, words.SCHEDULER, words.SCALING.format(deployment=task.deployment))
        for task in self.store.all(region):
            if task.status != STOPPED:
                self.life.step(task, now)
            else:
                self.checker.forget(task)

    # --- what stands

    def _look_at(self, task: Task, now: float) -> None:
        """See how a running task does."""
        check = task.about["containerDefinitions"][0].get("healthCheck")
        if check:
            self.checker.look(task, check)
        if not task.healthy and self.targets.healthy(task) and (not check or task.health == HEALTHY):
            task.healthy = now
            self.store.save(task)
        if task.provider == "FARGATE_SPOT" and self.store.interrupted(task):
            self.life.stop(task, words.SPOT, words.INTERRUPTED)

    def _sick(self, task: Task, service: Mapping[str, Any], now: float) -> str:
        """Return why a running task must be replaced; "" if it need not."""
        if service["loadBalancers"] and now - task.started < service.get("healthCheckGracePeriodSeconds", 0):
            return ""
        if task.health == UNHEALTHY:
            return words.UNHEALTHY_CONTAINER
        group = next(iter(self.targets.unhealthy(task)), "")
        return words.UNHEALTHY_TARGET.format(group=group) if group else ""

    # --- deciding

    def _serve(self, key: Key, tasks: Sequence[Task], now: float) -> None:
        """Start and stop tasks of a service."""
        service = self.wanted[key]
        primary = primary_of(service)
        live = [task for task in tasks if not task.stopping]
        sick = {task.id: self._sick(task, service, now) for task in live if task.status == "RUNNING"}
        decision = schedule.decide(wanted_of(service), [self._seen(task, bool(sick.get(task.id))) for task in live])
        by_id = {task.id: task for task in tasks}
        for task_id in decision.sick:
            task = by_id[task_id]
            for group, why in self.targets.unhealthy(task).items():
                self._say(key, words.unhealthy(key[2], task, group, why))
            self.life.stop(task, words.SCHEDULER, sick[task_id], failed=True)
        leaving = [by_id[task_id] for task_id in decision.surplus]
        for task in leaving:
            self.life.stop(task, words.SCHEDULER, words.SCALING.format(deployment=primary["id"]))
        ended = [task for task in (*(by_id[each] for each in decision.sick), *leaving) if task.status == "RUNNING"]
        if ended:
            self._say(key, words.stopped(key[2], ended))
            if any(task.targets for task in ended):
                self._say(key, words.draining(key[2], ended))
        failures, last = failures_of([task for task in self._tasks(key) if task.deployment == primary["id"]])
        if decision.start and now >= last + schedule.pause(failures):
            self._start(key, service, primary, live, decision.start)

    def _seen(self, task: Task, sick: bool) -> schedule.Seen:
        healthy = bool(task.healthy) and not sick and task.status == "RUNNING" and task.alive
        return schedule.Seen(task.id, task.deployment, task.created, task.subnet, healthy, bool(task.healthy), sick)

    def _start(self, key: Key, service: Mapping[str, Any], primary: Mapping[str, Any], live: Sequence[Task], count: int) -> None:
        vpc = service["networkConfiguration"]["awsvpcConfiguration"]
        siblings = [task for task in live if task.deployment == primary["id"]]
        ecs = self.world.client("ecs", key[0])
        definition = ecs.describe_task_definition(taskDefinition=primary["taskDefinition"])["taskDefinition"]
        begun = []
        for _ in range(count):
            task = Task(
                id=secrets.token_hex(16),
                region=key[0],
                cluster=key[1],
                service=key[2],
                deployment=primary["id"],
                definition=primary["taskDefinition"],
                provider=schedule.provider(service.get("capacityProviderStrategy") or [], [each.provider for each in siblings]),
                subnet=schedule.subnet(vpc["subnets"], [each.subnet for each in siblings]),
                groups=list(vpc.get("securityGroups") or []),
                created=time.time(),
                about={name: definition[name] for name in KEPT_OF if name in definition},
            )
            self.store.save(task)
            siblings.append(task)
            begun.append(task)
        self._say(key, words.started(key[2], begun))

    def _tasks(self, key: Key) -> list[Task]:
        """Return a service's tasks, also those that have stopped."""
        return [task for task in self.store.all(key[0]) if key_of(task) == key]

    # --- telling

    def _say(self, key: Key, event: str) -> None:
        self.log.info("%s", event)
        self._events.setdefault(key, []).append(event)

    def _tell(self, moved: bool) -> None:
        """Tell the AWS what stands, if it is news; do what StopTask asks for."""
        while self.life.said:
            task, event = self.life.said.pop(0)
            self._say(key_of(task), event)
        tasks: dict[str, list[dict[str, Any]]] = {region: [] for region in self.world.regions}
        for task in self.store.all():
            tasks[task.region].append(words.described(task, self.world.settings.account))
        services = [state_of(key, service, self._tasks(key)) for key, service in sorted(self.wanted.items())]
        what = {"tasks": tasks, "services": services}
        if not moved and what == self._told and not self._events:
            return
        events = {"/".join(key): said for key, said in self._events.items()}
        answer = self.world.tell("ecs", {**what, "events": events})
        self._events, self._told = {}, what
        if answer["moved"]:
            for region in self.world.regions:
                self._read(region)
        for task in self.store.all():
            if task.id in answer["stop"]:
                self.life.stop(task, words.USER, answer["stop"][task.id])

    # --- ending

    def down(self) -> None:
        remove(*self._standing())
        for task in self.store.all():
            self.store.drop(task)
