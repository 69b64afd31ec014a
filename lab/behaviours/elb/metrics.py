"""What a load balancer has served, as CloudWatch counts it (ELB user guide, CloudWatch metrics for your Application Load Balancer)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .health import HEALTHY, UNHEALTHY

NAMESPACE = "AWS/ApplicationELB"
MOST = 1000
"""Of one call (CloudWatch API, PutMetricData)."""


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
    """Return a line of the access log; of several targets that were asked, the last one counts."""
    # nginx writes several tries as `502, 200`
    fields = line.partition(' "')[0].replace(", ", ",").replace(" : ", ",").split(" ")
    if len(fields) < 7 or not fields[2].isdecimal():
        return None
    status, seconds = (text.rpartition(",")[2] for text in fields[3:5])
    return Served(fields[1], int(fields[2]), int(status) if status.isdecimal() else None, float(seconds) if seconds != "-" else None)


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

    whole = {"LoadBalancer": balancer}
    yield point("RequestCount", len(served), **whole)
    yield point("HTTPCode_ELB_5XX_Count", sum(each.status >= 500 and each.target_status is None for each in served), **whole)
    for group, targets in states.items():
        ours = [each for each in served if each.group == group]
        both = {"TargetGroup": group, **whole}
        healthy = sum(state == HEALTHY for state in targets)
        yield point("RequestCount", len(ours), **both)
        yield point("RequestCountPerTarget", len(ours) / max(healthy, 1), TargetGroup=group)
        yield point("HTTPCode_Target_5XX_Count", sum((each.target_status or 0) >= 500 for each in ours), **both)
        yield point("HealthyHostCount", healthy, **both)
        yield point("UnHealthyHostCount", sum(state == UNHEALTHY for state in targets), **both)
        for each in ours:
            if each.seconds is not None:
                yield point("TargetResponseTime", each.seconds, "Seconds", **both)
