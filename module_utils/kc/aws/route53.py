"""Route 53: what its kinds share. Zones, records and health checks are in `zones.py`, `records.py`, `health_checks.py`."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Mapping
from typing import Any

from ..errors import KcError
from ..scope import Scope
from .session import Aws
from .tags import tag_dict, tag_list

GLOBAL = "us-east-1"
"""Route 53 has no regions; what stands in it is named as if it stood where its control plane is."""

TTL = 300
"""Seconds that resolvers keep a validation record, or one that says whose a record is."""

TAGGED = 10
"""Zones or health checks whose tags one call gives. Route 53 API, ListTagsForResources."""

VALIDATION = ".acm-validations.aws."
"""What the value of every validation record ends in. ACM user guide, "DNS validation"."""

MARK = "_kc-"
"""How the name of a record that says whose another record is begins (`records.Record`)."""

_LABEL = r"(?!-)[a-z0-9-]{1,63}(?<!-)"
_DOMAIN = re.compile(rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})+")
_RECORD = re.compile(r"(?=.{1,253}$)(\*|(?!-)[a-z0-9_-]{1,63}(?<!-))(\.(?!-)[a-z0-9_-]{1,63}(?<!-))+")

_CHANGES = threading.Lock()
"""Route 53 refuses a second change of a zone while the first is under way, and more than five requests a second of an
account. So the changes of one process queue here. Route 53 developer guide, Quotas on API requests."""


def domain_name(text: str) -> str:
    """Return a domain name in the one form that is compared: lower case, no dot at the end.

    Raises:
        KcError: It is no domain name (RFC 1035, section 2.3; at least two labels).
    """
    name = str(text).lower().rstrip(".")
    if not _DOMAIN.fullmatch(name):
        raise KcError(f"`{text}` is no domain name", hint="write it as in example.com; other scripts in their xn-- form")
    return name


def record_name(text: str) -> str:
    """Return a record's name in the one form that is compared: a domain name that may hold `_` and begin with `*.`.

    Raises:
        KcError: It is no name of a record.
    """
    name = str(text).lower().rstrip(".")
    if not _RECORD.fullmatch(name):
        raise KcError(f"`{text}` is no name of a record", hint="write it as in www.example.com; other scripts in their xn-- form")
    return name


def plain_name(name: str) -> str:
    r"""Return a record's name as Route 53 lists it (`\052.example.com.`) in the form of `record_name`."""
    return re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), name).rstrip(".")


def reference(scope: Scope, *what: str, digits: int = 32) -> str:
    """Return how the CallerReference of something of the scope begins: hex digits and a hyphen.

    Route 53 tags nothing in the call that creates it, so what was left untagged half-way is known by this.
    """
    whose = "\0".join((*scope.own_tags.values(), *what))
    return f"{hashlib.sha256(whose.encode()).hexdigest()[:digits]}-"


def tags_of(aws: Aws, kind: str, ids: list[str]) -> dict[str, dict[str, str]]:
    """Return the tags of zones (`hostedzone`) or health checks (`healthcheck`) by id."""

    def some(part: list[str]) -> list[dict[str, Any]]:
        found = aws.call("route53", "list_tags_for_resources", ResourceType=kind, ResourceIds=part)
        return list(found["ResourceTagSets"])

    parts = aws.map(some, [ids[start : start + TAGGED] for start in range(0, len(ids), TAGGED)])
    return {each["ResourceId"]: tag_dict(each["Tags"]) for part in parts for each in part}


def tag(aws: Aws, kind: str, id: str, tags: Mapping[str, str]) -> None:
    """Set tags of a zone (`hostedzone`) or a health check (`healthcheck`)."""
    aws.call("route53", "change_tags_for_resource", ResourceType=kind, ResourceId=id, AddTags=tag_list(tags))


def change(aws: Aws, zone: str, changes: list[dict[str, Any]]) -> None:
    """Change records of a zone: all of them, or none."""
    with _CHANGES:
        aws.call("route53", "change_resource_record_sets", HostedZoneId=zone, ChangeBatch={"Changes": changes})


def records(aws: Aws, zone: str) -> list[dict[str, Any]]:
    """Return every record of a zone, as Route 53 lists it."""
    return aws.pages("route53", "list_resource_record_sets", "ResourceRecordSets", HostedZoneId=zone)


def values_of(record: Mapping[str, Any]) -> list[str]:
    """Return a record's values, sorted; an alias has none."""
    return sorted(each["Value"] for each in record.get("ResourceRecords") or [])


def validation_stands(aws: Aws, zone: str, name: str, value: str) -> bool:
    """Whether the zone holds the CNAME `name` (ending in a dot) with `value`."""
    found = aws.find("route53", "list_resource_record_sets", HostedZoneId=zone, StartRecordName=name, StartRecordType="CNAME", MaxItems="1")
    return any(each["Name"] == name and values_of(each) == [value] for each in (found or {}).get("ResourceRecordSets", []))


def put_validation(aws: Aws, zone: str, wanted: Mapping[str, str]) -> None:
    """Put validation records, value by name, into a zone. Regions share them, so this is an upsert."""
    change(
        aws,
        zone,
        [
            {"Action": "UPSERT", "ResourceRecordSet": {"Name": name, "Type": "CNAME", "TTL": TTL, "ResourceRecords": [{"Value": value}]}}
            for name, value in sorted(wanted.items())
        ],
    )


def validates(record: Mapping[str, Any]) -> bool:
    """Whether a record is one that a certificate is validated by."""
    values = values_of(record)
    return record["Type"] == "CNAME" and bool(values) and all(value.endswith(VALIDATION) for value in values)


def marks(record: Mapping[str, Any]) -> bool:
    """Whether a record says whose another record is."""
    return record["Type"] == "TXT" and record["Name"].startswith(MARK)
