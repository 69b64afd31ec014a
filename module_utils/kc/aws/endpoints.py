"""A VPC's endpoints and flow log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..model import Live, canonical
from ..scope import Scope
from .ec2 import Ec2Kind, tagged
from .session import Aws


class Endpoint(Ec2Kind):
    """A gateway or interface endpoint of a VPC: AWS's APIs without the internet."""

    name = "endpoint"
    id_key = "VpcEndpointId"
    immutable = frozenset({"vpc", "service", "type"})
    replaceable = True
    settles = Ec2Kind.settles | {"IncorrectState"}

    def found(self, aws: Aws, filters: list[dict[str, Any]]) -> list[dict[str, Any]]:
        gone = ("deleting", "deleted", "failed", "rejected")
        items = aws.pages("ec2", "describe_vpc_endpoints", "VpcEndpoints", Filters=filters)
        return [item for item in items if item["State"].lower() not in gone]

    def attrs(self, item: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "vpc": item["VpcId"],
            "service": item["ServiceName"],
            "type": item["VpcEndpointType"],
            "route_tables": canonical(item.get("RouteTableIds") or []),
            "subnets": canonical(item.get("SubnetIds") or []),
            "groups": canonical(group["GroupId"] for group in item.get("Groups") or []),
            "private_dns": bool(item.get("PrivateDnsEnabled")),
        }

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        params: dict[str, Any] = {
            "VpcId": want["vpc"],
            "ServiceName": want["service"],
            "VpcEndpointType": want["type"],
            "TagSpecifications": tagged("vpc-endpoint", want["tags"]),
        }
        if want["type"] == "Gateway":
            params["RouteTableIds"] = want["route_tables"]
        else:
            params |= {"SubnetIds": want["subnets"], "SecurityGroupIds": want["groups"], "PrivateDnsEnabled": want["private_dns"]}
        endpoint = aws.call("ec2", "create_vpc_endpoint", **params)["VpcEndpoint"]
        return Live({**want, "state": str(endpoint.get("State", "")).lower()}, self.outputs(endpoint))

    def _state(self, aws: Aws, endpoint: str) -> str:
        answer = aws.find("ec2", "describe_vpc_endpoints", VpcEndpointIds=[endpoint])
        found = (answer or {}).get("VpcEndpoints") or []
        return str(found[0]["State"]).lower() if found else "deleted"

    def ready(self, aws: Aws, name: str, live: Live) -> None:
        # gateway endpoints are there at once
        if live.attrs["type"] == "Interface" and live.attrs.get("state") != "available":
            aws.wait(f"endpoint {name}", lambda: self._state(aws, live.id), until=["available"], unless=["failed", "rejected"], pause=5)

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        params: dict[str, Any] = {}
        for attr, option in (("route_tables", "RouteTableIds"), ("subnets", "SubnetIds"), ("groups", "SecurityGroupIds")):
            if attr in changed:
                have, wanted = set(live.attrs[attr]), set(want[attr])
                params |= {f"Add{option}": sorted(wanted - have), f"Remove{option}": sorted(have - wanted)}
        if "private_dns" in changed:
            params["PrivateDnsEnabled"] = want["private_dns"]
        params = {key: value for key, value in params.items() if value != []}
        if params:
            aws.call("ec2", "modify_vpc_endpoint", VpcEndpointId=live.id, **params)
        self.retag(aws, live, want, changed)

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        aws.find("ec2", "delete_vpc_endpoints", VpcEndpointIds=[live.id])
        aws.wait(f"end of endpoint {name}", lambda: self._state(aws, live.id), until=["deleted"], pause=5)


class FlowLog(Ec2Kind):
    """The flow log of a VPC, delivered to a bucket. Nothing of it can be changed in place."""

    name = "flow_log"
    id_key = "FlowLogId"
    immutable = frozenset({"resource", "destination", "traffic", "interval"})
    replaceable = True

    def found(self, aws: Aws, filters: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return aws.pages("ec2", "describe_flow_logs", "FlowLogs", Filter=filters)

    def attrs(self, item: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "resource": item["ResourceId"],
            "destination": item["LogDestination"],
            "traffic": item["TrafficType"],
            "interval": int(item["MaxAggregationInterval"]),
        }

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        answer = aws.call(
            "ec2", "create_flow_logs", ResourceIds=[want["resource"]], ResourceType="VPC", TrafficType=want["traffic"],
            LogDestinationType="s3", LogDestination=want["destination"], MaxAggregationInterval=want["interval"],
            TagSpecifications=tagged("vpc-flow-log", want["tags"]),
        )  # fmt: skip
        aws.refused(answer.get("Unsuccessful"))
        return Live(dict(want), {"id": answer["FlowLogIds"][0]})

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        self.retag(aws, live, want, changed)

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        aws.find("ec2", "delete_flow_logs", FlowLogIds=[live.id])
