"""Route 53: hosted zones, public and private."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from ..errors import KcError
from ..model import Kind, Live, canonical
from ..scope import Scope
from . import route53
from .session import Aws


class Zone(Kind):
    """A hosted zone, named by its domain.

    It can't be tagged by the call that creates it. So it is ours by its tags, or by its CallerReference, which
    begins with a digest of the scope: one that was left untagged half-way is found, and a tag that was taken away
    hides nothing.
    """

    unit: ClassVar[str]
    """The unit that makes zones of this kind."""
    private: ClassVar[bool]

    @abstractmethod
    def look(self, answer: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the further attributes and outputs that `GetHostedZone`'s answer tells of a zone."""

    @abstractmethod
    def settings(self, want: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the creating call gets beside name, reference and comment."""

    def read(self, aws: Aws, scope: Scope) -> dict[str, Live]:
        zones = self._all(aws)
        tags = route53.tags_of(aws, "hostedzone", list(zones))

        def one(id: str) -> tuple[str, Live]:
            attrs, outputs = self.look(aws.call("route53", "get_hosted_zone", Id=id))
            attrs |= {"comment": zones[id]["Config"].get("Comment", ""), "tags": tags[id]}
            return _domain(zones[id]), Live(attrs, {**_outputs(scope, id), **outputs})

        return dict(aws.map(one, _own(scope, zones, tags)))

    def ids(self, aws: Aws, scope: Scope) -> dict[str, str]:
        """Return the ids of the platform's zones of this kind by domain; every unit's scope will do."""
        scope = scope.shared.at(scope.region, self.unit)
        zones = self._all(aws)
        return {_domain(zones[id]): id for id in _own(scope, zones, route53.tags_of(aws, "hostedzone", list(zones)))}

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        twins = [id for id, zone in self._all(aws).items() if _domain(zone) == name]
        if twins:
            raise KcError(
                f"a hosted zone of that name stands already ({', '.join(twins)}), and is not this platform's",
                hint=f"hand it over by tagging it {', '.join(f'{key}={value}' for key, value in scope.own_tags.items())}, or delete it",
            )
        made = aws.call(
            "route53",
            "create_hosted_zone",
            Name=name,
            CallerReference=route53.reference(scope, name) + aws.token("hosted_zone", name),
            HostedZoneConfig={"Comment": want["comment"], "PrivateZone": self.private},
            **self.settings(want),
        )
        id = _bare(made["HostedZone"]["Id"])
        route53.tag(aws, "hostedzone", id, want["tags"])
        attrs, outputs = self.look(made)
        self.complete(aws, Live(attrs, {"id": id}), want)
        return Live(dict(want), {**_outputs(scope, id), **outputs})

    def complete(self, aws: Aws, live: Live, want: Mapping[str, Any]) -> None:
        """Do what the creating call can't."""

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        if "comment" in changed:
            aws.call("route53", "update_hosted_zone_comment", Id=live.id, Comment=want["comment"])
        if "tags" in changed:
            route53.tag(aws, "hostedzone", live.id, want["tags"])

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        """Delete the zone, with validation records and with marks whose record is gone. Any other record refuses."""
        found = [each for each in route53.records(aws, live.id) if each["Type"] not in ("NS", "SOA") or each["Name"] != f"{name}."]
        others = [f"{each['Name']} {each['Type']}" for each in found if not route53.validates(each) and not route53.marks(each)]
        if others:
            raise KcError(
                f"it holds records that this unit did not make: {', '.join(others)}", hint="delete them, or the units that made them, first"
            )
        if found:
            route53.change(aws, live.id, [{"Action": "DELETE", "ResourceRecordSet": record} for record in found])
        aws.find("route53", "delete_hosted_zone", Id=live.id)

    def _all(self, aws: Aws) -> dict[str, dict[str, Any]]:
        """Return all zones of the account that are of this kind, by id."""
        zones = aws.pages("route53", "list_hosted_zones", "HostedZones")
        return {_bare(zone["Id"]): zone for zone in zones if zone["Config"]["PrivateZone"] == self.private}


class HostedZone(Zone):
    """A public hosted zone.

    It keeps data: the registrar points at this very zone's name servers, so a zone made anew is off the air until
    they are changed there (up to two days), and records that others put into it are lost.
    """

    name = "hosted_zone"
    keeps_data = True
    outputs_of = ("id", "arn", "name_servers")
    unit = "zone"
    private = False

    def look(self, answer: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        return {}, {"name_servers": sorted(answer["DelegationSet"]["NameServers"])}

    def settings(self, want: Mapping[str, Any]) -> dict[str, Any]:
        return {}


class PrivateZone(Zone):
    """A private hosted zone, answered in the VPCs that it is associated with, whichever region they are in.

    Attributes of the desired state: `vpcs`, `{id, region}` each, one at least; `comment`, `tags`.

    It keeps no data: its records are the platform's, nobody delegates to it, and a zone made anew answers the same.
    """

    name = "private_zone"
    outputs_of = ("id", "arn")
    unit = "private_zone"
    private = True

    def look(self, answer: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        # the creating call answers with the one VPC that it was given
        vpcs = answer.get("VPCs") or [answer["VPC"]]
        return {"vpcs": canonical({"id": each["VPCId"], "region": each["VPCRegion"]} for each in vpcs)}, {}

    def settings(self, want: Mapping[str, Any]) -> dict[str, Any]:
        return {"VPC": _vpc(want["vpcs"][0])}

    def complete(self, aws: Aws, live: Live, want: Mapping[str, Any]) -> None:
        self._associate(aws, live, want["vpcs"])

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        super().update(aws, scope, name, live, want, changed)
        if "vpcs" in changed:
            self._associate(aws, live, want["vpcs"])
            # the last one can't be taken away, so this comes second
            for vpc in live.attrs["vpcs"]:
                if vpc not in want["vpcs"]:
                    aws.find("route53", "disassociate_vpc_from_hosted_zone", HostedZoneId=live.id, VPC=_vpc(vpc))

    def _associate(self, aws: Aws, live: Live, vpcs: list[dict[str, str]]) -> None:
        """Associate what is not associated yet, one after the other: Route 53 takes one change of a zone at a time."""
        for vpc in vpcs:
            if vpc not in live.attrs["vpcs"]:
                aws.call("route53", "associate_vpc_with_hosted_zone", HostedZoneId=live.id, VPC=_vpc(vpc))


def name_servers(aws: Aws, zone: str) -> list[str]:
    """Return the name servers of a zone: what its domain's registrar, or the zone above it, must name."""
    return sorted(aws.call("route53", "get_hosted_zone", Id=zone)["DelegationSet"]["NameServers"])


def _own(scope: Scope, zones: Mapping[str, Mapping[str, Any]], tags: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Return the ids of the zones that are the scope's."""
    return [
        id
        for id, zone in zones.items()
        if scope.owns(tags[id]) or zone["CallerReference"].startswith(route53.reference(scope, _domain(zone)))
    ]


def _domain(zone: Mapping[str, Any]) -> str:
    return str(zone["Name"]).rstrip(".")


def _bare(id: str) -> str:
    return id.removeprefix("/hostedzone/")


def _vpc(vpc: Mapping[str, str]) -> dict[str, str]:
    return {"VPCId": vpc["id"], "VPCRegion": vpc["region"]}


def _outputs(scope: Scope, id: str) -> dict[str, Any]:
    return {"id": id, "arn": scope.arn("route53", f"hostedzone/{id}", region="", account="")}
