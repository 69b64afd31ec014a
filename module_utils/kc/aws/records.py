"""Route 53: records, each with a mark that says whose it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ..errors import KcError
from ..model import Kind, Live
from ..scope import Scope
from . import route53
from .session import Aws
from .zones import Zone

TEXT = 255
"""Bytes of one quoted string of a TXT record. RFC 1035, section 3.3."""


class Name(NamedTuple):
    """A record's identity: `origin.example.com A primary`."""

    domain: str
    type: str
    set: str = ""

    @classmethod
    def of(cls, name: str) -> Name:
        """Return the parts of a resource's name."""
        return cls(*name.split(" "))

    @classmethod
    def read(cls, record: Mapping[str, Any]) -> Name:
        """Return the name of a record that Route 53 lists."""
        return cls(route53.plain_name(record["Name"]), record["Type"], record.get("SetIdentifier", ""))

    def __str__(self) -> str:
        return " ".join(part for part in self if part)

    @property
    def mark(self) -> str:
        """The name of the record that says whose this one is: `_kc-a-primary.origin.example.com`.

        A name of its own, because nothing stands beside a CNAME. `*` is only allowed as the first label.
        """
        domain = self.domain.replace("*", "_any")
        return f"{route53.MARK}{'-'.join(part.lower() for part in (self.type, self.set) if part)}.{domain}"


class Record(Kind):
    """A record of one of the platform's zones, called `<name> <type>`, or `<name> <type> <set>` where several share a name.

    Attributes of the desired state: `zone` (its id), and either `ttl` and `values` (sorted), or `alias`, a mapping of
    `name` (the target's), `zone` (the target's zone id) and `evaluate` (whether the target's health counts). A record
    of a set also has `failover` (PRIMARY or SECONDARY) and `health_check` (an id, or "" for none).

    **Whose a record is.** Records have no tags, several units put theirs into one zone, and so do people. So each
    comes and goes with a TXT record beside it, its mark, in the same change: both or neither. A record is a unit's
    if its mark names the platform, environment, unit and region (and client); whatever has no mark is somebody
    else's. It is not read, so it is never changed or deleted, and where it is in the way, creating fails.
    """

    name = "record"
    immutable = frozenset({"zone"})
    outputs_of = ("id", "name")

    def __init__(self, zone: Zone, region: str = "") -> None:
        """Take the kind of the records' zone, and the one region of a unit in several that its records are of."""
        self.zone = zone
        self.region = region

    def read(self, aws: Aws, scope: Scope) -> dict[str, Live]:
        if self.region and scope.region != self.region:
            return {}
        aws = aws.at(route53.GLOBAL)
        ids = list(self.zone.ids(aws, scope).values())
        found = aws.map(lambda id: route53.records(aws, id), ids)
        return {name: live for id, items in zip(ids, found, strict=True) for name, live in _marked(scope, id, items)}

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        try:
            self._put(aws, scope, "CREATE", name, want)
        except KcError as error:
            if "already exists" not in error.message:
                raise
            # botocore repeats a change whose answer was lost, and then it stands already
            found = self.read(aws, scope).get(name)
            if found is not None:
                return found
            mark = f"the TXT record {Name.of(name).mark} with the value {_mark(scope)}"
            raise KcError(
                "a record of that name stands already, and is not this unit's",
                hint=f"delete it, or hand it over by {mark}",
                code=error.code,
            ) from error
        return _live(Name.of(name), dict(want))

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        self._put(aws, scope, "UPSERT", name, want)

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        """Delete the record as it stands now, and its mark; AWS wants every value of both."""
        aws = aws.at(route53.GLOBAL)
        wanted = Name.of(name)
        found = [each for each in self._found(aws, live) if Name.read(each) in (wanted, (wanted.mark, "TXT", ""))]
        if not found:
            return
        try:
            route53.change(aws, live.attrs["zone"], [{"Action": "DELETE", "ResourceRecordSet": each} for each in found])
        except KcError as error:
            # botocore repeats a change whose answer was lost, and then it is gone already
            if error.code != "InvalidChangeBatch" or any(Name.read(each) == wanted for each in self._found(aws, live)):
                raise

    def _found(self, aws: Aws, live: Live) -> list[dict[str, Any]]:
        try:
            return route53.records(aws, live.attrs["zone"])
        except KcError as error:
            if error.missing:
                return []
            raise

    def _put(self, aws: Aws, scope: Scope, action: str, name: str, want: Mapping[str, Any]) -> None:
        parts = Name.of(name)
        mark = {"Name": parts.mark, "Type": "TXT", "TTL": route53.TTL, "ResourceRecords": [{"Value": _mark(scope)}]}
        changes = [
            {"Action": action, "ResourceRecordSet": record_set(parts, want)},
            {"Action": "UPSERT", "ResourceRecordSet": mark},
        ]
        route53.change(aws.at(route53.GLOBAL), want["zone"], changes)


def record_set(name: Name, want: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record as Route 53's API takes it."""
    result: dict[str, Any] = {"Name": name.domain, "Type": name.type}
    if name.set:
        result |= {"SetIdentifier": name.set, "Failover": want["failover"]}
    if want.get("health_check"):
        result["HealthCheckId"] = want["health_check"]
    if "alias" in want:
        alias = want["alias"]
        target = {"HostedZoneId": alias["zone"], "DNSName": alias["name"], "EvaluateTargetHealth": alias["evaluate"]}
        return {**result, "AliasTarget": target}
    return {**result, "TTL": want["ttl"], "ResourceRecords": [{"Value": value} for value in want["values"]]}


def attributes(zone: str, record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record that Route 53 lists in the shape of the desired state."""
    result: dict[str, Any] = {"zone": zone}
    if "SetIdentifier" in record:
        result["failover"] = record.get("Failover", "")
    result["health_check"] = record.get("HealthCheckId", "")
    if "AliasTarget" in record:
        target = record["AliasTarget"]
        result["alias"] = {
            "name": target["DNSName"].lower().rstrip("."),
            "zone": target["HostedZoneId"],
            "evaluate": target["EvaluateTargetHealth"],
        }
    else:
        result |= {"ttl": record["TTL"], "values": route53.values_of(record)}
    return result


def quoted(text: str) -> str:
    """Return a text as the value of a TXT record: quoted strings of 255 bytes at most.

    Route 53 developer guide, TXT record type: anything but printable ASCII is written as an octal code.
    """
    data = text.encode()
    parts = [data[start : start + TEXT] for start in range(0, max(len(data), 1), TEXT)]
    return " ".join(f'"{"".join(_octet(byte) for byte in part)}"' for part in parts)


def _octet(byte: int) -> str:
    character = chr(byte)
    return f"\\{character}" if character in '"\\' else character if 32 <= byte < 127 else f"\\{byte:03o}"


def _mark(scope: Scope) -> str:
    """Return the value of the marks of a scope's records."""
    return quoted(" ".join(f"{tag}={value}" for tag, value in {**scope.own_tags, "Region": scope.region}.items()))


def _marked(scope: Scope, zone: str, records: list[dict[str, Any]]) -> list[tuple[str, Live]]:
    """Return a zone's records that bear the scope's mark."""
    mine = {route53.plain_name(each["Name"]) for each in records if route53.marks(each) and route53.values_of(each) == [_mark(scope)]}
    names = ((Name.read(each), each) for each in records if not route53.marks(each))
    return [(str(name), _live(name, attributes(zone, each))) for name, each in names if name.mark in mine]


def _live(name: Name, attrs: dict[str, Any]) -> Live:
    return Live(attrs, {"id": str(name), "name": name.domain})
