"""EventBridge: rules have tags that others can look up, and tell SNS what they should."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any


def tagged_rules() -> None:
    """The index of tags holds rules, and tags given when a rule is put again are ignored; moto 5.2.5 knows only buses, and adds them."""
    from moto.core.resource_tagging import TaggedResource
    from moto.events.models import EventsBackend as Backend

    listed, put = Backend.iter_tagged_resources, Backend.put_rule

    def iter_tagged_resources(self: Any) -> Iterator[Any]:
        yield from listed(self)
        for bus in self.event_buses.values():
            for rule in bus.rules.values():
                yield TaggedResource(arn=rule.arn, tags=self.tagger.get_tag_dict_for_resource(rule.arn), resource_type="events:rule")

    def put_rule(self: Any, name: str, *args: Any, tags: Any = None, event_bus_arn: str | None = None, **more: Any) -> Any:
        bus = self._get_event_bus(self._normalize_event_bus_arn(event_bus_arn))
        stands = name in bus.rules
        return put(self, name, *args, tags=None if stands else tags, event_bus_arn=event_bus_arn, **more)

    Backend.iter_tagged_resources, Backend.put_rule = iter_tagged_resources, put_rule


def topics_are_told() -> None:
    """A rule publishes to a topic what its transformer makes of the event; moto 5.2.5 fails for a target that is a topic.

    What a path does not find in the event is empty in the text.
    """
    from moto.events.models import Rule
    from moto.events.utils import EventTemplateParser
    from moto.sns import sns_backends

    send = Rule.send_to_targets

    def send_to_targets(self: Any, original_event: Any, transform_input: bool = True) -> None:
        every = self.targets
        topics = [target for target in every if target["Arn"].split(":")[2] == "sns"]
        for target in topics if self.state == "ENABLED" and self.event_pattern.matches_event(original_event) else []:
            transformer = target.get("InputTransformer") or {}
            paths = transformer.get("InputPathsMap") or {}
            made = EventTemplateParser.parse(transformer.get("InputTemplate"), paths, original_event)
            text = made if isinstance(made, str) else json.dumps(made)
            for name in paths:
                text = re.sub(f"<{re.escape(name)}>", "", text)
            sns_backends[self.account_id][self.region_name].publish(text, arn=target["Arn"])
        self.targets = [target for target in every if target not in topics]
        try:
            send(self, original_event, transform_input)
        finally:
            self.targets = every

    Rule.send_to_targets = send_to_targets


ALL = (tagged_rules, topics_are_told)
