"""The unit `zone` against an AWS API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from kc.unit import run
from kc.units.zone import UNIT

Fixture = Callable[..., Any]

DOMAIN = "kc-lab.test"
VALIDATION = {"Name": f"_a1.{DOMAIN}.", "Type": "CNAME", "TTL": 300, "ResourceRecords": [{"Value": "_b2.c3.acm-validations.aws."}]}


@pytest.fixture
def params(scope_option: Fixture) -> dict[str, Any]:
    return {"scope": scope_option(tags={"Owner": "operations"}), "domain": DOMAIN, "comment": "Ours"}


@pytest.fixture
def route53(client: Fixture) -> Any:
    return client("route53", "us-east-1")


def zones(route53: Any) -> list[dict[str, Any]]:
    return list(route53.list_hosted_zones()["HostedZones"])


def tags(route53: Any) -> dict[str, str]:
    (zone,) = zones(route53)
    found = route53.list_tags_for_resource(ResourceType="hostedzone", ResourceId=bare(zone))["ResourceTagSet"]["Tags"]
    return {tag["Key"]: tag["Value"] for tag in found}


def bare(zone: dict[str, Any]) -> str:
    return str(zone["Id"].removeprefix("/hostedzone/"))


def put(route53: Any, record: dict[str, Any]) -> None:
    (zone,) = zones(route53)
    route53.change_resource_record_sets(
        HostedZoneId=bare(zone), ChangeBatch={"Changes": [{"Action": "UPSERT", "ResourceRecordSet": record}]}
    )


def test_first_run_makes_it_and_the_second_plans_nothing(converge: Fixture, params: dict[str, Any], route53: Any) -> None:
    planned = converge("zone", params, check=True)
    assert zones(route53) == []
    assert planned["outputs"]["hosted_zone"][DOMAIN]["name_servers"] == "(known after apply)"
    made = converge("zone", params)
    assert made["plan"] == planned["plan"]
    assert len(made["plan"]) == 1
    (zone,) = zones(route53)
    output = made["outputs"]["hosted_zone"][DOMAIN]
    assert output["id"] == bare(zone)
    assert output["name_servers"] == sorted(route53.get_hosted_zone(Id=zone["Id"])["DelegationSet"]["NameServers"])
    assert tags(route53) == {"Platform": "kc", "Environment": "lab", "Component": "zone", "Owner": "operations"}
    # wherever it is called from
    params["scope"]["region"] = "eu-central-1"
    again = converge("zone", params)
    assert not again["changed"]
    assert again["outputs"] == made["outputs"]


@pytest.mark.parametrize(
    ("spoil", "attr"),
    [
        (lambda api, id: api.update_hosted_zone_comment(Id=id, Comment="Theirs"), "comment"),
        (lambda api, id: api.change_tags_for_resource(ResourceType="hostedzone", ResourceId=id, RemoveTagKeys=["Owner"]), "tags"),
        (lambda api, id: api.change_tags_for_resource(ResourceType="hostedzone", ResourceId=id, RemoveTagKeys=["Component"]), "tags"),
    ],
    ids=["comment", "tag", "the tag that it is found by"],
)
def test_drift_is_planned_and_put_back(
    spoil: Callable[[Any, str], None], attr: str, converge: Fixture, params: dict[str, Any], route53: Any
) -> None:
    converge("zone", params)
    before = (zones(route53), tags(route53))
    spoil(route53, bare(before[0][0]))
    for check in (True, False):
        (change,) = converge("zone", params, check=check)["plan"]
        assert (change["action"], [*change["after"]]) == ("update", [attr])
    assert (zones(route53), tags(route53)) == before
    assert not converge("zone", params)["changed"]


def test_a_zone_that_was_left_untagged_is_finished_not_doubled(converge: Fixture, params: dict[str, Any], route53: Any) -> None:
    converge("zone", params)
    (zone,) = zones(route53)
    route53.change_tags_for_resource(ResourceType="hostedzone", ResourceId=bare(zone), RemoveTagKeys=[*tags(route53)])
    assert [change["action"] for change in converge("zone", params)["plan"]] == ["update"]
    assert [bare(each) for each in zones(route53)] == [bare(zone)]
    # it is another environment's neither
    params["scope"]["environment"] = "lab2"
    assert [change["action"] for change in converge("zone", params, check=True)["plan"]] == ["create"]


def test_a_zone_of_somebody_else_is_neither_doubled_nor_taken(converge: Fixture, params: dict[str, Any], route53: Any) -> None:
    route53.create_hosted_zone(Name=DOMAIN, CallerReference="by hand")
    (zone,) = zones(route53)
    failed = run(UNIT, params, check=False)
    assert failed["failed"]
    assert f"stands already ({bare(zone)})" in failed["msg"]
    assert "Platform=kc, Environment=lab, Component=zone" in failed["msg"]
    assert len(zones(route53)) == 1
    # handed over
    given = [{"Key": key, "Value": value} for key, value in {"Platform": "kc", "Environment": "lab", "Component": "zone"}.items()]
    route53.change_tags_for_resource(ResourceType="hostedzone", ResourceId=bare(zone), AddTags=given)
    assert [change["action"] for change in converge("zone", params)["plan"]] == ["update"]
    assert len(zones(route53)) == 1


def test_absent_keeps_it_unless_data_may_go(converge: Fixture, params: dict[str, Any], route53: Any) -> None:
    converge("zone", params)
    put(route53, VALIDATION)
    kept = converge("zone", {**params, "state": "absent"})
    assert (kept["plan"], kept["kept"]) == ([], [f"hosted_zone {DOMAIN} (us-east-1)"])
    assert len(zones(route53)) == 1
    gone = {**params, "state": "absent", "data": "delete"}
    assert [change["action"] for change in converge("zone", gone)["plan"]] == ["delete"]
    assert zones(route53) == []
    assert not converge("zone", gone)["changed"]
    # and it can be made again
    converge("zone", params)
    assert len(zones(route53)) == 1


@pytest.mark.parametrize(
    "record",
    [
        {"Name": f"www.{DOMAIN}.", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "192.0.2.1"}]},
        {"Name": f"sub.{DOMAIN}.", "Type": "NS", "TTL": 60, "ResourceRecords": [{"Value": "ns.example.com."}]},
        {"Name": f"docs.{DOMAIN}.", "Type": "CNAME", "TTL": 60, "ResourceRecords": [{"Value": "example.com."}]},
    ],
    ids=["address", "delegation", "alias"],
)
def test_a_record_of_somebody_else_refuses_the_deletion(
    record: dict[str, Any], converge: Fixture, params: dict[str, Any], route53: Any
) -> None:
    converge("zone", params)
    put(route53, VALIDATION)
    put(route53, record)
    failed = run(UNIT, {**params, "state": "absent", "data": "delete"}, check=False)
    assert failed["failed"]
    assert f"{record['Name']} {record['Type']}" in failed["msg"]
    (zone,) = zones(route53)
    standing = {each["Name"] for each in route53.list_resource_record_sets(HostedZoneId=bare(zone))["ResourceRecordSets"]}
    assert standing >= {record["Name"], VALIDATION["Name"]}
