"""Health checks of target groups, and what becomes of their results. Deciding is pure; asking is done by threads of a namespace."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

INITIAL, HEALTHY, UNHEALTHY, DRAINING, UNUSED = "initial", "healthy", "unhealthy", "draining", "unused"

REGISTERING = "Elb.RegistrationInProgress"
CHECKING = "Elb.InitialHealthChecking"
MISMATCH = "Target.ResponseCodeMismatch"
TIMEOUT = "Target.Timeout"
FAILED = "Target.FailedHealthChecks"
NOT_IN_USE = "Target.NotInUse"
"""Why a target is in its state (ELB API, TargetHealth)."""


@dataclass(frozen=True)
class Check:
    """How a group's targets are asked, as DescribeTargetGroups has it."""

    protocol: str
    path: str
    port: str
    interval: float
    timeout: float
    healthy: int
    unhealthy: int
    codes: str

    @classmethod
    def of(cls, group: Mapping[str, Any]) -> Check:
        return cls(
            group.get("HealthCheckProtocol") or group["Protocol"],
            group.get("HealthCheckPath") or "/",
            str(group.get("HealthCheckPort") or "traffic-port"),
            float(group["HealthCheckIntervalSeconds"]),
            float(group["HealthCheckTimeoutSeconds"]),
            int(group["HealthyThresholdCount"]),
            int(group["UnhealthyThresholdCount"]),
            str((group.get("Matcher") or {}).get("HttpCode") or "200"),
        )

    def takes(self, status: int) -> bool:
        """Whether a status is one that the matcher lists: `200`, `200,302`, `200-299`."""
        for part in self.codes.split(","):
            low, _, high = part.partition("-")
            if int(low) <= status <= int(high or low):
                return True
        return False


@dataclass(frozen=True)
class Target:
    """A target's health.

    Attributes:
        state: One of the states above.
        reason: Why, "" where it is healthy.
        text: The same as a sentence.
        row: How many looks in a row had the other outcome than the state says (of an initial one: good ones).
        bad: Of an initial one, how many bad looks in a row.
    """

    state: str = INITIAL
    reason: str = REGISTERING
    text: str = "Target registration is in progress"
    row: int = 0
    bad: int = 0


def after(target: Target, check: Check, outcome: int | str) -> Target:
    """Return a target's health after one more look.

    One that is new is healthy after one good look (ELB user guide, Health checks for target groups: "after a target
    passes one health check when it is registered"), and unhealthy after as many bad ones as the threshold says.

    Args:
        target: Its health before.
        check: The group's check.
        outcome: The status of the answer, or what went wrong: `TIMEOUT` or `FAILED`.
    """
    good = isinstance(outcome, int) and check.takes(outcome)
    reason, text = ("", "") if good else _why(outcome)
    if target.state == INITIAL:
        if good:
            return Target(HEALTHY, "", "")
        bad = target.bad + 1
        if bad >= check.unhealthy:
            return Target(UNHEALTHY, reason, text)
        return replace(target, reason=CHECKING, text="Initial health checks in progress", bad=bad)
    if target.state == HEALTHY:
        row = 0 if good else target.row + 1
        return Target(UNHEALTHY, reason, text) if row >= check.unhealthy else replace(target, row=row)
    if target.state == UNHEALTHY:
        row = target.row + 1 if good else 0
        if row >= check.healthy:
            return Target(HEALTHY, "", "")
        return replace(target, row=row) if good else Target(UNHEALTHY, reason, text)
    return target


def _why(outcome: int | str) -> tuple[str, str]:
    if isinstance(outcome, int):
        return MISMATCH, f"Health checks failed with these codes: [{outcome}]"
    return outcome, "Request timed out" if outcome == TIMEOUT else "Health checks failed"


def ask(address: str, port: int, check: Check) -> int | str:
    """Ask a target once; return the status of its answer, or `TIMEOUT` or `FAILED`."""
    port = port if check.port == "traffic-port" else int(check.port)
    if check.protocol == "HTTPS":
        unverified = ssl._create_unverified_context()  # noqa: S323 (a target's certificate is not looked at, as on AWS)
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(address, port, timeout=check.timeout, context=unverified)
    else:
        connection = http.client.HTTPConnection(address, port, timeout=check.timeout)
    try:
        connection.request("GET", check.path, headers={"User-Agent": "ELB-HealthChecker/2.0", "Connection": "close"})
        return connection.getresponse().status
    except TimeoutError:
        return TIMEOUT
    except (OSError, http.client.HTTPException):
        return FAILED
    finally:
        connection.close()
