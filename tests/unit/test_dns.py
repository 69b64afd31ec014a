"""The unit `dns`: its builder, and who answers in which state of endpoint and switch."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from kc import limits
from kc.errors import KcError
from kc.model import Key, Ref, Resource
from kc.scope import Scope
from kc.units.dns import UNIT, build

SCOPE = Scope("kc", "lab", "123456789012", "us-east-1", UNIT.name)
HOME, STANDBY = "me-west-1", "eu-central-1"
CHECKERS = ["us-east-1", "eu-west-1", "ap-southeast-1"]
PLATFORM = (Path(__file__).parents[2] / "docs" / "platform.md").read_text()


def options(**changed: Any) -> dict[str, Any]:
    return {"domain": "example.com", "home": HOME, "regions": [HOME, STANDBY], "checkers": CHECKERS, **changed}


def built(**changed: Any) -> dict[Key, Resource]:
    return {resource.key: resource for resource in build(SCOPE, options(**changed))}


def desired(kind: str, name: str, region: str = "us-east-1", **changed: Any) -> dict[str, Any]:
    found = built(**changed)[Key(kind, region, name)].desired
    assert found is not None
    return dict(found)


def balancer(region: str) -> dict[str, Any]:
    """The alias target that a region's load balancer is."""
    return {
        "name": Ref("load_balancer", "kc-lab-public", "dns", region),
        "zone": Ref("load_balancer", "kc-lab-public", "zone", region),
        "evaluate": False,
    }


@pytest.mark.parametrize(
    ("name", "about"),
    [
        (f"origin-{HOME}.example.com A", {"alias": balancer(HOME), "health_check": ""}),
        (f"origin-{STANDBY}.example.com A", {"alias": balancer(STANDBY), "health_check": ""}),
        (
            "origin.example.com A primary",
            {"alias": balancer(HOME), "failover": "PRIMARY", "health_check": Ref("calculated_health_check", "kc-lab-primary")},
        ),
        ("origin.example.com A secondary", {"alias": balancer(STANDBY), "failover": "SECONDARY", "health_check": ""}),
    ],
)
def test_the_origins(name: str, about: dict[str, Any]) -> None:
    assert desired("record", name) == {"zone": Ref("hosted_zone", "example.com"), **about}


def test_the_home_region_is_asked_over_https_by_name() -> None:
    check = desired("health_check", f"kc-lab-origin-{HOME}")
    assert check == {
        "type": "HTTPS",
        "fqdn": f"origin-{HOME}.example.com",
        "port": 443,
        "path": "/health",
        "sni": True,
        "interval": 10,
        "threshold": 3,
        "checkers": ["ap-southeast-1", "eu-west-1", "us-east-1"],
        "inverted": False,
        "disabled": False,
        "tags": SCOPE.tags(f"kc-lab-origin-{HOME}"),
    }


def test_the_switch_is_in_the_region_that_takes_over() -> None:
    alarm = desired("alarm", "kc-lab-standby-takes-over", STANDBY)
    check = desired("health_check", "kc-lab-standby-takes-over")
    assert (alarm["namespace"], alarm["metric"]) == ("kc/lab", "StandbyTakesOver")
    assert check["alarm"]["region"] == STANDBY
    # what Route 53 noted down of the alarm is compared with the alarm
    assert {attr: alarm[attr] for attr in check["alarm"] if attr in alarm} == {
        attr: value for attr, value in check["alarm"].items() if attr not in ("name", "region")
    }
    assert len(check["alarm"]) == 9
    # Route 53 API, AlarmIdentifier: neither high resolution nor extended statistics
    assert alarm["period"] >= 60
    assert alarm["statistic"] in ("Average", "Minimum", "Maximum", "Sum", "SampleCount")


def test_home_may_be_the_other_one() -> None:
    # the tables of a platform whose home is in a region that Route 53 takes alarms of
    given = options(home=STANDBY, regions=[STANDBY, "eu-west-1"])
    found = {resource.key: resource.desired for resource in build(SCOPE, given)}
    assert Key("alarm", "eu-west-1", "kc-lab-standby-takes-over") in found
    assert Key("health_check", "us-east-1", f"kc-lab-origin-{STANDBY}") in found


# --- who answers


def evaluate(endpoint: bool, data: list[float | None]) -> str:
    """Which region Route 53 answers with, by its developer guide's rules ("How Amazon Route 53 determines whether a health
    check is healthy"), after `data` was seen of the switch's metric, a point or nothing each minute."""
    resources = built()
    switch = resources[Key("health_check", "us-east-1", "kc-lab-standby-takes-over")].desired or {}
    alarm = resources[Key("alarm", STANDBY, "kc-lab-standby-takes-over")].desired or {}
    assert alarm["comparison"] == "GreaterThanOrEqualToThreshold"
    unknown = {"Healthy": lambda last: True, "Unhealthy": lambda last: False, "LastKnownStatus": lambda last: last}
    missing = {"breaching": lambda last: False, "notBreaching": lambda last: True}
    status = True  # a new check is healthy
    for point in data:
        if point is not None:
            status = point < alarm["threshold"]
        else:
            status = missing.get(alarm["missing"], unknown[switch["insufficient_data"]])(status)
    status_of = {f"kc-lab-origin-{HOME}": endpoint, "kc-lab-standby-takes-over": status}
    primary = resources[Key("calculated_health_check", "us-east-1", "kc-lab-primary")].desired or {}
    healthy = sum(status_of[child.name] for child in primary["children"]) >= primary["healthy_children"]
    assert not any(about["inverted"] or about["disabled"] for about in (switch, primary))
    records = {str(resource.desired.get("failover")): resource.desired for resource in resources.values() if resource.desired}
    assert not records["SECONDARY"]["health_check"], "the last resort answers whatever its state"
    return str(records["PRIMARY" if healthy else "SECONDARY"]["alias"]["name"].region)


STATES = re.findall(r"^\| (healthy|unhealthy) \| (nothing|0|1) \| (home|standby) \|$", PLATFORM, re.MULTILINE)


def test_every_state_is_documented_once() -> None:
    assert sorted((endpoint, put) for endpoint, put, _ in STATES) == sorted(
        (endpoint, put) for endpoint in ("healthy", "unhealthy") for put in ("nothing", "0", "1")
    )


@pytest.mark.parametrize(("endpoint", "put", "answers"), STATES)
@pytest.mark.parametrize("minutes_since", [0, 1, 1000])
def test_who_answers(endpoint: str, put: str, answers: str, minutes_since: int) -> None:
    histories: list[list[float | None]] = [[]] if put == "nothing" else [[*first, float(put)] for first in ([], [0.0], [1.0, None])]
    for history in histories:
        assert evaluate(endpoint == "healthy", [*history, *[None] * minutes_since]) == {"home": HOME, "standby": STANDBY}[answers]


# --- other records


@pytest.mark.parametrize("type", ["A", "AAAA"])
@pytest.mark.parametrize(("host", "short"), [("app", "web"), ("learn", "web"), ("media", "media")])
def test_each_host_of_the_edge_leads_to_its_distribution(host: str, short: str, type: str) -> None:
    edge = {"web": {"description": "Pages", "hosts": ["app", "learn"]}, "media": {"hosts": ["media"]}}
    alias = {"name": Ref("distribution", f"kc-lab-edge-{short}", "domain"), "zone": "Z2FDTNDATAQYW2", "evaluate": False}
    about = desired("record", f"{host}.example.com {type}", distributions=edge)
    assert about == {"zone": Ref("hosted_zone", "example.com"), "alias": alias, "health_check": ""}
    assert Key("distribution", "us-east-1", f"kc-lab-edge-{short}") in built(distributions=edge)


def test_only_these_authorities_may_issue() -> None:
    about = desired("record", "example.com CAA", certificate_authorities=["letsencrypt.org", "Amazon.com"])
    assert about["values"] == ['0 issue "amazon.com"', '0 issue "letsencrypt.org"']
    assert not any(key.name.endswith("CAA") for key in built())


@pytest.mark.parametrize(
    ("key", "given", "name", "about"),
    [
        ("@ MX", {"values": ["20 b.", "10 a."]}, "example.com MX", {"ttl": 300, "values": ["10 a.", "20 b."]}),
        ("_dmarc TXT", {"values": ["v=DMARC1"], "ttl": 60}, "_dmarc.example.com TXT", {"ttl": 60, "values": ['"v=DMARC1"']}),
        ("*.docs CNAME", {"values": ["docs.example.net"]}, "*.docs.example.com CNAME", {"ttl": 300, "values": ["docs.example.net"]}),
    ],
)
def test_further_records(key: str, given: dict[str, Any], name: str, about: dict[str, Any]) -> None:
    assert desired("record", name, records={key: given}) == {"zone": Ref("hosted_zone", "example.com"), "health_check": "", **about}


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"domain": "example"}, "`example` is no domain name"),
        ({"home": "eu-west-1"}, "`regions` is me-west-1, eu-central-1, and `home` is eu-west-1. Name two regions"),
        ({"regions": [HOME]}, "`regions` is me-west-1, and `home` is me-west-1. Name two regions"),
        ({"regions": [HOME, STANDBY, "eu-west-1"]}, "Name two regions, one of them home"),
        ({"home": STANDBY}, "Route 53 does not take alarms of me-west-1. The failover's switch is a metric of the region that takes over"),
        (
            {"checkers": ["me-west-1", "eu-west-1", "us-east-1"]},
            "`checkers`: Route 53 has no health checkers in me-west-1: choose of us-east-1",
        ),
        ({"checkers": ["eu-west-1", "us-east-1"]}, "`checkers`: a health check needs 3 different regions"),
        ({"checkers": ["eu-west-1", "us-east-1", "us-east-1"]}, "`checkers`: a health check needs 3 different regions"),
        ({"certificate_authorities": ["amazon"]}, "`amazon` is no domain name"),
        (
            {"records": {"@": {"values": ["a"]}}},
            "`records.@` names no type of record. Write `<name> <type>`, as in `@ MX`; types are A, AAAA",
        ),
        ({"records": {"@ SOA": {"values": ["a"]}}}, "`records.@ SOA` names no type of record"),
        ({"records": {"a b A": {"values": ["a"]}}}, "`records.a b A` names no type of record"),
        ({"records": {"a..b A": {"values": ["a"]}}}, "`a..b.example.com` is no name of a record"),
        ({"records": {"_kc-a.b TXT": {"values": ["a"]}}}, "`records._kc-a.b TXT` begins with _kc-"),
        ({"records": {"a A": {"values": []}}}, "`records.a A` lacks values"),
        ({"records": {"a A": {"values": ["192.0.2.1"], "ttl": -1}}}, "or its ttl is negative"),
        ({"records": {"a A": {"value": "192.0.2.1"}}}, "`records.a A` has no setting `value`"),
        (
            {"distributions": {"web": {"hosts": ["app"]}, "api": {"hosts": ["app"]}}},
            "two records are called app.example.com A. One of `records`, or a host of `distributions`, has a name that is taken",
        ),
        ({"records": {f"origin-{HOME} A": {"values": ["192.0.2.1"]}}}, f"two records are called origin-{HOME}.example.com A"),
    ],
)
def test_what_is_refused(changed: dict[str, Any], says: str) -> None:
    with pytest.raises(KcError) as refused:
        build(SCOPE, options(**changed))
    assert says in str(refused.value)


def test_a_record_beside_the_failovers_is_refused() -> None:
    with pytest.raises(KcError, match=r"origin\.example\.com A"):
        build(SCOPE, options(records={"origin A": {"values": ["192.0.2.1"]}}))


def test_switches_of_homes_that_were_are_looked_for() -> None:
    assert UNIT.regions(SCOPE, options()) == ["us-east-1", HOME, STANDBY]


def test_checkers_of_the_reference_are_all_there_are() -> None:
    assert limits.checkers([*CHECKERS, "us-west-1", "us-west-2", "ap-southeast-2", "ap-northeast-1", "sa-east-1"]) is None
