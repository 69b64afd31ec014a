"""What ECS's service scheduler decides: how many tasks to start, and which to stop. Nothing here looks or acts.

Source: ECS developer guide, Deploy Amazon ECS services by replacing tasks; How the deployment circuit breaker detects failures.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

FEWEST, MOST = 3, 200
"""Failed tasks after which the circuit breaker gives a deployment up, at least and at most."""

LONGEST = 60.0
"""Seconds between two attempts to start tasks that fail, at most; ECS waits up to a quarter of an hour."""


@dataclass(frozen=True)
class Seen:
    """A task as the scheduler sees it.

    Attributes:
        id: Its id.
        deployment: Id of its deployment.
        created: When it was wanted.
        subnet: Where it runs.
        healthy: Whether it runs and passes all its checks.
        tried: Whether it ever was healthy.
        sick: Whether it fails a check for good.
    """

    id: str
    deployment: str
    created: float = 0.0
    subnet: str = ""
    healthy: bool = False
    tried: bool = False
    sick: bool = False


@dataclass(frozen=True)
class Wanted:
    """A service as the scheduler sees it: how many tasks, of which deployment, and between which bounds (percent)."""

    count: int
    deployment: str
    minimum: int = 100
    maximum: int = 200
    failed: bool = False

    @property
    def floor(self) -> int:
        """Healthy tasks below which none is stopped."""
        return -(-self.count * self.minimum // 100)

    @property
    def ceiling(self) -> int:
        """Tasks above which none is started."""
        return self.count * self.maximum // 100


@dataclass(frozen=True)
class Decision:
    """How many tasks to start, which to stop because there are too many, and which because they are sick."""

    start: int = 0
    surplus: tuple[str, ...] = ()
    sick: tuple[str, ...] = ()


def decide(wanted: Wanted, tasks: Sequence[Seen]) -> Decision:
    """Return what to do about the tasks of a service that are not ending already."""
    # one that never was healthy has failed; one that was goes when another has taken its place, or no other may be started
    hopeless = [task for task in tasks if task.sick and not task.tried]
    tasks = [task for task in tasks if task not in hopeless]
    new = [task for task in tasks if task.deployment == wanted.deployment and not task.sick]
    old = [task for task in tasks if task.deployment != wanted.deployment and not task.sick]
    sick = [task for task in tasks if task.sick]
    healthy = sum(task.healthy for task in tasks)
    lacking = max(0, wanted.count - len(new))
    room = max(0, wanted.ceiling - len(tasks))

    replaced = len(sick) if wanted.count <= healthy else min(len(sick), max(0, lacking - room))
    ended = [*hopeless, *sick[:replaced]]
    room = max(0, wanted.ceiling - len(tasks) + replaced)

    spare = healthy - wanted.floor
    surplus: list[Seen] = []
    leaving = _order(new)[: max(0, len(new) - wanted.count)]
    for task in [*leaving, *([] if wanted.failed and wanted.count else _order(old))]:
        if not task.healthy:
            surplus.append(task)
        elif spare > 0:
            spare -= 1
            surplus.append(task)
    start = 0 if wanted.failed else min(lacking, room)
    return Decision(start, tuple(task.id for task in surplus), tuple(task.id for task in ended))


def _order(tasks: Sequence[Seen]) -> list[Seen]:
    """Return tasks in the order in which they are stopped: not healthy, then of the fullest subnet, the youngest first."""
    left, ordered = list(tasks), []
    while left:
        full = Counter(task.subnet for task in left)
        first = max(left, key=lambda task: (not task.healthy, full[task.subnet], task.created, task.id))
        left.remove(first)
        ordered.append(first)
    return ordered


def threshold(count: int) -> int:
    """Return after how many failed tasks in a row a deployment of `count` tasks has failed."""
    return min(MOST, max(FEWEST, -(-count // 2)))


def pause(failures: int) -> float:
    """Return the seconds to wait after the last of some failures in a row."""
    return min(LONGEST, 2.0**failures) if failures else 0.0


def provider(strategy: Sequence[Mapping[str, Any]], running: Iterable[str]) -> str:
    """Return the capacity provider of the next task: bases first, then by weight.

    Args:
        strategy: The service's; empty for a launch type.
        running: Providers of the tasks that there are.
    """
    have = Counter(running)
    for each in strategy:
        if have[each["capacityProvider"]] < each.get("base", 0):
            return str(each["capacityProvider"])
    weighed = [each for each in strategy if each.get("weight", 0)]
    if not weighed:
        return ""

    def share(each: Mapping[str, Any]) -> float:
        """Return how much of its part it would have with one more."""
        return float((have[each["capacityProvider"]] - each.get("base", 0) + 1) / each["weight"])

    return str(min(weighed, key=share)["capacityProvider"])


def subnet(subnets: Sequence[str], used: Iterable[str]) -> str:
    """Return the subnet of the next task: the one with the fewest of its service."""
    have = Counter(used)
    return min(subnets, key=lambda each: (have[each], subnets.index(each)))
