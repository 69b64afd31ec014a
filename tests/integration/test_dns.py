"""The unit `dns` against an AWS API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import botocore.exceptions
import pytest
from kc.unit import run
from kc.units.dns import UNIT
from kc.units.zone import UNIT as ZONE

from tests.integration.platform import DOMAIN, HOME, OTHER, options

Fixture = Callable[..., Any]

ANY_ALARM: dict[str, Any] = {
    "Namespace": "any",
    "MetricName": "any",
    "Statistic": "Sum",
    "Period": 60,
    "EvaluationPeriods": 1,
    "Threshold": 1.0,
    "ComparisonOperator": "GreaterThanThreshold",
}
EXTRA = {"@ MX": {"values": ["10 mail.example.net."]}, "_dmarc TXT": {"values": ["v=DMARC1; p=reject"], "ttl": 60}}


@pytest.fixture
def params(converge: Fixture, scope_option: Fixture, client: Fixture) -> dict[str, Any]:
    """The unit's options, with the zone and a load balancer in each region standing."""
    converge("zone", {"domain": DOMAIN, "scope": scope_option()})
    for region in (HOME, OTHER):
        subnets = [subnet["SubnetId"] for subnet in client("ec2", region).describe_subnets()["Subnets"][:2]]
        tags = {"Platform": "kc", "Environment": "lab", "Component": "balancer"}
        client("elbv2", region).create_load_balancer(
            Name="kc-lab-public",
            Scheme="internet-facing",
            Subnets=subnets,
            Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
        )
    return {**options("dns"), "scope": scope_option("us-east-1")}


@pytest.fixture
def route53(client: Fixture) -> Any:
    return client("route53", "us-east-1")


def zone_id(route53: Any) -> str:
    (zone,) = route53.list_hosted_zones()["HostedZones"]
    return str(zone["Id"]).removeprefix("/hostedzone/")


def records(route53: Any) -> dict[str, dict[str, Any]]:
    """The zone's records but its own, by name, type and set."""
    found = route53.list_resource_record_sets(HostedZoneId=zone_id(route53))["ResourceRecordSets"]
    return {
        f"{each['Name']} {each['Type']} {each.get('SetIdentifier', '')}".rstrip(): each
        for each in found
        if each["Type"] not in ("NS", "SOA")
    }


def checks(route53: Any) -> dict[str, dict[str, Any]]:
    """The health checks' settings by their name tag, with id and all tags."""
    result = {}
    for each in route53.list_health_checks()["HealthChecks"]:
        tags = route53.list_tags_for_resource(ResourceType="healthcheck", ResourceId=each["Id"])["ResourceTagSet"]["Tags"]
        named = {tag["Key"]: tag["Value"] for tag in tags}
        result[named.get("Name", each["Id"])] = {"Id": each["Id"], "Tags": named, **each["HealthCheckConfig"]}
    return result


def put(route53: Any, action: str, record: dict[str, Any]) -> None:
    change = {"Action": action, "ResourceRecordSet": record}
    route53.change_resource_record_sets(HostedZoneId=zone_id(route53), ChangeBatch={"Changes": [change]})


def alarm(client: Fixture, region: str = OTHER) -> list[dict[str, Any]]:
    return list(client("cloudwatch", region).describe_alarms()["MetricAlarms"])


def everything(route53: Any, client: Fixture) -> Any:
    """All that the unit made; times that an alarm was touched are left out."""
    alarms = [{name: value for name, value in each.items() if "Timestamp" not in name} for each in alarm(client)]
    return records(route53), checks(route53), alarms


def balancer(client: Fixture, region: str) -> dict[str, Any]:
    (found,) = client("elbv2", region).describe_load_balancers()["LoadBalancers"]
    return {"HostedZoneId": found["CanonicalHostedZoneId"], "DNSName": f"{found['DNSName']}.", "EvaluateTargetHealth": False}


def test_first_run_makes_it_and_the_second_plans_nothing(converge: Fixture, params: dict[str, Any], route53: Any, client: Fixture) -> None:
    planned = converge("dns", params, check=True)
    assert everything(route53, client) == ({}, {}, [])
    made = converge("dns", params)
    lines = [[(change["action"], change["kind"], change["name"]) for change in run["plan"]] for run in (planned, made)]
    assert lines[0] == lines[1]
    assert not converge("dns", params)["changed"]

    found, by_name = records(route53), checks(route53)
    assert {name for name in found if not name.startswith("_kc-")} == {
        f"origin-{HOME}.{DOMAIN}. A",
        f"origin-{OTHER}.{DOMAIN}. A",
        f"origin.{DOMAIN}. A primary",
        f"origin.{DOMAIN}. A secondary",
        f"{DOMAIN}. CAA",
        f"{DOMAIN}. MX",
        f"_dmarc.{DOMAIN}. TXT",
    }
    for region in (HOME, OTHER):
        assert found[f"origin-{region}.{DOMAIN}. A"]["AliasTarget"] == balancer(client, region)
    primary, secondary = (found[f"origin.{DOMAIN}. A {name}"] for name in ("primary", "secondary"))
    assert (primary["Failover"], primary["AliasTarget"]) == ("PRIMARY", balancer(client, HOME))
    assert (secondary["Failover"], secondary["AliasTarget"]) == ("SECONDARY", balancer(client, OTHER))
    assert primary["HealthCheckId"] == by_name["kc-lab-primary"]["Id"]
    assert "HealthCheckId" not in secondary

    (switch,) = alarm(client)
    assert alarm(client, HOME) == alarm(client, "us-east-1") == []
    assert (switch["Namespace"], switch["MetricName"], switch["TreatMissingData"]) == ("kc/lab", "StandbyTakesOver", "ignore")
    watching = by_name["kc-lab-standby-takes-over"]
    assert watching["AlarmIdentifier"] == {"Region": OTHER, "Name": switch["AlarmName"]}
    assert watching["InsufficientDataHealthStatus"] == "LastKnownStatus"
    endpoint = by_name[f"kc-lab-origin-{HOME}"]
    assert sorted(by_name["kc-lab-primary"]["ChildHealthChecks"]) == sorted((endpoint["Id"], watching["Id"]))
    assert by_name["kc-lab-primary"]["HealthThreshold"] == 2
    assert (endpoint["FullyQualifiedDomainName"], endpoint["ResourcePath"]) == (f"origin-{HOME}.{DOMAIN}", "/health")
    for check in by_name.values():
        assert {"Platform": "kc", "Environment": "lab", "Component": "dns"}.items() <= check["Tags"].items()
        assert not check["Inverted"] and not check["Disabled"]


HOMES = f"kc-lab-origin-{HOME}"


CHECKS: dict[str, list[tuple[dict[str, Any], str]]] = {
    HOMES: [
        ({"ResourcePath": "/"}, "path"),
        ({"Port": 8443}, "port"),
        ({"FullyQualifiedDomainName": "example.net"}, "fqdn"),
        ({"FailureThreshold": 5}, "threshold"),
        ({"EnableSNI": False}, "sni"),
        ({"Regions": ["eu-west-1", "us-east-1", "us-west-1"]}, "checkers"),
        ({"Inverted": True}, "inverted"),
        ({"Disabled": True}, "disabled"),
    ],
    "kc-lab-primary": [
        ({"HealthThreshold": 1}, "healthy_children"),
        ({"ChildHealthChecks": []}, "children"),
        ({"Inverted": True}, "inverted"),
        ({"Disabled": True}, "disabled"),
    ],
    "kc-lab-standby-takes-over": [
        ({"InsufficientDataHealthStatus": "Healthy"}, "insufficient_data"),
        ({"AlarmIdentifier": {"Region": HOME, "Name": "other"}}, "alarm"),
        ({"Inverted": True}, "inverted"),
        ({"Disabled": True}, "disabled"),
    ],
}
"""What is changed by hand of each health check, and the attribute that it is."""


def test_drift_of_health_checks_is_planned_and_put_back(converge: Fixture, params: dict[str, Any], route53: Any, client: Fixture) -> None:
    converge("dns", params)
    before = everything(route53, client)
    client("cloudwatch", HOME).put_metric_alarm(AlarmName="other", **ANY_ALARM)
    ids = {name: check["Id"] for name, check in checks(route53).items()}
    for name, changes in CHECKS.items():
        for change, _ in changes:
            route53.update_health_check(HealthCheckId=ids[name], **change)
    for only in (True, False):
        plan = converge("dns", params, check=only)["plan"]
        assert {change["name"]: (change["action"], {*change["after"]}) for change in plan} == {
            name: ("update", {attr for _, attr in changes}) for name, changes in CHECKS.items()
        }
    assert everything(route53, client) == before
    assert not converge("dns", params)["changed"]


def _record(route53: Any, name: str, **changed: Any) -> None:
    put(route53, "UPSERT", {**records(route53)[name], **changed})


def _untagged(route53: Any, client: Fixture) -> None:
    for check in checks(route53).values():
        route53.change_tags_for_resource(ResourceType="healthcheck", ResourceId=check["Id"], RemoveTagKeys=[*check["Tags"]])


def test_drift_of_records_is_planned_and_put_back(converge: Fixture, params: dict[str, Any], route53: Any, client: Fixture) -> None:
    converge("dns", params)
    before = everything(route53, client)
    _record(route53, f"origin.{DOMAIN}. A primary", AliasTarget=balancer(client, OTHER))
    _record(route53, f"origin.{DOMAIN}. A secondary", HealthCheckId=checks(route53)[HOMES]["Id"])
    _record(route53, f"origin-{HOME}.{DOMAIN}. A", AliasTarget={**balancer(client, HOME), "EvaluateTargetHealth": True})
    _record(route53, f"{DOMAIN}. MX", TTL=5)
    _record(route53, f"_dmarc.{DOMAIN}. TXT", ResourceRecords=[{"Value": '"v=DMARC1; p=none"'}])
    put(route53, "DELETE", records(route53)[f"{DOMAIN}. CAA"])
    for only in (True, False):
        plan = converge("dns", params, check=only)["plan"]
        assert {(change["action"], change["name"], *(change["after"] if change["before"] else ())) for change in plan} == {
            ("update", f"origin.{DOMAIN} A primary", "alias"),
            ("update", f"origin.{DOMAIN} A secondary", "health_check"),
            ("update", f"origin-{HOME}.{DOMAIN} A", "alias"),
            ("update", f"{DOMAIN} MX", "ttl"),
            ("update", f"_dmarc.{DOMAIN} TXT", "values"),
            ("create", f"{DOMAIN} CAA"),
        }
    assert everything(route53, client) == before
    assert not converge("dns", params)["changed"]


def test_drift_of_tags_and_of_the_latch_is_planned_and_put_back(
    converge: Fixture, params: dict[str, Any], route53: Any, client: Fixture
) -> None:
    converge("dns", params)
    before = everything(route53, client)
    for check in checks(route53).values():
        route53.change_tags_for_resource(ResourceType="healthcheck", ResourceId=check["Id"], RemoveTagKeys=[*check["Tags"]])
    given = {name: value for name, value in alarm(client)[0].items() if name in PUT}
    client("cloudwatch", OTHER).put_metric_alarm(**given, TreatMissingData="notBreaching")
    for only in (True, False):
        plan = converge("dns", params, check=only)["plan"]
        assert {(change["action"], change["kind"], change["name"], *change["after"]) for change in plan} == {
            ("update", "calculated_health_check", "kc-lab-primary", "tags"),
            ("update", "health_check", HOMES, "tags"),
            ("update", "health_check", "kc-lab-standby-takes-over", "tags"),
            ("update", "alarm", "kc-lab-standby-takes-over", "missing"),
        }
    assert everything(route53, client) == before
    assert not converge("dns", params)["changed"]


PUT = {
    *("AlarmName", "AlarmDescription", "Namespace", "MetricName", "Statistic", "Period", "EvaluationPeriods", "Threshold"),
    *("ComparisonOperator", "ActionsEnabled"),
}


def test_route_53_looks_at_a_changed_alarm_again(converge: Fixture, params: dict[str, Any], route53: Any, client: Fixture) -> None:
    """Route 53 goes by what it noted down, so an alarm that was put right is not enough."""
    converge("dns", params)
    given = {name: value for name, value in alarm(client)[0].items() if name in PUT} | {"TreatMissingData": "ignore"}
    client("cloudwatch", OTHER).put_metric_alarm(**given | {"Threshold": 2.0})
    watching = checks(route53)["kc-lab-standby-takes-over"]
    route53.update_health_check(HealthCheckId=watching["Id"], AlarmIdentifier=watching["AlarmIdentifier"])
    client("cloudwatch", OTHER).put_metric_alarm(**given)
    for only in (True, False):
        (change,) = converge("dns", params, check=only)["plan"]
        assert (change["kind"], change["before"]["alarm"]["threshold"], change["after"]["alarm"]["threshold"]) == ("health_check", 2, 1)
    noted = route53.get_health_check(HealthCheckId=watching["Id"])["HealthCheck"]["CloudWatchAlarmConfiguration"]
    assert noted["Threshold"] == 1
    assert not converge("dns", params)["changed"]


def test_what_others_made_is_left_alone(converge: Fixture, params: dict[str, Any], route53: Any, client: Fixture) -> None:
    theirs = {"Name": f"www.{DOMAIN}.", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "192.0.2.1"}]}
    put(route53, "CREATE", theirs)
    config = {"Type": "TCP", "IPAddress": "192.0.2.1", "Port": 443}
    check = route53.create_health_check(CallerReference="by hand", HealthCheckConfig=config)["HealthCheck"]["Id"]
    own = {"Platform": "kc", "Environment": "lab", "Component": "dns", "Name": "kc-lab-primary"}
    tags = [{"Key": key, "Value": value} for key, value in own.items()]
    route53.change_tags_for_resource(ResourceType="healthcheck", ResourceId=check, AddTags=tags)
    client("cloudwatch", OTHER).put_metric_alarm(AlarmName="kc-lab-other", **ANY_ALARM)
    before = everything(route53, client)
    converge("dns", params)
    assert not converge("dns", params)["changed"]
    gone = {**params, "state": "absent"}
    assert {change["action"] for change in converge("dns", gone)["plan"]} == {"delete"}
    assert not converge("dns", gone)["changed"]
    assert everything(route53, client) == before
    converge("dns", params)
    failed = run(UNIT, {**params, "records": {**EXTRA, "www A": {"values": ["192.0.2.2"]}}}, check=False)
    assert f"record www.{DOMAIN} A (us-east-1): a record of that name stands already, and is not this unit's" in failed["msg"]
    assert records(route53)[f"www.{DOMAIN}. A"] == theirs


def test_what_the_inventory_no_longer_names_goes_with_its_mark(converge: Fixture, params: dict[str, Any], route53: Any) -> None:
    converge("dns", params)
    before = records(route53)
    fewer = {**params, "certificate_authorities": [], "records": {"_dmarc TXT": EXTRA["_dmarc TXT"]}}
    plan = converge("dns", fewer)["plan"]
    assert [(change["action"], change["name"]) for change in plan] == [("delete", f"{DOMAIN} CAA"), ("delete", f"{DOMAIN} MX")]
    assert before.keys() - records(route53).keys() == {f"{DOMAIN}. CAA", f"_kc-caa.{DOMAIN}. TXT", f"{DOMAIN}. MX", f"_kc-mx.{DOMAIN}. TXT"}


def test_the_names_of_the_edge(converge: Fixture, params: dict[str, Any], route53: Any, client: Fixture) -> None:
    origin = {
        "Id": "o",
        "DomainName": "example.net",
        "CustomOriginConfig": {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "https-only"},
    }
    config = {
        "CallerReference": "kc-lab-edge-web/1",
        "Comment": "",
        "Enabled": True,
        "Origins": {"Quantity": 1, "Items": [origin]},
        "DefaultCacheBehavior": {
            "TargetOriginId": "o",
            "ViewerProtocolPolicy": "https-only",
            "CachePolicyId": "658327ea-f89d-4fab-a63d-7e88639e58f6",
        },
    }
    domain = client("cloudfront", "us-east-1").create_distribution(DistributionConfig=config)["Distribution"]["DomainName"]
    edged = {**params, "distributions": {"web": {"hosts": ["app", "learn"]}}}
    converge("dns", edged)
    assert not converge("dns", edged)["changed"]
    target = {"HostedZoneId": "Z2FDTNDATAQYW2", "DNSName": f"{domain.lower()}.", "EvaluateTargetHealth": False}
    names = {f"{host}.{DOMAIN}. {type}" for host in ("app", "learn") for type in ("A", "AAAA")}
    assert {name: records(route53)[name]["AliasTarget"] for name in names} == dict.fromkeys(names, target)
    # the inventory calls it otherwise: its name goes, and the other stays
    converge("dns", {**params, "distributions": {"web": {"hosts": ["app"]}}})
    assert names & records(route53).keys() == {f"app.{DOMAIN}. A", f"app.{DOMAIN}. AAAA"}


def test_home_moves(converge: Fixture, params: dict[str, Any], route53: Any, client: Fixture) -> None:
    """Another home is another endpoint and another region's switch, and nothing of the old ones stays."""
    there = "eu-west-1"
    subnets = [subnet["SubnetId"] for subnet in client("ec2", there).describe_subnets()["Subnets"][:2]]
    tags = [{"Key": key, "Value": value} for key, value in {"Platform": "kc", "Environment": "lab", "Component": "balancer"}.items()]
    client("elbv2", there).create_load_balancer(Name="kc-lab-public", Scheme="internet-facing", Subnets=subnets, Tags=tags)
    regions = [OTHER, there]
    converge("dns", {**params, "home": OTHER, "regions": regions})
    moved = {**params, "home": there, "regions": regions}
    plan = converge("dns", moved)["plan"]
    assert not converge("dns", moved)["changed"]
    assert ("delete", "alarm", there) in [(change["action"], change["kind"], change["region"]) for change in plan]
    assert [each["AlarmName"] for each in alarm(client, OTHER)] == ["kc-lab-standby-takes-over"]
    assert alarm(client, there) == []
    by_name = checks(route53)
    assert set(by_name) == {f"kc-lab-origin-{there}", "kc-lab-standby-takes-over", "kc-lab-primary"}
    assert by_name["kc-lab-standby-takes-over"]["AlarmIdentifier"]["Region"] == OTHER
    assert records(route53)[f"origin.{DOMAIN}. A primary"]["AliasTarget"] == balancer(client, there)


def test_another_kind_of_check_is_refused(converge: Fixture, params: dict[str, Any], route53: Any) -> None:
    """AWS can't change it in place; to take a check away under a record that uses it would be a failover by itself."""
    converge("dns", params)
    (check,) = (each for each in route53.list_health_checks()["HealthChecks"] if each["Id"] == checks(route53)[HOMES]["Id"])
    config = {**check["HealthCheckConfig"], "RequestInterval": 30}
    route53.delete_health_check(HealthCheckId=check["Id"])
    route53.create_health_check(CallerReference=check["CallerReference"], HealthCheckConfig=config)
    failed = run(UNIT, params, check=False)
    assert "`interval` is 30, the inventory wants 10" in failed["msg"]


def test_the_zone_stays_until_the_names_are_gone(converge: Fixture, params: dict[str, Any], scope_option: Fixture, route53: Any) -> None:
    converge("dns", params)
    zone = {"domain": DOMAIN, "scope": scope_option(), "state": "absent", "data": "delete"}
    assert f"origin.{DOMAIN}. A" in run(ZONE, zone, check=False)["msg"]
    converge("dns", {**params, "state": "absent"})
    assert [change["action"] for change in converge("zone", zone)["plan"]] == ["delete"]


def test_the_labs_route_53_takes_one_primary(converge: Fixture, params: dict[str, Any], route53: Any, client: Fixture) -> None:
    converge("dns", params)
    before = records(route53)
    record = {"Name": f"origin.{DOMAIN}", "Type": "A", "AliasTarget": balancer(client, HOME)}
    for more, says in (({"SetIdentifier": "third", "Failover": "PRIMARY"}, "another PRIMARY"), ({}, "another routing policy")):
        with pytest.raises(botocore.exceptions.ClientError, match=says):
            put(route53, "CREATE", {**record, **more})
    assert records(route53) == before
