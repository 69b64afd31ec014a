"""CloudWatch's delivery of the logs that services write: from a source, to a destination.

CloudFront's standard logs (v2) go this way, from us-east-1 alone. (Version 1 needs a bucket with ACLs, and ours have
none.) Names begin with the scope's prefix and the unit's name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..model import Kind, Live
from ..scope import Scope
from .cloudfront import GLOBAL, begins
from .session import Aws

ADDED = "AWSLogs/{account-id}/CloudFront/"
"""What CloudFront puts before the path that is asked for when a delivery is made, but not when it is changed."""


class _Part(Kind):
    outputs_of = ("id", "arn")
    # a repeated call bears tags, which AWS takes only for something new; or another part has not gone everywhere yet
    settles = frozenset({"ConflictException"})

    def _tags(self, aws: Aws, arn: str) -> dict[str, str]:
        return dict((aws.find("logs", "list_tags_for_resource", resourceArn=arn) or {}).get("tags") or {})

    def _tag(self, aws: Aws, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        if "tags" in changed:
            aws.call("logs", "tag_resource", resourceArn=live.outputs["arn"], tags=dict(want["tags"]))


class LogSource(_Part):
    """What logs: `resource`, an ARN."""

    name = "log_source"
    immutable = frozenset({"resource", "log"})
    replaceable = True

    def read(self, aws: Aws, scope: Scope) -> dict[str, Live]:
        found = aws.pages("logs", "describe_delivery_sources", "deliverySources") if aws.region == GLOBAL else []
        own = [each for each in found if each["name"].startswith(begins(scope))]

        def one(each: Mapping[str, Any]) -> Live:
            attrs = {"resource": each["resourceArns"][0], "log": each["logType"], "tags": self._tags(aws, each["arn"])}
            return Live(attrs, {"id": each["name"], "arn": each["arn"]})

        return {live.id: live for live in aws.map(one, own)}

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        made = aws.call(
            "logs", "put_delivery_source", name=name, resourceArn=want["resource"], logType=want["log"], tags=dict(want["tags"])
        )["deliverySource"]
        return Live(dict(want), {"id": name, "arn": made["arn"]})

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        self._tag(aws, live, want, changed)

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        aws.find("logs", "delete_delivery_source", name=name)


class LogDestination(_Part):
    """Where logs go: `to`, the ARN of a bucket and a prefix. The format of one that stands can't be changed."""

    name = "log_destination"
    immutable = frozenset({"format"})
    replaceable = True

    def read(self, aws: Aws, scope: Scope) -> dict[str, Live]:
        found = aws.pages("logs", "describe_delivery_destinations", "deliveryDestinations") if aws.region == GLOBAL else []
        own = [each for each in found if each["name"].startswith(begins(scope))]

        def one(each: Mapping[str, Any]) -> Live:
            to = each["deliveryDestinationConfiguration"]["destinationResourceArn"]
            return Live(
                {"to": to, "format": each.get("outputFormat", ""), "tags": self._tags(aws, each["arn"])},
                {"id": each["name"], "arn": each["arn"]},
            )

        return {live.id: live for live in aws.map(one, own)}

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        made = self._put(aws, name, want, tags=dict(want["tags"]))
        return Live(dict(want), {"id": name, "arn": made["arn"]})

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        if "to" in changed:
            self._put(aws, name, want)
        self._tag(aws, live, want, changed)

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        aws.find("logs", "delete_delivery_destination", name=name)

    def _put(self, aws: Aws, name: str, want: Mapping[str, Any], **more: Any) -> dict[str, Any]:
        to = {"destinationResourceArn": want["to"]}
        given = {"outputFormat": want["format"], "deliveryDestinationConfiguration": to, **more}
        return dict(aws.call("logs", "put_delivery_destination", name=name, **given)["deliveryDestination"])


class LogDelivery(_Part):
    """The delivery from a source, whose name it bears, to a destination; `path` is below the destination's prefix."""

    name = "log_delivery"
    immutable = frozenset({"destination"})
    replaceable = True

    def read(self, aws: Aws, scope: Scope) -> dict[str, Live]:
        found = aws.pages("logs", "describe_deliveries", "deliveries") if aws.region == GLOBAL else []
        own = [each for each in found if each["deliverySourceName"].startswith(begins(scope))]

        def one(each: Mapping[str, Any]) -> tuple[str, Live]:
            path = each.get("s3DeliveryConfiguration", {}).get("suffixPath", "").removeprefix(ADDED)
            attrs = {"destination": each["deliveryDestinationArn"], "path": path, "tags": self._tags(aws, each["arn"])}
            return each["deliverySourceName"], Live(attrs, {"id": each["id"], "arn": each["arn"]})

        return dict(aws.map(one, own))

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        made = aws.call(
            "logs",
            "create_delivery",
            deliverySourceName=name,
            deliveryDestinationArn=want["destination"],
            s3DeliveryConfiguration={"suffixPath": want["path"], "enableHiveCompatiblePath": False},
            tags=dict(want["tags"]),
        )["delivery"]
        return Live(dict(want), {"id": made["id"], "arn": made["arn"]})

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        if "path" in changed:
            path = {"suffixPath": ADDED + want["path"], "enableHiveCompatiblePath": False}
            aws.call("logs", "update_delivery_configuration", id=live.id, s3DeliveryConfiguration=path)
        self._tag(aws, live, want, changed)

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        aws.find("logs", "delete_delivery", id=live.id)
