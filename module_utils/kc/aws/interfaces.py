"""Network interfaces that outlive the instances they are attached to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..model import Live, canonical
from ..scope import Scope
from .ec2 import Ec2Kind, tagged
from .session import Aws


class Interface(Ec2Kind):
    """A network interface with a fixed private address: it is what others know a node by, whichever instance has it."""

    name = "interface"
    id_key = "NetworkInterfaceId"
    immutable = frozenset({"subnet", "address"})
    outputs_of = ("id", "address")

    def found(self, aws: Aws, filters: list[dict[str, Any]]) -> list[dict[str, Any]]:
        items = aws.pages("ec2", "describe_network_interfaces", "NetworkInterfaces", Filters=filters)
        return [{**item, "Tags": item.get("TagSet")} for item in items]

    def attrs(self, item: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "subnet": item["SubnetId"],
            "address": item["PrivateIpAddress"],
            "groups": canonical(group["GroupId"] for group in item["Groups"]),
            "description": item.get("Description", ""),
            "source_dest_check": item["SourceDestCheck"],
        }

    def outputs(self, item: Mapping[str, Any]) -> dict[str, Any]:
        return {"id": item["NetworkInterfaceId"], "address": item["PrivateIpAddress"]}

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        answer = aws.call(
            "ec2",
            "create_network_interface",
            SubnetId=want["subnet"],
            PrivateIpAddress=want["address"],
            Groups=want["groups"],
            Description=want["description"],
            ClientToken=aws.token("interface", scope.region, name),
            TagSpecifications=tagged("network-interface", want["tags"]),
        )
        live = Live(dict(want), self.outputs(answer["NetworkInterface"]))
        if answer["NetworkInterface"]["SourceDestCheck"] != want["source_dest_check"]:
            self.update(aws, scope, name, live, want, frozenset({"source_dest_check"}))
        return live

    def ready(self, aws: Aws, name: str, live: Live) -> None:
        aws.wait(f"interface {name}", lambda: self._state(aws, live.id), until=["available", "in-use"])

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        # one attribute a call (EC2 API, ModifyNetworkInterfaceAttribute)
        if "groups" in changed:
            aws.call("ec2", "modify_network_interface_attribute", NetworkInterfaceId=live.id, Groups=want["groups"])
        if "description" in changed:
            description = {"Value": want["description"]}
            aws.call("ec2", "modify_network_interface_attribute", NetworkInterfaceId=live.id, Description=description)
        if "source_dest_check" in changed:
            check = {"Value": want["source_dest_check"]}
            aws.call("ec2", "modify_network_interface_attribute", NetworkInterfaceId=live.id, SourceDestCheck=check)
        self.retag(aws, live, want, changed)

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        aws.wait(f"release of interface {name}", lambda: self._state(aws, live.id), until=["available", "gone"], timeout=300)
        aws.find("ec2", "delete_network_interface", NetworkInterfaceId=live.id)

    def _state(self, aws: Aws, interface: str) -> str:
        answer = aws.find("ec2", "describe_network_interfaces", NetworkInterfaceIds=[interface])
        found = (answer or {}).get("NetworkInterfaces") or []
        return str(found[0]["Status"]) if found else "gone"
