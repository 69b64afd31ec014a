"""What users do in a month, and what follows from it: the assumptions of an estimate, from the inventory's `kc_cost_usage`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, get_type_hints

from ..errors import KcError
from ..options import suggestion
from .model import Bounds

VARIABLE = "kc_cost_usage"


@dataclasses.dataclass(frozen=True)
class BucketUsage:
    """What a bucket holds and takes in a month; each figure is explained in the inventory's `cost.yml`."""

    gb: Bounds
    new_gb: Bounds
    object_mb: Bounds
    reads: Bounds


@dataclasses.dataclass(frozen=True)
class Usage:
    """The assumptions; each is explained where its default is, in the inventory's `cost.yml`."""

    viewer_gb: Bounds
    viewer_requests: Bounds
    upload_gb: Bounds
    origin_requests: Bounds
    task_load: Bounds
    task_loads: Mapping[str, Bounds]
    spot: Bounds
    warm: Bounds
    peak_hours: Bounds
    peak_growth: Bounds
    balancer_lcus: Bounds
    nat_gb: Bounds
    internet_gb: Bounds
    cross_zone_gb: Bounds
    endpoint_gb: Bounds
    insert_gb: Bounds
    fill: Bounds
    change: Bounds
    image_gb: Bounds
    buckets: Mapping[str, BucketUsage]
    tiers: Mapping[str, Bounds]
    task_log_gb: Bounds
    database_log_gb: Bounds
    waf_log_gb: Bounds
    flow_log_gb: Bounds
    insights: Mapping[str, Bounds]
    dns_queries: Bounds
    key_requests: Bounds
    secret_requests: Bounds
    queue_requests: Bounds
    notices: Bounds

    def of_users(self, times: Bounds) -> Usage:
        """Return the assumptions for so many times as many users: what they do and store, and how busy tasks are, not the ratios."""
        buckets = {
            name: dataclasses.replace(about, **_times(about, times, ("gb", "new_gb", "reads"))) for name, about in self.buckets.items()
        }
        loads = {name: (load * times).map(_whole) for name, load in self.task_loads.items()}
        more: dict[str, Any] = {"task_load": (self.task_load * times).map(_whole), "task_loads": loads, "buckets": buckets}
        return dataclasses.replace(self, **more, **_times(self, times, BY_USERS))

    def load_of(self, application: str) -> Bounds:
        """Return how far an application's tasks are, on average, from the least to the most, as a share."""
        return self.task_loads.get(application, self.task_load)

    def bucket(self, short: str) -> BucketUsage:
        """Return what is assumed of a bucket: its own figures, or those of `default`."""
        return self.buckets.get(short, self.buckets["default"])


BY_USERS = (
    *("viewer_gb", "viewer_requests", "upload_gb", "origin_requests", "balancer_lcus", "nat_gb", "internet_gb", "cross_zone_gb"),
    *("endpoint_gb", "insert_gb", "waf_log_gb", "flow_log_gb", "dns_queries", "key_requests", "secret_requests", "queue_requests"),
)
"""Figures that follow how many users there are; the others are shares, or each task's and each instance's own."""


def _times(about: Any, times: Bounds, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(about, name) * times for name in names}


def _whole(share: Decimal) -> Decimal:
    return min(share, Decimal(1))


def usage(given: Any) -> Usage:
    """Return the assumptions.

    Raises:
        KcError: One is missing, unknown, or no figure; it names it by its path.
    """
    found: Usage = _read(Usage, VARIABLE, given)
    for mapping, needed in (
        (found.buckets, {"default"}),
        (found.tiers, {"FA", "IA", "AIA"}),
        (found.insights, {"cluster", "service", "task", "basic"}),
    ):
        name = next(field for field in ("buckets", "tiers", "insights") if getattr(found, field) is mapping)
        missing = sorted(needed - {*mapping})
        if missing:
            raise KcError(f"`{VARIABLE}.{name}` lacks `{missing[0]}`", hint="see inventories/common/all/cost.yml")
    return found


def _read(kind: Any, where: str, given: Any) -> Any:
    if not isinstance(given, Mapping):
        raise KcError(f"`{where}` must be a mapping, not {given!r}")
    hints = get_type_hints(kind)
    unknown = next((name for name in given if name not in hints), None)
    if unknown is not None:
        raise KcError(f"`{where}` has no figure `{unknown}`", hint=suggestion(str(unknown), hints))
    missing = next((name for name in hints if name not in given), None)
    if missing is not None:
        raise KcError(f"`{where}` lacks `{missing}`", hint="see inventories/common/all/cost.yml")
    values: dict[str, Any] = {}
    for name, hint in hints.items():
        path, value = f"{where}.{name}", given[name]
        if hint is Bounds:
            values[name] = figure(path, value)
        elif not isinstance(value, Mapping):
            raise KcError(f"`{path}` must be a mapping, not {value!r}")
        elif hint == Mapping[str, BucketUsage]:
            values[name] = {key: _read(BucketUsage, f"{path}.{key}", about) for key, about in value.items()}
        else:
            values[name] = {key: figure(f"{path}.{key}", about) for key, about in value.items()}
    return kind(**values)


def figure(path: str, value: Any) -> Bounds:
    """Return a figure that is written as one number, or as three: at best, as expected, at worst.

    Raises:
        KcError: It is neither, or negative.
    """
    three = value if isinstance(value, list) else [value] * 3
    if len(three) != 3 or any(isinstance(one, bool) or not isinstance(one, (int, float)) or one < 0 for one in three):
        raise KcError(f"`{path}` is {value!r}", hint="give a number that is not negative, or three: at best, as expected, at worst")
    return Bounds(*(Decimal(str(one)) for one in three))
