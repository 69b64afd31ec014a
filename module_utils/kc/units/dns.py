"""The unit `dns`: the names that the world knows, and the failover between the regions.

Route 53 answers `origin.<domain>` with the home region's load balancer while the check `primary` is healthy, else with
the other region's. `primary` counts two checks that must both be healthy: the home region's endpoint, and the switch.

The switch is a metric in the standby region: what a failover puts there takes effect although the home region and
us-east-1, with Route 53's control plane, are gone. Route 53 evaluates the metric, not the alarm's state, and where no
data comes the switch keeps its last known status. So a failover stays until somebody takes it back, and missing data
never starts one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .. import limits
from ..aws.cloudwatch import Alarm
from ..aws.health_checks import WATCHED, CalculatedCheck, HealthCheck
from ..aws.records import Record, quoted
from ..aws.route53 import GLOBAL, MARK, domain_name, record_name
from ..aws.zones import HostedZone
from ..errors import KcError
from ..model import Key, Kind, Ref, Resource, canonical
from ..scope import Scope
from ..settings import settings
from ..unit import Params, Unit
from .balancer import HEALTH_PATH, balancer_of
from .edge import distribution_of

ZONE = HostedZone()
ALARM, CHECK, CALCULATED, RECORD = Alarm(), HealthCheck(), CalculatedCheck(), Record(ZONE, GLOBAL)

CAA_TTL = 3600
"""Seconds that resolvers keep which authorities may issue certificates."""

METRIC = "StandbyTakesOver"
"""The switch, in the standby region: 1 is a failover, 0 takes it back, nothing leaves it as it is."""

SWITCH = "standby-takes-over"
"""What the switch's alarm and health check are called."""

CHECK_SECONDS, FAILURES = 10, 3
"""Seconds between two looks of a health checker, and looks that must fail in a row."""

DEFAULT_TTL = 300
"""Seconds that resolvers keep a record of the inventory that says nothing else."""


@dataclasses.dataclass(frozen=True)
class RecordSettings:
    """What the inventory says of one further record.

    Attributes:
        values: As in a zone file; of TXT the plain texts.
        ttl: Seconds that resolvers keep it.
    """

    values: list[str]
    ttl: int = DEFAULT_TTL


def standby_of(home: str, regions: Sequence[str]) -> str:
    """Return the region that takes over from the home region.

    Raises:
        KcError: There are not two regions, or Route 53 can't watch the other one's metrics.
    """
    others = [region for region in regions if region != home]
    if home not in regions or len(others) != 1:
        raise KcError(f"`regions` is {', '.join(regions) or 'empty'}, and `home` is {home}", hint="name two regions, one of them home")
    wrong = limits.alarm_region(others[0])
    if wrong:
        raise KcError(wrong, hint="the failover's switch is a metric of the region that takes over: let another one be it")
    return others[0]


def origin_label(region: str) -> str:
    """Return the name, below the domain, of a region's own load balancer; the region's health check is called the same."""
    return f"origin-{region}"


def check_of(scope: Scope, region: str) -> Resource:
    """Return the health check of a region's endpoint as other units look it up: output `id`."""
    return Resource(CHECK, scope.name("tag", origin_label(region)), None, GLOBAL, component=UNIT.name)


def build(scope: Scope, params: Params) -> Sequence[Resource]:
    """Return the records of the domain, the health checks, and the alarm that the failover's switch is."""
    return list(Dns(scope.at(GLOBAL), params).resources())


class Dns:
    """Builds the unit from its options, which are checked on the way."""

    def __init__(self, scope: Scope, params: Params) -> None:
        self.scope = scope
        self.params = params
        self.domain = domain_name(params["domain"])
        self.home: str = params["home"]
        self.standby = standby_of(self.home, params["regions"])
        self.made: dict[str, list[str]] = {}

    def resources(self) -> Iterator[Resource]:
        """Yield what is looked up, then what is made."""
        yield Resource(ZONE, self.domain, None, GLOBAL, component="zone")
        yield from self._health()
        yield from self._origins()
        yield from self._edge(self.params.get("distributions") or {})
        yield from self._authorities(self.params.get("certificate_authorities") or [])
        yield from self._further(self.params.get("records") or {})

    # --- the failover

    def _health(self) -> Iterator[Resource]:
        wrong = limits.checkers(self.params["checkers"])
        if wrong:
            raise KcError(f"`checkers`: {wrong}")
        name = self._name(SWITCH)
        alarm: dict[str, Any] = {
            "description": f"1 turns {self._at('origin')} to {self.standby}, 0 turns it back, no data changes nothing",
            "namespace": self.scope.namespace,
            "metric": METRIC,
            "statistic": "Maximum",
            "period": 60,
            "periods": 1,
            "threshold": 1.0,
            "comparison": "GreaterThanOrEqualToThreshold",
            "missing": "ignore",
            "tags": self.scope.tags(name),
        }
        yield Resource(ALARM, name, alarm, self.standby)
        yield self._check(
            SWITCH,
            after=(Key(ALARM.name, self.standby, name),),
            type="CLOUDWATCH_METRIC",
            alarm={"region": self.standby, "name": name, **{attr: alarm[attr] for attr in WATCHED}},
            insufficient_data="LastKnownStatus",
        )
        yield self._check(
            self._origin(self.home),
            type="HTTPS",
            fqdn=self._at(self._origin(self.home)),
            port=443,
            path=HEALTH_PATH,
            sni=True,
            interval=CHECK_SECONDS,
            threshold=FAILURES,
            checkers=sorted(self.params["checkers"]),
        )
        children = [Ref(CHECK.name, self._name(short)) for short in (self._origin(self.home), SWITCH)]
        yield self._check("primary", CALCULATED, type="CALCULATED", children=children, healthy_children=len(children))

    def _check(self, short: str, kind: Kind = CHECK, after: tuple[Key, ...] = (), **about: Any) -> Resource:
        """Return a health check; it is never inverted and never disabled, since Route 53 takes a disabled one for healthy."""
        name = self._name(short)
        return Resource(kind, name, {**about, "inverted": False, "disabled": False, "tags": self.scope.tags(name)}, GLOBAL, after=after)

    def _origins(self) -> Iterator[Resource]:
        """Yield each region's own name, and the name of the one that is primary now."""
        for region in (self.home, self.standby):
            yield balancer_of(self.scope, region)
            yield self._record(self._origin(region), "A", alias=self._balancer(region))
        # The targets' own health does not count: a load balancer is unhealthy as soon as all tasks of any one application
        # are, and the last resort has to answer whatever its state.
        check = Ref(CALCULATED.name, self._name("primary"))
        yield self._record("origin", "A", "primary", alias=self._balancer(self.home), failover="PRIMARY", health_check=check)
        yield self._record("origin", "A", "secondary", alias=self._balancer(self.standby), failover="SECONDARY")

    def _balancer(self, region: str) -> dict[str, Any]:
        balancer = balancer_of(self.scope, region)
        return self._alias(*(Ref(balancer.kind.name, balancer.name, attr, region) for attr in ("dns", "zone")))

    # --- the other names

    def _edge(self, distributions: Mapping[str, Any]) -> Iterator[Resource]:
        for short, about in sorted(distributions.items()):
            distribution = distribution_of(self.scope, short)
            yield distribution
            target = self._alias(Ref(distribution.kind.name, distribution.name, "domain"), limits.CLOUDFRONT_ZONE)
            for host in about["hosts"]:
                yield from (self._record(host, type, alias=target) for type in ("A", "AAAA"))

    def _authorities(self, authorities: Sequence[str]) -> Iterator[Resource]:
        if authorities:
            yield self._record("", "CAA", ttl=CAA_TTL, values=canonical(f'0 issue "{domain_name(each)}"' for each in authorities))

    def _further(self, records: Mapping[str, Any]) -> Iterator[Resource]:
        for key, given in sorted(records.items()):
            where = f"records.{key}"
            label, _, type = key.partition(" ")
            about = settings(RecordSettings, where, given)
            if type not in limits.RECORD_TYPES:
                types = ", ".join(limits.RECORD_TYPES)
                raise KcError(f"`{where}` names no type of record", hint=f"write `<name> <type>`, as in `@ MX`; types are {types}")
            if label.startswith(MARK):
                raise KcError(f"`{where}` begins with {MARK}", hint="these names say whose the other records are")
            if not about.values or about.ttl < 0:
                raise KcError(f"`{where}` lacks values, or its ttl is negative")
            values = [quoted(value) for value in about.values] if type == "TXT" else about.values
            yield self._record("" if label == "@" else label, type, ttl=about.ttl, values=canonical(values))

    def _record(self, label: str, type: str, set: str = "", **about: Any) -> Resource:
        name = f"{record_name(self._at(label))} {type}"
        beside = self.made.setdefault(name, [])
        if set in beside or (beside and "" in (set, *beside)):
            raise KcError(f"two records are called {name}", hint="one of `records`, or a host of `distributions`, has a name that is taken")
        beside.append(set)
        return Resource(RECORD, f"{name} {set}".rstrip(), {"zone": Ref(ZONE.name, self.domain), "health_check": "", **about}, GLOBAL)

    def _alias(self, name: Any, zone: Any) -> dict[str, Any]:
        return {"name": name, "zone": zone, "evaluate": False}

    def _origin(self, region: str) -> str:
        return origin_label(region)

    def _at(self, label: str) -> str:
        return f"{label}.{self.domain}" if label else self.domain

    def _name(self, short: str) -> str:
        return self.scope.name("tag", short)


UNIT = Unit(
    name="dns",
    kinds=(ALARM, CHECK, CALCULATED, RECORD),
    build=build,
    # the switch of a home region that was is found in any of them
    regions=lambda scope, params: list(dict.fromkeys([GLOBAL, *params["regions"]])),
    services=("route53", "cloudwatch", "elbv2", "cloudfront"),
)
