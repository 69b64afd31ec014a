"""Route 53: public hosted zones, and the records that certificates are validated by."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from ..errors import KcError
from ..model import Kind, Live
from ..scope import Scope
from .session import Aws
from .tags import tag_dict, tag_list

GLOBAL = "us-east-1"
"""Route 53 has no regions; what stands in it is named as if it stood where its control plane is."""

TTL = 300
"""Seconds that resolvers keep a validation record."""

TAGGED = 10
"""Zones whose tags one call gives. Route 53 API, ListTagsForResources."""

VALIDATION = ".acm-validations.aws."
"""What the value of every validation record ends in. ACM user guide, "DNS validation"."""

_LABEL = r"(?!-)[a-z0-9-]{1,63}(?<!-)"
_DOMAIN = re.compile(rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})+")


def domain_name(text: str) -> str:
    """Return a domain name in the one form that is compared: lower case, no dot at the end.

    Raises:
        KcError: It is no domain name (RFC 1035, section 2.3; at least two labels).
    """
    name = str(text).lower().rstrip(".")
    if not _DOMAIN.fullmatch(name):
        raise KcError(f"`{text}` is no domain name", hint="write it as in example.com; other scripts in their xn-- form")
    return name


class HostedZone(Kind):
    """A public hosted zone, named by its domain.

    It keeps data: the registrar points at this very zone's name servers, so a zone made anew is off the air until
    they are changed there (up to two days), and records that others put into it are lost.

    A zone can't be tagged by the call that creates it. So it is ours by its tags, or by its CallerReference, which
    begins with a digest of the scope: one that was left untagged half-way is found, and a tag that was taken away
    hides nothing.
    """

    name = "hosted_zone"
    keeps_data = True
    outputs_of = ("id", "arn", "name_servers")

    def read(self, aws: Aws, scope: Scope) -> dict[str, Live]:
        zones = self._public(aws)
        tags = self._tags(aws, list(zones))
        own = [id for id, zone in zones.items() if scope.owns(tags[id]) or zone["CallerReference"].startswith(_reference(scope, zone))]

        def one(id: str) -> tuple[str, Live]:
            attrs = {"comment": zones[id]["Config"].get("Comment", ""), "tags": tags[id]}
            return _domain(zones[id]), _live(scope, id, attrs, name_servers(aws, id))

        return dict(aws.map(one, own))

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        twins = [id for id, zone in self._public(aws).items() if _domain(zone) == name]
        if twins:
            raise KcError(
                f"a hosted zone of that name stands already ({', '.join(twins)}), and is not this platform's",
                hint=f"hand it over by tagging it {', '.join(f'{key}={value}' for key, value in scope.own_tags.items())}, or delete it",
            )
        made = aws.call(
            "route53",
            "create_hosted_zone",
            Name=name,
            CallerReference=_reference(scope, {"Name": name}) + aws.token("hosted_zone", name),
            HostedZoneConfig={"Comment": want["comment"], "PrivateZone": False},
        )
        id = _bare(made["HostedZone"]["Id"])
        self._tag(aws, id, want["tags"])
        return _live(scope, id, want, sorted(made["DelegationSet"]["NameServers"]))

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        if "comment" in changed:
            aws.call("route53", "update_hosted_zone_comment", Id=live.id, Comment=want["comment"])
        if "tags" in changed:
            self._tag(aws, live.id, want["tags"])

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        """Delete the zone with the validation records in it. Any other record is somebody's, and refuses."""
        records = [each for each in _records(aws, live.id) if each["Type"] not in ("NS", "SOA") or each["Name"] != f"{name}."]
        others = [f"{each['Name']} {each['Type']}" for each in records if not _validates(each)]
        if others:
            raise KcError(
                f"it holds records that this unit did not make: {', '.join(others)}", hint="delete them, or the units that made them, first"
            )
        if records:
            _change(aws, live.id, [{"Action": "DELETE", "ResourceRecordSet": record} for record in records])
        aws.find("route53", "delete_hosted_zone", Id=live.id)

    def _public(self, aws: Aws) -> dict[str, dict[str, Any]]:
        """Return all public zones of the account by id."""
        zones = aws.pages("route53", "list_hosted_zones", "HostedZones")
        return {_bare(zone["Id"]): zone for zone in zones if not zone["Config"]["PrivateZone"]}

    def _tags(self, aws: Aws, ids: list[str]) -> dict[str, dict[str, str]]:
        def some(part: list[str]) -> list[dict[str, Any]]:
            found = aws.call("route53", "list_tags_for_resources", ResourceType="hostedzone", ResourceIds=part)
            return list(found["ResourceTagSets"])

        parts = aws.map(some, [ids[start : start + TAGGED] for start in range(0, len(ids), TAGGED)])
        return {each["ResourceId"]: tag_dict(each["Tags"]) for part in parts for each in part}

    def _tag(self, aws: Aws, id: str, tags: Mapping[str, str]) -> None:
        aws.call("route53", "change_tags_for_resource", ResourceType="hostedzone", ResourceId=id, AddTags=tag_list(tags))


def name_servers(aws: Aws, zone: str) -> list[str]:
    """Return the name servers of a zone: what its domain's registrar, or the zone above it, must name."""
    return sorted(aws.call("route53", "get_hosted_zone", Id=zone)["DelegationSet"]["NameServers"])


def validation_stands(aws: Aws, zone: str, name: str, value: str) -> bool:
    """Whether the zone holds the CNAME `name` (ending in a dot) with `value`."""
    found = aws.find("route53", "list_resource_record_sets", HostedZoneId=zone, StartRecordName=name, StartRecordType="CNAME", MaxItems="1")
    records = found["ResourceRecordSets"] if found else []
    return any(each["Name"] == name and each.get("ResourceRecords") == [{"Value": value}] for each in records)


def put_validation(aws: Aws, zone: str, records: Mapping[str, str]) -> None:
    """Put validation records, value by name, into a zone. Regions share them, so this is an upsert."""
    _change(
        aws,
        zone,
        [
            {"Action": "UPSERT", "ResourceRecordSet": {"Name": name, "Type": "CNAME", "TTL": TTL, "ResourceRecords": [{"Value": value}]}}
            for name, value in sorted(records.items())
        ],
    )


def _change(aws: Aws, zone: str, changes: list[dict[str, Any]]) -> None:
    aws.call("route53", "change_resource_record_sets", HostedZoneId=zone, ChangeBatch={"Changes": changes})


def _records(aws: Aws, zone: str) -> list[dict[str, Any]]:
    return aws.pages("route53", "list_resource_record_sets", "ResourceRecordSets", HostedZoneId=zone)


def _validates(record: Mapping[str, Any]) -> bool:
    return record["Type"] == "CNAME" and all(
        each["Value"].endswith(VALIDATION) for each in record.get("ResourceRecords") or [{"Value": ""}]
    )


def _reference(scope: Scope, zone: Mapping[str, Any]) -> str:
    """Return how the CallerReference of the scope's zone of this name begins (128 characters at most in all)."""
    whose = "\0".join((*scope.own_tags.values(), _domain(zone)))
    return f"{hashlib.sha256(whose.encode()).hexdigest()[:32]}-"


def _domain(zone: Mapping[str, Any]) -> str:
    return str(zone["Name"]).rstrip(".")


def _bare(id: str) -> str:
    return id.removeprefix("/hostedzone/")


def _live(scope: Scope, id: str, attrs: Mapping[str, Any], servers: list[str]) -> Live:
    return Live(dict(attrs), {"id": id, "arn": scope.arn("route53", f"hostedzone/{id}", region="", account=""), "name_servers": servers})
