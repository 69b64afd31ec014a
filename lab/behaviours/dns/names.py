"""What is answered to a question: zones with the health of what they name, and the addresses of what AWS names itself.

All of it is a function of one snapshot, so that it is answered whether the AWS is there or not.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

ALIAS_TTL = 60
"""Seconds that an alias to a load balancer or a distribution is kept (Route 53 developer guide, "Choosing between alias
and non-alias records")."""

CHAIN = 8
"""CNAMEs, or aliases, that are followed."""


@dataclass(frozen=True)
class Record:
    """A record as Route 53 stores it: `values`, or an alias.

    Attributes:
        name: Lower case, with a dot at the end.
        alias: Name of what it is an alias of, in the same form.
        evaluate: Whether the target's health is this record's.
        set: What tells it from others of its name and type.
        failover: `PRIMARY`, `SECONDARY` or nothing.
        check: Id of its health check.
    """

    name: str
    type: str
    ttl: int = 300
    values: tuple[str, ...] = ()
    alias: str = ""
    evaluate: bool = False
    set: str = ""
    failover: str = ""
    check: str = ""

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Record:
        """Read it from what ListResourceRecordSets answers."""
        alias = told.get("AliasTarget") or {}
        return cls(
            plain(told["Name"]),
            told["Type"],
            int(told.get("TTL") or 0),
            tuple(each["Value"] for each in told.get("ResourceRecords") or ()),
            plain(alias.get("DNSName", "")).removeprefix("dualstack."),
            bool(alias.get("EvaluateTargetHealth")),
            told.get("SetIdentifier", ""),
            told.get("Failover", ""),
            told.get("HealthCheckId", ""),
        )


def plain(name: str) -> str:
    r"""Return a name in the form that is compared: lower case, a dot at the end, `*` for Route 53's `\052`."""
    decoded = re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), name)
    return decoded.lower().rstrip(".") + "." if name else ""


class Zone:
    """A hosted zone.

    Args:
        name: Its domain.
        records: What stands in it.
        askers: Networks that a private zone is answered to; None: it is public.
    """

    def __init__(self, name: str, records: Iterable[Record], askers: Sequence[str] | None = None) -> None:
        self.name = plain(name)
        self.askers = None if askers is None else [ipaddress.ip_network(each) for each in askers]
        self._sets: dict[str, dict[str, list[Record]]] = {self.name: {}}
        for record in records:
            self._sets.setdefault(record.name, {}).setdefault(record.type, []).append(record)
        self._between = {above for name in self._sets for above in _above(name)}

    def covers(self, name: str) -> bool:
        """Whether a name is the zone's, or would be below it."""
        return f".{name}".endswith(f".{self.name}")

    def seen_by(self, asker: str) -> bool:
        """Whether an address gets answers from it."""
        return self.askers is None or any(ipaddress.ip_address(asker) in network for network in self.askers)

    def at(self, name: str) -> dict[str, list[Record]] | None:
        """Return the sets of records of a name by type; none where only longer names exist; None where nothing does.

        A wildcard stands for the names that do not exist below the nearest name that does (RFC 4592, section 3.3).
        """
        if name in self._sets:
            return self._sets[name]
        if name in self._between:
            return {}
        nearest = next(above for above in _above(name) if above in self._sets or above in self._between)
        return self._sets.get(f"*.{nearest}")


def _above(name: str) -> Iterator[str]:
    """Yield the names above a name, the nearest first."""
    while "." in name.rstrip("."):
        name = name.partition(".")[2]
        yield name


@dataclass(frozen=True)
class Set:
    """Records that are answered: one name, one type."""

    name: str
    type: str
    ttl: int
    values: tuple[str, ...]


@dataclass
class Answer:
    """What is answered.

    Attributes:
        exists: Whether the name does; if not, the answer is NXDOMAIN.
        sets: The answers, CNAMEs first.
        authority: The zone's SOA, where there is no answer.
    """

    exists: bool = True
    sets: list[Set] = field(default_factory=list)
    authority: Set | None = None


class Names:
    """All zones, and what AWS names.

    Args:
        zones: Public ones and private ones.
        hosts: Addresses by the names of load balancers and distributions.
        healthy: Status by id of a health check; one that is not there is new, and so it is healthy.
        balancers: Health of load balancers by name, where a record asks for it.
    """

    def __init__(
        self,
        zones: Iterable[Zone],
        hosts: Mapping[str, Sequence[str]],
        healthy: Mapping[str, bool],
        balancers: Mapping[str, bool],
    ) -> None:
        # The most specific zone answers, a private one before a public one of the same name.
        self.zones = sorted(zones, key=lambda zone: (zone.askers is None, -len(zone.name)))
        self.hosts = {plain(name): tuple(addresses) for name, addresses in hosts.items()}
        self.healthy = healthy
        self.balancers = balancers

    def answer(self, name: str, type: str, asker: str) -> Answer:
        """Answer a question of somebody with an address."""
        found = Answer()
        name = plain(name)
        for _ in range(CHAIN):
            zone = next((each for each in self.zones if each.covers(name) and each.seen_by(asker)), None)
            if zone is None:
                addresses = self.hosts.get(name)
                found.exists = addresses is not None or bool(found.sets)
                if addresses and type == "A":
                    found.sets.append(Set(name, type, ALIAS_TTL, addresses))
                return found
            sets = zone.at(name)
            found.exists = sets is not None
            if sets and type not in sets and "CNAME" in sets:
                alias = self._set(zone, name, "CNAME", sets)
                if not alias:
                    return found
                found.sets.append(alias)
                name = plain(alias.values[0])
                continue
            answered = self._set(zone, name, type, sets or {})
            if answered:
                found.sets.append(answered)
            else:
                found.authority = self._authority(zone)
            return found
        return found

    def choose(self, zone: Zone, records: Sequence[Record]) -> Record:
        """Return the record of a set that is answered: the first one that is healthy, else the first one.

        A set's order is PRIMARY, SECONDARY. Of other routing policies it is that of the set identifiers.
        """
        ordered = sorted(records, key=lambda record: (record.failover, record.set))
        return next((record for record in ordered if self.is_healthy(zone, record)), ordered[0])

    def is_healthy(self, zone: Zone, record: Record, depth: int = 0) -> bool:
        """Whether a record is: its health check is, and what it is an alias of, if that counts. With neither it is."""
        if record.check and not self.healthy.get(record.check, True):
            return False
        if not (record.alias and record.evaluate) or depth == CHAIN:
            return True
        if zone.covers(record.alias):
            targets = (zone.at(record.alias) or {}).get(record.type, [])
            return any(self.is_healthy(zone, each, depth + 1) for each in targets)
        return self.balancers.get(record.alias, False)

    def _set(self, zone: Zone, name: str, type: str, sets: Mapping[str, list[Record]], depth: int = 0) -> Set | None:
        """Return what stands for a name and type, aliases resolved; None where nothing does."""
        if type not in sets or depth == CHAIN:
            return None
        record = self.choose(zone, sets[type])
        if not record.alias:
            return Set(name, type, record.ttl, record.values)
        if zone.covers(record.alias):
            target = self._set(zone, record.alias, type, zone.at(record.alias) or {}, depth + 1)
            return Set(name, type, target.ttl, target.values) if target else None
        addresses = self.hosts.get(record.alias) if type == "A" else None
        return Set(name, type, ALIAS_TTL, addresses) if addresses else None

    def _authority(self, zone: Zone) -> Set | None:
        """Return the SOA; its TTL is what an absence is kept for (RFC 2308, section 5)."""
        soa = self._set(zone, zone.name, "SOA", zone.at(zone.name) or {})
        if soa:
            lowest = min(soa.ttl, int(soa.values[0].split()[-1]))
            return Set(soa.name, soa.type, lowest, soa.values)
        return None
