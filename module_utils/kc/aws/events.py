"""EventBridge: rules on the default bus, each with its targets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..model import Kind, Live, canonical
from ..scope import Scope
from . import tagging
from .session import Aws
from .tags import tag_list


class EventRule(Kind):
    """A rule on the account's default bus, and what it sends where.

    Attributes of the desired state: `description`, `pattern` (its lists in canonical order, see `in_order`), `enabled`,
    `targets` (by id: `arn`, `values`, the paths of an event by the names that `text` uses, and `text`, what is sent)
    and `tags`.
    """

    name = "event_rule"
    outputs_of = ("id", "arn")
    settles = frozenset({"ConcurrentModificationException"})

    def read(self, aws: Aws, scope: Scope) -> dict[str, Live]:
        found = aws.pages("events", "list_rules", "Rules", NamePrefix=scope.prefix)

        def ask(arn: str) -> list[dict[str, str]]:
            return list((aws.find("events", "list_tags_for_resource", ResourceARN=arn) or {}).get("Tags") or [])

        def one(pair: tuple[Mapping[str, Any], dict[str, str]]) -> Live:
            rule, tags = pair
            attrs = {
                "description": rule.get("Description", ""),
                "pattern": in_order(json.loads(rule.get("EventPattern") or "{}")),
                "enabled": rule["State"].startswith("ENABLED"),
                "targets": _targets(aws, rule["Name"]),
                "tags": tags,
            }
            return Live(attrs, {"id": rule["Name"], "arn": rule["Arn"]})

        return {live.id: live for live in aws.map(one, tagging.owned(aws, scope, "events:rule", found, "Arn", ask))}

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        live = Live({**want, "targets": {}}, {"id": name, "arn": scope.arn("events", f"rule/{name}")})
        self._put(aws, name, want, Tags=tag_list(want["tags"]))
        # one of this name that was not known as ours stands with its old tags: those given then are ignored
        self.update(aws, scope, name, live, want, frozenset({"tags", "targets"}))
        return Live(dict(want), live.outputs)

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        if changed - {"tags", "targets"}:
            self._put(aws, name, want)
        if "targets" in changed:
            self._retarget(aws, name, live.attrs["targets"], want["targets"])
        if "tags" in changed:
            aws.call("events", "tag_resource", ResourceARN=live.outputs["arn"], Tags=tag_list(want["tags"]))

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        self._retarget(aws, name, _targets(aws, name), {})  # a rule goes only without targets
        aws.find("events", "delete_rule", Name=name)

    def _put(self, aws: Aws, name: str, want: Mapping[str, Any], **more: Any) -> None:
        state = "ENABLED" if want["enabled"] else "DISABLED"
        pattern = json.dumps(want["pattern"], separators=(",", ":"))
        aws.call("events", "put_rule", Name=name, EventPattern=pattern, State=state, Description=want["description"], **more)

    def _retarget(self, aws: Aws, name: str, have: Mapping[str, Any], want: Mapping[str, Any]) -> None:
        gone = sorted(set(have) - set(want))
        if gone:
            _refused(aws, aws.find("events", "remove_targets", Rule=name, Ids=gone))
        put = [{"Id": id, **_target(about)} for id, about in sorted(want.items()) if have.get(id) != about]
        if put:
            _refused(aws, aws.call("events", "put_targets", Rule=name, Targets=put))


def in_order(pattern: Any) -> Any:
    """Return an event pattern with its lists in canonical order: what one matches does not depend on it."""
    if isinstance(pattern, Mapping):
        return {name: in_order(value) for name, value in pattern.items()}
    return canonical(in_order(each) for each in pattern) if isinstance(pattern, list) else pattern


def _targets(aws: Aws, rule: str) -> dict[str, dict[str, Any]]:
    # five at most, so one page (EventBridge quotas: targets per rule)
    found = aws.find("events", "list_targets_by_rule", Rule=rule) or {}
    return {each["Id"]: _about(each) for each in found.get("Targets") or []}


def _about(target: Mapping[str, Any]) -> dict[str, Any]:
    """Return a target in the desired state's shape; what that does not know of is kept, so that it shows."""
    transformer = target.get("InputTransformer") or {}
    others = {name: value for name, value in target.items() if name not in ("Id", "Arn", "InputTransformer")}
    values, text = transformer.get("InputPathsMap") or {}, transformer.get("InputTemplate", "")
    return {"arn": target["Arn"], "values": values, "text": text.removeprefix('"').removesuffix('"'), **others}


def _target(about: Mapping[str, Any]) -> dict[str, Any]:
    # a text is a template in quotes (EventBridge user guide, Input transformation)
    return {"Arn": about["arn"], "InputTransformer": {"InputPathsMap": dict(about["values"]), "InputTemplate": f'"{about["text"]}"'}}


def _refused(aws: Aws, answer: Mapping[str, Any] | None) -> None:
    """Raise the first refusal of a call that answers 200 and lists what it did not do.

    Raises:
        KcError: With the refusal's code.
    """
    entries = (answer or {}).get("FailedEntries") or []
    aws.refused(
        {"ResourceId": f"target {each['TargetId']}", "Error": {"Code": each["ErrorCode"], "Message": each["ErrorMessage"]}}
        for each in entries
    )
