"""The behaviour `elb`: an nginx for each application load balancer, in a host of its own, and the health of its targets."""

from __future__ import annotations

import json
import logging
import shutil
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ...files import update
from ...processes import Slot
from ...world.behaviour import Behaviour, World
from ...world.ca import CA
from ...world.net import NETNS, Host, NetError, inside
from ...world.nginx import Nginx, NginxError
from ..dns.snapshot import BALANCERS
from . import api, metrics
from .config import Balancer, Certificate, configuration
from .health import CHECKING, HEALTHY, INITIAL, NOT_IN_USE, UNUSED, Target, after, ask

ANYWAY = 30.0
"""Seconds after which the API is read again though nothing has changed in it."""

METRICS = 10.0
"""Seconds between two counts of what was served. ELB tells each minute; scaling in a lab should be seen sooner."""

Key = tuple[str, str]
"""A target: its group's ARN, and `address:port`."""


class Elb(Behaviour):
    """Keeps an nginx for each load balancer, and asks targets how they are."""

    name = "elb"
    services = frozenset({"elasticloadbalancing", "acm"})
    every = 0.5
    rest = 0.2

    def __init__(self, world: World, log: logging.Logger) -> None:
        super().__init__(world, log)
        self.directory = world.home / "elb"
        self._found: dict[str, api.Region] = {}
        self._health: dict[Key, Target] = {}
        self._due: dict[Key, float] = {}
        self._asking: dict[Key, Future[int | str]] = {}
        self._threads: dict[str, tuple[int, ThreadPoolExecutor]] = {}
        self._errors: dict[str, str] = {}
        self._version, self._read, self._counted = -1, 0.0, time.time()
        self._tails: dict[str, metrics.Tail] = {}
        self._told: Any = None

    def look(self) -> None:
        version, services = self.world.changes(self._version, 0)
        if self.moved(services) or time.monotonic() - self._read > ANYWAY:
            for region in self.world.regions:
                self._found[region] = api.read(self.world, region)
            self._read = time.monotonic()
        self._version = version
        self._check()
        for region, found in self._found.items():
            for balancer in found.balancers:
                try:
                    self._serve(region, found, balancer)
                    self._errors.pop(balancer.host, None)
                except (NetError, NginxError) as error:  # the others go on
                    self._complain(balancer.host, str(error))
        self._leave()
        self._tell()
        if time.time() - self._counted >= METRICS:
            self._count()

    def down(self) -> None:
        for directory in self._directories():
            self._nginx(directory.name).stop()
        shutil.rmtree(self.directory, ignore_errors=True)
        (self.world.home / BALANCERS).unlink(missing_ok=True)

    # --- load balancers

    def _directories(self) -> Iterator[Path]:
        if self.directory.exists():
            yield from (path for path in sorted(self.directory.iterdir()) if path.is_dir())

    def _nginx(self, host: str) -> Nginx:
        return Nginx(Slot(self.directory, host), self.directory / host, f"kc-{host}", self.log)

    def _host(self, region: str, found: api.Region, balancer: api.Found) -> Host:
        """Return the balancer's host, attached; its address stays what it was given first."""
        standing = next((each for each in self.world.net.hosts() if each.name == balancer.host), None)
        subnet, cidr = found.subnet(balancer.subnets)
        address = standing.address if standing else self.world.net.free(region, cidr, found.reserved)
        host = Host(balancer.host, region, address, subnet, tuple(balancer.groups))
        self.world.net.attach(host)
        return host

    def _serve(self, region: str, found: api.Region, balancer: api.Found) -> None:
        host = self._host(region, found, balancer)
        balancer.address = host.address
        nginx = self._nginx(host.name)
        for part in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"):
            (nginx.directory / "tmp" / part).mkdir(mode=0o700, parents=True, exist_ok=True)
        ca = CA(self.world.home)
        listeners = [listener.of(tuple(_certificate(ca, names) for names in listener.names)) for listener in balancer.listeners]
        groups = {group.arn: group.of(self._usable(group)) for group in balancer.led_to(found.groups)}
        text = configuration(Balancer(balancer.attributes, listeners, groups))
        files = b"".join(Path(each.pem).read_bytes() for listener in listeners for each in listener.certificates)
        if nginx.apply(text, files):
            self.log.info("%s is told a new configuration", host.name)

    def _complain(self, host: str, text: str) -> None:
        """Say what is wrong with a load balancer, once."""
        if self._errors.get(host) != text:
            self.log.error("%s: %s", host, text)
        self._errors[host] = text

    def _usable(self, group: api.FoundGroup) -> tuple[str, ...]:
        """Return the targets that get requests: the healthy ones; where there is none, all of them, as ELB does."""
        known = {target: self._health.get((group.arn, target), Target()) for target in group.targets}
        healthy = tuple(target for target, health in known.items() if health.state == HEALTHY)
        return healthy or tuple(target for target, health in known.items() if health.state != INITIAL) or tuple(known)

    def _leave(self) -> None:
        """Take away the load balancers that are not wanted any more, and write down the addresses of those that are."""
        wanted = {balancer.host: balancer for found in self._found.values() for balancer in found.balancers}
        for directory in self._directories():
            if directory.name not in wanted:
                self._nginx(directory.name).stop()
                self.world.net.detach(directory.name)
                shutil.rmtree(directory)
                if directory.name in self._threads:
                    self._threads.pop(directory.name)[1].shutdown(wait=False)
                self.log.info("%s is gone", directory.name)
        addresses = {balancer.dns: [balancer.address] for balancer in wanted.values() if balancer.address}
        update(self.world.home / BALANCERS, json.dumps(addresses, indent=1, sort_keys=True))

    # --- health

    def _check(self) -> None:
        """Take the answers that came, and ask those whose time has come."""
        groups = {group.arn: group for found in self._found.values() for group in found.groups.values()}
        for key, future in list(self._asking.items()):
            if future.done():
                del self._asking[key]
                if key in self._health and key[0] in groups:
                    self._take(key, after(self._health[key], groups[key[0]].check, future.result()))
        now = time.monotonic()
        wanted: set[Key] = set()
        for found in self._found.values():
            for balancer in found.balancers:
                for group in balancer.led_to(found.groups):
                    for target in group.targets:
                        wanted.add((group.arn, target))
                        self._ask((group.arn, target), group, balancer.host, now)
        for key in [key for key in self._health if key not in wanted]:
            del self._health[key]
            self._due.pop(key, None)

    def _ask(self, key: Key, group: api.FoundGroup, host: str, now: float) -> None:
        if key not in self._health:
            # a world that was started anew goes on with what it had told
            known = group.told.get(key[1]) or Target()
            self._health[key] = Target() if known.state == UNUSED else known
            self._due[key] = now
        if key not in self._asking and now >= self._due[key] and (NETNS / f"kc-{host}").exists():
            if self._health[key] == Target():
                self._health[key] = Target(INITIAL, CHECKING, "Initial health checks in progress")
            address, _, port = key[1].rpartition(":")
            self._due[key] = now + group.check.interval
            self._asking[key] = self._pool(host).submit(ask, address, int(port), group.check)

    def _pool(self, host: str) -> ThreadPoolExecutor:
        """Return threads of a load balancer's host, which is another one after it was made anew."""
        number = (NETNS / f"kc-{host}").stat().st_ino
        was, pool = self._threads.get(host) or (0, None)
        if pool is None or was != number:  # threads would go on asking from the namespace before
            if pool:
                pool.shutdown(wait=False)
            pool = inside(f"kc-{host}", 8)
            self._threads[host] = (number, pool)
        return pool

    def _take(self, key: Key, health: Target) -> None:
        before = self._health[key]
        self._health[key] = health
        if before.state != health.state:
            self.log.info(
                "%s of %s is %s: %s", key[1], key[0].rpartition("/")[0].rpartition("/")[2], health.state, health.text or "answers"
            )

    def _tell(self) -> None:
        """Tell the AWS how targets are, if that is another than it was told last."""
        told: dict[str, dict[str, dict[str, str]]] = {}
        unused = Target(UNUSED, NOT_IN_USE, "Target group is not configured to receive traffic from the load balancer")
        idle = {
            (arn, target): unused
            for found in self._found.values()
            for arn in found.groups.keys() - {group.arn for balancer in found.balancers for group in balancer.led_to(found.groups)}
            for target in found.groups[arn].targets
        }
        for (group, target), health in sorted({**self._health, **idle}.items()):
            told.setdefault(group, {})[target] = {"State": health.state, "Reason": health.reason, "Description": health.text}
        if told != self._told:
            self.world.tell("elb", told)
            self._told = told

    # --- load

    def _count(self) -> None:
        self._counted = time.time()
        for region, found in self._found.items():
            points = [point for balancer in found.balancers if balancer.address for point in self._points(found, balancer)]
            self.world.measure(region, metrics.NAMESPACE, points)

    def _points(self, found: api.Region, balancer: api.Found) -> list[Mapping[str, Any]]:
        log = self.directory / balancer.host / "access.log"
        served = self._tails.setdefault(balancer.host, metrics.Tail(log)).take(self._nginx(balancer.host).reopen)
        states = {
            group.suffix: [self._health.get((group.arn, target), Target()).state for target in group.targets]
            for group in balancer.led_to(found.groups)
        }
        return metrics.points(balancer.suffix, states, served)


def _certificate(ca: CA, names: tuple[str, ...]) -> Certificate:
    pem, key = ca.certificate(names)
    return Certificate(names, str(pem), str(key))
