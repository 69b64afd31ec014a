"""VPC peering between regions, and the routes over it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..model import Kind, Live
from ..scope import Scope
from .ec2 import Ec2Kind, own, tagged
from .routing import destination, target
from .session import Aws
from .tags import tag_dict, tag_list

ALIVE = ["pending-acceptance", "provisioning", "active"]
ROUTED_TIERS = ["private", "data"]
"""Tiers whose hosts talk to the other region; nothing public does."""


def _alive(aws: Aws, filters: list[dict[str, Any]]) -> list[dict[str, Any]]:
    # deleted ones are listed for two hours
    found = aws.pages("ec2", "describe_vpc_peering_connections", "VpcPeeringConnections", Filters=filters)
    return [peering for peering in found if peering["Status"]["Code"] in ALIVE]


def _dns(side: Mapping[str, Any]) -> bool:
    return bool((side.get("PeeringOptions") or {}).get("AllowDnsResolutionFromRemoteVpc"))


class Peering(Ec2Kind):
    """A peering, accepted, with private DNS names resolved from both sides. It belongs to the region that asked for it.

    Tags are a side's own: it is tagged in both regions, so that both can find it.
    """

    name = "peering"
    immutable = frozenset({"requester", "accepter", "accepter_region"})
    replaceable = True
    id_key = "VpcPeeringConnectionId"
    # the other region hears of a request a few seconds later
    settles = Ec2Kind.settles | {"InvalidVpcPeeringConnectionID.NotFound", "OperationNotPermitted"}

    def found(self, aws: Aws, filters: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [item for item in _alive(aws, filters) if item["RequesterVpcInfo"]["Region"] == aws.region]

    def attrs(self, item: Mapping[str, Any]) -> dict[str, Any]:
        requester, accepter = item["RequesterVpcInfo"], item["AccepterVpcInfo"]
        return {
            "requester": requester["VpcId"],
            "accepter": accepter["VpcId"],
            "accepter_region": accepter["Region"],
            "status": item["Status"]["Code"],
        }

    def read(self, aws: Aws, scope: Scope) -> dict[str, Live]:
        def one(item: dict[str, Any]) -> tuple[str, Live]:
            tags = tag_dict(item["Tags"])
            attrs = {**self.attrs(item), "tags": tags, "dns_requester": _dns(item["RequesterVpcInfo"])}
            # a side's options and tags are told by its own region only
            there = aws.at(attrs["accepter_region"])
            ids = [item["VpcPeeringConnectionId"]]
            seen = there.find("ec2", "describe_vpc_peering_connections", VpcPeeringConnectionIds=ids)
            far = seen["VpcPeeringConnections"][0] if seen and seen["VpcPeeringConnections"] else {}
            attrs["dns_accepter"] = _dns(far.get("AccepterVpcInfo") or {})
            attrs["accepter_tags"] = {tag: value for tag, value in tag_dict(far.get("Tags")).items() if tag in tags}
            return tags["Name"], Live(attrs, self.outputs(item), owner=aws.region)

        return dict(aws.map(one, self.found(aws, own(scope))))

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        answer = aws.call(
            "ec2", "create_vpc_peering_connection", VpcId=want["requester"], PeerVpcId=want["accepter"], PeerRegion=want["accepter_region"],
            TagSpecifications=tagged("vpc-peering-connection", want["tags"]),
        )  # fmt: skip
        live = Live(dict(want), self.outputs(answer["VpcPeeringConnection"]))
        self._accept(aws, name, live, want)
        return live

    def _accept(self, aws: Aws, name: str, live: Live, want: Mapping[str, Any]) -> None:
        there = aws.at(want["accepter_region"])

        def state(side: Aws) -> str:
            answer = side.find("ec2", "describe_vpc_peering_connections", VpcPeeringConnectionIds=[live.id])
            found = (answer or {}).get("VpcPeeringConnections") or []
            return str(found[0]["Status"]["Code"]) if found else "unknown to " + side.region

        bad = ["failed", "expired", "rejected", "deleted"]
        seen = aws.wait(f"request of peering {name}", lambda: state(there), until=["pending-acceptance", "active"], unless=bad)
        if seen == "pending-acceptance":
            there.call("ec2", "accept_vpc_peering_connection", VpcPeeringConnectionId=live.id)
        there.call("ec2", "create_tags", Resources=[live.id], Tags=tag_list(want["accepter_tags"]))
        for side in (aws, there):  # both must see it active before either takes options
            aws.wait(f"peering {name}", lambda side=side: state(side), until=["active"], unless=bad)  # type: ignore[misc]
        self._options(aws, live, want)

    def _options(self, aws: Aws, live: Live, want: Mapping[str, Any]) -> None:
        for side, option, attr in (
            (aws, "RequesterPeeringConnectionOptions", "dns_requester"),
            (aws.at(want["accepter_region"]), "AccepterPeeringConnectionOptions", "dns_accepter"),
        ):
            options = {option: {"AllowDnsResolutionFromRemoteVpc": want[attr]}}
            side.call("ec2", "modify_vpc_peering_connection_options", VpcPeeringConnectionId=live.id, **options)

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        if "status" in changed:
            self._accept(aws, name, live, want)
        elif changed & {"dns_requester", "dns_accepter"}:
            self._options(aws, live, want)
        self.retag(aws, live, want, changed)
        if "accepter_tags" in changed:
            aws.at(want["accepter_region"]).call("ec2", "create_tags", Resources=[live.id], Tags=tag_list(want["accepter_tags"]))

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        aws.find("ec2", "delete_vpc_peering_connection", VpcPeeringConnectionId=live.id)


class PeeringRoutes(Kind):
    """One side's routes over a peering: in every route table of the tiers that talk to the other region.

    The attribute `missing_in` lists the route tables that lack the route; it is wanted empty.
    """

    name = "peering_routes"

    def read(self, aws: Aws, scope: Scope) -> dict[str, Live]:
        peerings = _alive(aws, own(scope))
        if not peerings:
            return {}
        tables = self._tables(aws, scope)
        lives = {}
        for peering in peerings:
            requester, accepter = peering["RequesterVpcInfo"], peering["AccepterVpcInfo"]
            far = accepter if requester["Region"] == aws.region else requester
            via, to = peering["VpcPeeringConnectionId"], far["CidrBlock"]
            routed = {
                name
                for name, table in tables.items()
                if any(target(route) == via and destination(route) == to for route in table["Routes"])
            }
            if routed:
                attrs = {"via": via, "to": to, "missing_in": sorted(set(tables) - routed)}
                lives[tag_dict(peering["Tags"])["Name"]] = Live(attrs, {"id": via}, owner=requester["Region"])
        return lives

    def _tables(self, aws: Aws, scope: Scope) -> dict[str, dict[str, Any]]:
        filters = [*own(scope.at(aws.region, "network")), {"Name": "tag:Tier", "Values": ROUTED_TIERS}]
        return {
            tag_dict(table["Tags"])["Name"]: table for table in aws.pages("ec2", "describe_route_tables", "RouteTables", Filters=filters)
        }

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        for table in self._tables(aws, scope).values():
            now = {destination(route): target(route) for route in table["Routes"]}
            params = {"RouteTableId": table["RouteTableId"], "DestinationCidrBlock": want["to"], "VpcPeeringConnectionId": want["via"]}
            if want["to"] not in now:
                aws.call("ec2", "create_route", **params)
            elif now[want["to"]] != want["via"]:
                aws.call("ec2", "replace_route", **params)
        return Live(dict(want), {"id": want["via"]})

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        self.create(aws, scope, name, want)

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        for table in self._tables(aws, scope).values():
            for route in table["Routes"]:
                if target(route) == live.id:
                    aws.find("ec2", "delete_route", RouteTableId=table["RouteTableId"], DestinationCidrBlock=destination(route))
