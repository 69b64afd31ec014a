"""CloudWatch: an alarm's tags come with it, and go with it; metrics are told apart, and summed up by whole periods."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

HELD = timedelta(hours=3)
"""How long the lab holds data points; CloudWatch holds those of a minute for 15 days."""


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

    moto 5.2.5 takes metrics with more dimensions for the same one, counts periods from the first data point on, holds
    every data point for ever, and compares each with each other to list the metrics.
    """
    from moto.cloudwatch.models import CloudWatchBackend as Backend
    from moto.cloudwatch.models import Statistics

    put = Backend.put_metric_data

    def put_metric_data(self: Any, namespace: str, metric_data: list[dict[str, Any]]) -> None:
        put(self, namespace, metric_data)
        oldest = datetime.now(UTC).replace(tzinfo=None) - HELD
        if self.metric_data and _naive(self.metric_data[0].timestamp) < oldest:
            self.metric_data = [each for each in self.metric_data if _naive(each.timestamp) >= oldest]

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
        wanted = frozenset((each["Name"], each["Value"]) for each in dimensions)
        start, end = _naive(start_time), _naive(end_time)
        found: dict[datetime, Any] = {}
        for each in self.get_all_metrics():
            if each.name != metric_name or each.namespace != namespace or (unit and each.unit != unit) or _dimensions(each) != wanted:
                continue
            at = _naive(each.timestamp)
            if start <= at < end:
                begins = _begin(at, period)
                found.setdefault(begins, Statistics(stats, begins, each.unit)).metric_data.append(each)
        return [found[begins] for begins in sorted(found)]

    def get_filtered_metrics(self: Any, metric_name: str, namespace: str, dimensions: Any) -> list[Any]:
        found: dict[Any, Any] = {}
        for each in self.get_all_metrics():
            if each.filter(namespace=namespace, name=metric_name, dimensions=dimensions):
                found.setdefault((each.namespace, each.name, _dimensions(each)), each)
        return list(found.values())

    Backend.put_metric_data = put_metric_data
    Backend.get_metric_statistics = get_metric_statistics
    Backend.get_filtered_metrics = get_filtered_metrics


def _dimensions(metric: Any) -> frozenset[tuple[str, str]]:
    return frozenset((each.name, each.value) for each in metric.dimensions)


def _naive(at: datetime) -> datetime:
    """Return a time in UTC without saying so, as moto's own times are."""
    return at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else at


def _begin(at: datetime, period: int) -> datetime:
    """Return when the period begins in which a time is."""
    return datetime.fromtimestamp(int(at.replace(tzinfo=UTC).timestamp()) // period * period, UTC).replace(tzinfo=None)


ALL = (alarm_tags, alarms_begin_without_data, metrics_are_apart)
