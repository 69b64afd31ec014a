"""CloudWatch: an alarm's tags come with it, and go with it."""

from __future__ import annotations

from typing import Any


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


ALL = (alarm_tags,)
