"""CloudWatch: an alarm's tags come with it, and go with it; metrics are told apart, and summed up by whole periods."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

Key = tuple[str, str, frozenset[tuple[str, str]]]
"""What a metric is: namespace, name, dimensions."""

FINE, HELD = timedelta(minutes=15), timedelta(hours=3)
"""How long the lab holds data points as they came, and one a minute (CloudWatch: 3 hours and 15 days)."""

SOME = 400
"""Data points of a metric after which the old ones are condensed; six a minute make some 270 that stay."""


def alarm_tags() -> None:
    """Tags given when an alarm is put again are ignored, and a deleted alarm's are gone; moto 5.2.5 adds them, and keeps them."""
    from moto.cloudwatch.models import CloudWatchBackend as Backend

    put, delete = Backend.put_metric_alarm, Backend.delete_alarms

    def put_metric_alarm(self: Any, name: str, *args: Any, tags: Any = None, **more: Any) -> Any:
        return put(self, name, *args, tags=None if name in self.alarms else tags, **more)

    def delete_alarms(self: Any, alarm_names: list[str]) -> None:
        for name in alarm_names:
            if name in self.alarms:
                self.tagger.delete_all_tags_for_resource(self.alarms[name].alarm_arn)
        delete(self, alarm_names)

    Backend.put_metric_alarm, Backend.delete_alarms = put_metric_alarm, delete_alarms


def alarms_begin_without_data() -> None:
    """An alarm is INSUFFICIENT_DATA until it is evaluated, and keeps its state when it is put again; moto 5.2.5 says OK."""
    from moto.cloudwatch.models import CloudWatchBackend as Backend

    put = Backend.put_metric_alarm

    def put_metric_alarm(self: Any, name: str, *args: Any, **more: Any) -> Any:
        stood = self.alarms.get(name)
        alarm = put(self, name, *args, **more)
        alarm.state_value = "INSUFFICIENT_DATA"
        if stood:
            for attribute in ("state_value", "state_reason", "state_reason_data", "state_updated_timestamp", "history"):
                setattr(alarm, attribute, getattr(stood, attribute))
        return alarm

    Backend.put_metric_alarm = put_metric_alarm


def metrics_are_apart() -> None:
    """A metric is what has its name and exactly its dimensions; its periods begin at multiples of their length.

    moto 5.2.5 takes metrics with more dimensions for the same one, counts periods from the first data point on, and looks
    for them among all data points that there ever were. Here each metric has its own, condensed as they grow old, and
    they are no part of the state that is saved: they come again.
    """
    from moto.cloudwatch.models import CloudWatchBackend as Backend
    from moto.cloudwatch.models import Statistics

    put = Backend.put_metric_data

    def series(self: Any) -> dict[Key, list[Any]]:
        found: dict[Key, list[Any]] = vars(self).setdefault("series", {})
        return found

    def put_metric_data(self: Any, namespace: str, metric_data: list[dict[str, Any]]) -> None:
        self.metric_data = []
        put(self, namespace, metric_data)
        for each in self.metric_data:
            points = series(self).setdefault(_key(each), [])
            points.append(each)
            if len(points) % SOME == 0:
                points[:] = condensed(points, _now())
        self.metric_data = []

    def get_all_metrics(self: Any) -> list[Any]:
        return [each for points in series(self).values() for each in points] + self.aws_metric_data

    def get_metric_statistics(
        self: Any,
        namespace: str,
        metric_name: str,
        start_time: Any,
        end_time: Any,
        period: int,
        stats: Any,
        dimensions: Any,
        unit: Any = None,
    ) -> list[Any]:
        key = (namespace, metric_name, frozenset((each["Name"], each["Value"]) for each in dimensions))
        start, end = _naive(start_time), _naive(end_time)
        found: dict[datetime, Any] = {}
        for each in series(self).get(key) or [each for each in self.aws_metric_data if _key(each) == key]:
            at = _naive(each.timestamp)
            if start <= at < end and unit in (None, each.unit):
                begins = _begin(at, period)
                found.setdefault(begins, Statistics(stats, begins, each.unit)).metric_data.append(each)
        return [found[begins] for begins in sorted(found)]

    def get_filtered_metrics(self: Any, metric_name: str, namespace: str, dimensions: Any) -> list[Any]:
        oldest = _now() - HELD
        last = [points[-1] for points in series(self).values() if _naive(points[-1].timestamp) >= oldest]
        found = {_key(each): each for each in [*self.aws_metric_data, *last]}
        return [each for each in found.values() if each.filter(namespace=namespace, name=metric_name, dimensions=dimensions)]

    def state(self: Any) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "series"}

    Backend.put_metric_data = put_metric_data
    Backend.get_all_metrics = get_all_metrics
    Backend.get_metric_statistics = get_metric_statistics
    Backend.get_filtered_metrics = get_filtered_metrics
    Backend.__getstate__ = state


def condensed(points: list[Any], now: datetime) -> list[Any]:
    """Return a metric's data points, the old ones one a minute, as CloudWatch keeps them, and the oldest not at all."""
    from moto.cloudwatch.models import MetricAggregatedDatum

    minutes: dict[tuple[datetime, Any], list[Any]] = {}
    fine = []
    for each in points:
        at = _naive(each.timestamp)
        if at >= now - FINE:
            fine.append(each)
        elif at >= now - HELD:
            minutes.setdefault((_begin(at, 60), each.unit), []).append(each)
    old = []
    for (begins, unit), each in sorted(minutes.items(), key=lambda item: item[0][0]):
        low, high, count, total = zip(*map(_summed, each), strict=True)
        first = each[0]
        one = MetricAggregatedDatum(first.namespace, first.name, min(low), max(high), sum(count), sum(total), [], begins, unit)
        one.dimensions = first.dimensions
        old.append(one)
    return old + fine


def _summed(point: Any) -> tuple[float, float, float, float]:
    """Return lowest, highest, count and sum of what a data point stands for."""
    if hasattr(point, "value"):
        return point.value, point.value, 1.0, point.value
    return point.min, point.max, point.sample_count, point.sum


def _key(metric: Any) -> Key:
    return metric.namespace, metric.name, frozenset((each.name, each.value) for each in metric.dimensions)


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def _naive(at: datetime) -> datetime:
    """Return a time in UTC without saying so, as moto's own times are."""
    return at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else at


def _begin(at: datetime, period: int) -> datetime:
    """Return when the period begins in which a time is."""
    return datetime.fromtimestamp(int(at.replace(tzinfo=UTC).timestamp()) // period * period, UTC).replace(tzinfo=None)


ALL = (alarm_tags, alarms_begin_without_data, metrics_are_apart)
