"""What a load balancer has served, as CloudWatch counts it (ELB user guide, CloudWatch metrics for your Application Load Balancer)."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .health import HEALTHY, UNHEALTHY

NAMESPACE = "AWS/ApplicationELB"
SAMPLES = 20
"""Response times that are told of a batch at most: enough for its percentiles."""

TRIES = ("target_status", "target_header", "target_took")
"""Of a line of the access log: what nginx writes of each target that it asked, as in `502, 200`."""


@dataclass(frozen=True)
class Served:
    """One request: the group it went to (`-` where to none), the statuses of answer and target, and the target's seconds."""

    group: str
    status: int
    target_status: int | None
    seconds: float | None


class Tail:
    """An access log, read on from where it was read last; what was written before the first time is left out."""

    MOST = 50 << 20
    """Bytes after which the log begins anew."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self.at = log.stat().st_size if log.exists() else 0

    def take(self, reopen: Callable[[], None]) -> list[Served]:
        """Return what was logged since the last time.

        Args:
            reopen: Has nginx open the file anew; called where the log has grown too long and was put aside.
        """
        if not self.log.exists():
            return []
        with self.log.open("rb") as file:
            file.seek(self.at)
            lines = file.read().splitlines(keepends=True)
        if lines and not lines[-1].endswith(b"\n"):
            lines.pop()
        self.at += sum(map(len, lines))
        if self.at > self.MOST:
            self.log.replace(self.log.with_suffix(".log.1"))
            self.at = 0
            reopen()
        return [request for line in lines if (request := parsed(line.decode(errors="replace")))]


def parsed(line: str) -> Served | None:
    """Return a line of the access log; of several targets that were asked, the last one counts.

    nginx writes 502 or 504 as the status of a target that gave no answer; it is one's only where its head came.
    """
    try:
        found = json.loads(line)
    except ValueError:
        return None
    status, header, seconds = (str(found[name]).replace(" : ", ", ").rpartition(", ")[2] for name in TRIES)
    answered = header not in ("", "-")
    return Served(found["group"] or "-", found["status"], int(status) if answered else None, float(seconds) if answered else None)


def points(balancer: str, states: Mapping[str, Sequence[str]], served: Sequence[Served]) -> list[Mapping[str, Any]]:
    """Return data points of one load balancer.

    Args:
        balancer: Its ARN's last parts, `app/<name>/<id>`.
        states: States of targets, by the suffix of their group.
        served: What it served since the last count.
    """
    return list(_points(balancer, states, served))


def _points(balancer: str, states: Mapping[str, Sequence[str]], served: Sequence[Served]) -> Iterator[Mapping[str, Any]]:
    at = time.time()

    def point(name: str, value: float, unit: str = "Count", **dimensions: str) -> Mapping[str, Any]:
        named = [{"Name": name, "Value": value} for name, value in dimensions.items()]
        return {"MetricName": name, "Dimensions": named, "Timestamp": at, "Value": value, "Unit": unit}

    def counts(name: str, statuses: Sequence[int], **dimensions: str) -> Iterator[Mapping[str, Any]]:
        for number in sorted({status // 100 for status in statuses}):
            yield point(f"{name}_{number}XX_Count", sum(status // 100 == number for status in statuses), **dimensions)

    def requests(some: Sequence[Served], **dimensions: str) -> Iterator[Mapping[str, Any]]:
        yield point("RequestCount", len(some), **dimensions)
        yield from counts("HTTPCode_Target", [each.target_status for each in some if each.target_status is not None], **dimensions)
        times = sorted(each.seconds for each in some if each.seconds is not None)
        count = min(len(times), SAMPLES)
        if count:
            one = point("TargetResponseTime", 0, "Seconds", **dimensions)
            samples = [times[(2 * index + 1) * len(times) // (2 * count)] for index in range(count)]
            yield {**{name: value for name, value in one.items() if name != "Value"}, "Values": samples}

    whole = {"LoadBalancer": balancer}
    own = [each.status for each in served if each.target_status is None and each.status >= 300]
    yield from requests(served, **whole)
    yield from counts("HTTPCode_ELB", own, **whole)
    yield from (point(f"HTTPCode_ELB_{status}_Count", own.count(status), **whole) for status in (502, 503, 504) if status in own)
    for group, targets in states.items():
        ours = [each for each in served if each.group == group]
        both = {"TargetGroup": group, **whole}
        healthy = sum(state == HEALTHY for state in targets)
        yield from requests(ours, **both)
        yield from (point("RequestCountPerTarget", len(ours) / max(healthy, 1), **where) for where in ({"TargetGroup": group}, both))
        yield point("HealthyHostCount", healthy, **both)
        yield point("UnHealthyHostCount", sum(state == UNHEALTHY for state in targets), **both)
