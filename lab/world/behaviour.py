"""What a behaviour is, what it is given, and how it is run: it looks whenever what it is about has changed."""

from __future__ import annotations

import json
import logging
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import yaml
from botocore.config import Config

from ..changes import ANOTHER, EMPTIED
from ..own import ask
from ..settings import ROOT, WORLD_AGENT, Settings
from .net import Net

POINTS = 1000
"""Of one call (CloudWatch API, PutMetricData)."""

INVENTORY = ROOT / "inventories" / "lab" / "hosts.yml"


@dataclass
class World:
    """What behaviours share.

    Attributes:
        settings: The lab's.
        home: Directory for what the world keeps: `<lab>/world`.
        regions: Codes of the platform's regions, those of the inventory's groups `regions` and `witness`.
        net: The lab's networks.
    """

    settings: Settings
    home: Path
    regions: tuple[str, ...]
    net: Net
    _clients: dict[tuple[str, str], Any] = field(default_factory=dict)
    _making: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def of(cls, settings: Settings) -> World:
        """Return the world of the lab in `settings.home`."""
        home = settings.home / "world"
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        groups = yaml.safe_load(INVENTORY.read_text())["all"]["children"]
        regions = (*groups["regions"]["hosts"], *groups["witness"]["hosts"])
        return cls(settings, home, regions, Net(home, regions))

    def client(self, service: str, region: str = "us-east-1") -> Any:
        """Return a boto3 client; they are kept, and may be used from several threads."""
        with self._making:
            key = (service, region)
            if key not in self._clients:
                self._clients[key] = boto3.client(
                    service,
                    region_name=region,
                    endpoint_url=self.settings.url,
                    aws_access_key_id=self.settings.access_key,
                    aws_secret_access_key=self.settings.secret_key,
                    config=Config(
                        connect_timeout=3, read_timeout=30, retries={"total_max_attempts": 2}, proxies={}, user_agent_extra=WORLD_AGENT
                    ),
                )
            return self._clients[key]

    def tell(self, name: str, what: Any) -> Any:
        """Tell the AWS what a behaviour sees, and return what the patch that listens answers (`lab/observed.py`)."""
        return json.loads(ask(f"{self.settings.url}/lab/observed/{name}", json.dumps(what).encode()))

    def measure(self, region: str, namespace: str, points: Sequence[Mapping[str, Any]]) -> None:
        """Put data points (CloudWatch API, MetricDatum) of what a service of AWS counts."""
        for at in range(0, len(points), POINTS):
            self.client("cloudwatch", region).put_metric_data(Namespace=namespace, MetricData=points[at : at + POINTS])

    def changes(self, since: int, seconds: float) -> tuple[int, frozenset[str]]:
        """Wait for changes after `since`, `seconds` at most; return the version and the services that changed (`Changes.wait`)."""
        found = json.loads(ask(f"{self.settings.url}/lab/changes?since={since}&wait={seconds}", timeout=seconds + 10))
        return int(found["version"]), frozenset(found["services"])


class Behaviour(ABC):
    """Something that the AWS only records, made true.

    A behaviour keeps nothing in memory that it could not find again: killed at any moment and started anew, it goes on with
    what stands.

    Attributes:
        name: Of its thread and its log.
        services: Whose changes wake it, by the name that requests are signed for.
        every: Seconds after which it looks although nothing changed.
        rest: Seconds between the end of one look and the next one.
    """

    name: str
    services: frozenset[str]
    every: float = 5.0
    rest: float = 0.3

    def __init__(self, world: World, log: logging.Logger) -> None:
        self.world = world
        self.log = log

    def moved(self, changed: frozenset[str]) -> bool:
        """Whether some of the changes may be about it."""
        return bool(changed & {*self.services, EMPTIED, ANOTHER})

    @abstractmethod
    def look(self) -> None:
        """Read what is wanted and what stands, and make it so. Returns soon: what takes long goes on beside it."""

    @abstractmethod
    def down(self) -> None:
        """Take away all that it has made on this machine; the world does not run any more. Networks are taken away after it."""


def logger(home: Path, name: str) -> logging.Logger:
    """Return a component's logger, to a file of its own in the world's directory."""
    log = logging.getLogger(f"lab.{name}")
    if not log.handlers:
        handler = logging.FileHandler(home / f"{name}.log")
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
    return log


@dataclass
class Runner:
    """Runs one behaviour in a thread, for ever; an error is told and the next look comes all the same."""

    behaviour: Behaviour
    woken: threading.Event = field(default_factory=threading.Event)
    ending: threading.Event = field(default_factory=threading.Event)
    looked: float = 0.0
    error: str = ""

    def run(self) -> None:
        while not self.ending.is_set():
            self.woken.clear()
            try:
                self.behaviour.look()
                if self.error:
                    self.behaviour.log.info("works again")
                self.error = ""
            except Exception as error:
                text = f"{type(error).__name__}: {error}"
                if text != self.error:  # the same thing is said once
                    self.behaviour.log.exception("a look failed")
                self.error = text
            self.looked = time.time()
            self.ending.wait(self.behaviour.rest)
            self.woken.wait(self.behaviour.every)

    def end(self) -> None:
        self.ending.set()
        self.woken.set()

    @property
    def state(self) -> dict[str, Any]:
        return {"name": self.behaviour.name, "looked": self.looked, "error": self.error}
