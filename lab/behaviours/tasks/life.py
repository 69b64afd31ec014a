"""A task's life: from the address it gets to the moment when nothing of it is left on the machine."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ...podman import PodmanError, inspect, podman, remove
from ...processes import Process
from ...world.behaviour import World
from ...world.ca import CA
from ...world.net import NetError, resolver
from . import words
from .container import arguments, image_of, patience
from .errors import StartError
from .origins import resolve
from .record import STOPPED, Store, Task

AT_ONCE = 3
"""Tasks that start or end at the same time; the machine has few cores."""


class Life:
    """Brings tasks from one state to the next one.

    What takes long is done beside the look, one thing at a time for a task; broken off, it is begun again.

    Attributes:
        balancers: Returns the load balancers of a task's service (ECS API, LoadBalancer).
        said: ECS's sentences about tasks, for the look to take.
    """

    def __init__(self, world: World, store: Store, log: logging.Logger, balancers: Callable[[Task], list[dict[str, Any]]]) -> None:
        self.world = world
        self.store = store
        self.log = log
        self.balancers = balancers
        self.said: list[tuple[Task, str]] = []
        self._waits: dict[str, str] = {}
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="tasks")
        self._jobs: dict[str, Future[None]] = {}

    def step(self, task: Task, now: float) -> None:
        """Do what comes next for a task; returns at once."""
        job = self._jobs.get(task.id)
        if job and not job.done():
            return
        if job:
            del self._jobs[task.id]
            error = job.exception()
            if error:
                self.log.error("task %s: %s: %s", task.id, type(error).__name__, error)
        match task.status:
            case "PROVISIONING" | "PENDING" if task.stopping:
                self._begin(task, self._end)
            case "PROVISIONING" | "PENDING":
                self._begin(task, self._start)
            case "RUNNING" if not task.alive:
                if not task.stopping:
                    self.stop(task, words.EXITED, words.ESSENTIAL)
                self._begin(task, self._end)
            case "RUNNING" if task.stopping:
                self._begin(task, self._drain)
            case "DEACTIVATING" if now >= task.drained or not task.alive:
                self._signal(task, now)
            case "STOPPING" if not task.alive:
                self._begin(task, self._end)
            case "STOPPING" if now >= task.signalled + task.patience:
                _kill(task, signal.SIGKILL)
            case "DEPROVISIONING":
                self._begin(task, self._end)

    def stop(self, task: Task, code: str, reason: str, failed: bool = False) -> None:
        """Decide that a task ends; the first reason stays."""
        if not task.stopping:
            task.stopping, task.code, task.reason = time.time(), code, reason
            task.failed = not task.healthy and (failed or code in (words.EXITED, words.FAILED_TO_START))
            self.store.save(task)
            self.log.info("task %s of %s ends: %s (%s)", task.id, task.service, reason, code)

    def _begin(self, task: Task, work: Callable[[Task], None]) -> None:
        self._jobs[task.id] = self._pool.submit(work, task)

    # --- beginning

    def _start(self, task: Task) -> None:
        try:
            task.status = "PENDING"
            self.store.save(task)
            name = task.about["containerDefinitions"][0]["image"]
            image = image_of(name, self._images())
            if not image:
                tried = "pull image manifest has been retried 1 time(s)"
                raise StartError(f"CannotPullContainerError: {tried}: failed to resolve ref {name}: {name}: not found")
            secrets = resolve(task.about, task.region, self.world.client)
            self._attach(task)
            remove(task.container)
            home, log = self.world.home, self.store.log(task)
            run = arguments(task, task.about, image, resolver(self.world.net.cidr(task.region)), log, home, CA(home).pem)
            try:
                podman(*run, environment=secrets)
            except PodmanError as error:
                raise StartError(f"CannotStartContainerError: {error}") from error
            process = Process.of(int(inspect(task.container).get("Pid", 0)))
            if process:  # else it has ended already
                task.pid, task.began = process.pid, process.started
            task.started, task.patience = time.time(), patience(task.about)
            task.status = "ACTIVATING"
            self._register(task)
            task.status = "RUNNING"
            self.store.save(task)
            self.log.info("task %s of %s runs at %s", task.id, task.service, task.address)
        except StartError as error:
            self.stop(task, words.FAILED_TO_START, str(error))
            self._end(task)
        except (ClientError, BotoCoreError, NetError) as error:  # not there yet: the next look tries again
            task.status = "PROVISIONING"
            if self._waits.get(task.service) != str(error):  # the same thing is said once
                self.log.warning("task %s of %s can't start yet: %s", task.id, task.service, error)
            self._waits[task.service] = str(error)

    def _images(self) -> dict[str, dict[str, str]]:
        try:
            return dict(json.loads((self.world.settings.home / "images.json").read_text()))
        except FileNotFoundError:
            return {}

    def _attach(self, task: Task) -> None:
        """Give a task an address of its subnet, and make its host.

        Raises:
            NetError: The region has no VPC yet, or no address is free.
        """
        ec2 = self.world.client("ec2", task.region)
        cidr = ec2.describe_subnets(SubnetIds=[task.subnet])["Subnets"][0]["CidrBlock"]
        used = ec2.describe_network_interfaces(Filters=[{"Name": "subnet-id", "Values": [task.subnet]}])["NetworkInterfaces"]
        reserved = [each["PrivateIpAddress"] for each in used if each.get("PrivateIpAddress")]
        for attempt in range(9, -1, -1):
            task.address = task.address or self.world.net.free(task.region, cidr, reserved)
            try:
                self.world.net.attach(task.host)
                return
            except NetError:
                task.address = ""  # another was quicker
                if not attempt:
                    raise

    def _register(self, task: Task) -> None:
        task.targets = [
            {"group": each["targetGroupArn"], "port": each["containerPort"], "container": each["containerName"]}
            for each in self.balancers(task)
        ]
        self.store.save(task)
        for target in task.targets:
            self.world.client("elbv2", task.region).register_targets(
                TargetGroupArn=target["group"], Targets=[{"Id": task.address, "Port": target["port"]}]
            )
            self.said.append((task, words.registered(task.service, target["group"])))

    # --- ending

    def _drain(self, task: Task) -> None:
        """Take a task out of its target groups; it serves what it has begun for as long as they say."""
        delay = 0.0
        elb = self.world.client("elbv2", task.region)
        for target in task.targets:
            with contextlib.suppress(ClientError):  # the group is gone
                attributes = elb.describe_target_group_attributes(TargetGroupArn=target["group"])["Attributes"]
                named = {each["Key"]: each["Value"] for each in attributes}
                delay = max(delay, float(named.get("deregistration_delay.timeout_seconds", 300)))
        self._deregister(task)
        task.status = "DEACTIVATING"
        # a Spot task is told of its end at once, and gets two minutes at most
        task.drained = time.time() + (0 if task.code == words.SPOT else delay)
        self.store.save(task)

    def _deregister(self, task: Task) -> None:
        for target in task.targets:
            with contextlib.suppress(ClientError):
                self.world.client("elbv2", task.region).deregister_targets(
                    TargetGroupArn=target["group"], Targets=[{"Id": task.address, "Port": target["port"]}]
                )
                self.said.append((task, words.deregistered(task.service, target["group"])))

    def _signal(self, task: Task, now: float) -> None:
        _kill(task, signal.SIGTERM)
        task.status, task.signalled = "STOPPING", now
        self.store.save(task)

    def _end(self, task: Task) -> None:
        """Note how a task's container ended, and leave nothing of the task."""
        served = task.status == "RUNNING"
        task.status = "DEPROVISIONING"
        self.store.save(task)
        if served:
            self._deregister(task)
        state = inspect(task.container)
        if state:
            task.exit = int(state.get("ExitCode", 0))
            task.exit_reason = words.OUT_OF_MEMORY if state.get("OOMKilled") else ""
        remove(task.container)
        self.world.net.detach(task.name)
        task.status, task.stopped = STOPPED, time.time()
        self.store.save(task)


def _kill(task: Task, number: signal.Signals) -> None:
    if task.alive:
        with contextlib.suppress(ProcessLookupError):
            os.kill(task.pid, number)
