"""The unit `private_zone` against an AWS API, and records that several units have in its zone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from kc.model import Resource
from kc.scope import Scope
from kc.unit import Params, Unit, run
from kc.units.private_zone import RECORD, UNIT, private_record, private_zone_of

from tests.integration.platform import HOME, OTHER, options, prepare

Fixture = Callable[..., Any]

DOMAIN = "kc-lab.internal"


def _nodes(scope: Scope, params: Params) -> Sequence[Resource]:
    return [private_zone_of(scope), *(private_record(scope, label, "A", values) for label, values in params["records"].items())]


NODES = Unit(name="nodes", kinds=(RECORD,), build=_nodes, services=("route53",))
"""A unit that puts records into the zone."""


@pytest.fixture
def params(converge: Fixture, scope_option: Fixture) -> dict[str, Any]:
    prepare("private_zone", converge, scope_option)
    return {**options("private_zone"), "scope": scope_option("us-east-1", tags={"Owner": "operations"})}


@pytest.fixture
def nodes(scope_option: Fixture) -> Callable[..., dict[str, Any]]:
    """Return a function that gives the options of `NODES`: `nodes(OTHER, {"a": ["10.0.0.1"]}, state="absent")`."""
    return lambda region, records, **more: {"scope": scope_option(region), "records": records, **more}


@pytest.fixture
def route53(client: Fixture) -> Any:
    return client("route53", "us-east-1")


def zone(route53: Any) -> dict[str, Any]:
    """The one zone, as `GetHostedZone` answers."""
    (found,) = route53.list_hosted_zones()["HostedZones"]
    return dict(route53.get_hosted_zone(Id=found["Id"]))


def zone_id(route53: Any) -> str:
    return str(zone(route53)["HostedZone"]["Id"]).removeprefix("/hostedzone/")


def vpcs(route53: Any) -> dict[str, str]:
    return {each["VPCRegion"]: each["VPCId"] for each in zone(route53)["VPCs"]}


def standing(route53: Any) -> dict[str, Any]:
    """Every record of the zone but the zone's own, by name and type."""
    found = route53.list_resource_record_sets(HostedZoneId=zone_id(route53))["ResourceRecordSets"]
    return {f"{each['Name']} {each['Type']}": each for each in found if each["Type"] not in ("NS", "SOA")}


def put(route53: Any, name: str, address: str, action: str = "UPSERT", ttl: int = 60) -> None:
    record = {"Name": f"{name}.{DOMAIN}", "Type": "A", "TTL": ttl, "ResourceRecords": [{"Value": address}]}
    change = {"Action": action, "ResourceRecordSet": record}
    route53.change_resource_record_sets(HostedZoneId=zone_id(route53), ChangeBatch={"Changes": [change]})


def vpc(client: Fixture, region: str) -> str:
    """The id of the platform's VPC."""
    found = client("ec2", region).describe_vpcs(Filters=[{"Name": "tag:Name", "Values": ["kc-lab"]}])["Vpcs"]
    return str(found[0]["VpcId"])


def test_first_run_makes_it_and_the_second_plans_nothing(converge: Fixture, params: dict[str, Any], route53: Any, client: Fixture) -> None:
    planned = converge("private_zone", params, check=True)
    assert route53.list_hosted_zones()["HostedZones"] == []
    made = converge("private_zone", params)
    assert made["plan"] == planned["plan"]
    assert [(change["action"], change["name"]) for change in made["plan"]] == [("create", DOMAIN)]
    assert zone(route53)["HostedZone"]["Config"] == {"Comment": "Nodes", "PrivateZone": True}
    assert vpcs(route53) == {region: vpc(client, region) for region in (HOME, OTHER)}
    found = route53.list_tags_for_resource(ResourceType="hostedzone", ResourceId=zone_id(route53))["ResourceTagSet"]["Tags"]
    tags = {tag["Key"]: tag["Value"] for tag in found}
    assert tags == {"Platform": "kc", "Environment": "lab", "Component": "private_zone", "Owner": "operations"}
    assert not converge("private_zone", params)["changed"]


def _leave(route53: Any, client: Fixture) -> None:
    route53.disassociate_vpc_from_hosted_zone(HostedZoneId=zone_id(route53), VPC={"VPCRegion": OTHER, "VPCId": vpc(client, OTHER)})


def _join(route53: Any, client: Fixture) -> None:
    made = client("ec2", "eu-west-1").create_vpc(CidrBlock="10.99.0.0/16")["Vpc"]["VpcId"]
    route53.associate_vpc_with_hosted_zone(HostedZoneId=zone_id(route53), VPC={"VPCRegion": "eu-west-1", "VPCId": made})


def _change_places(route53: Any, client: Fixture) -> None:
    """None of those that should see it does."""
    _join(route53, client)
    for region in (HOME, OTHER):
        route53.disassociate_vpc_from_hosted_zone(HostedZoneId=zone_id(route53), VPC={"VPCRegion": region, "VPCId": vpc(client, region)})


@pytest.mark.parametrize(
    ("spoil", "attr"),
    [
        (_leave, "vpcs"),
        (_join, "vpcs"),
        (_change_places, "vpcs"),
        (lambda api, _: api.update_hosted_zone_comment(Id=zone_id(api), Comment="Theirs"), "comment"),
        (
            lambda api, _: api.change_tags_for_resource(ResourceType="hostedzone", ResourceId=zone_id(api), RemoveTagKeys=["Component"]),
            "tags",
        ),
    ],
    ids=["a VPC less", "a VPC more", "another VPC", "comment", "the tag that it is found by"],
)
def test_drift_is_planned_and_put_back(
    spoil: Callable[[Any, Fixture], None], attr: str, converge: Fixture, params: dict[str, Any], route53: Any, client: Fixture
) -> None:
    converge("private_zone", params)
    before = zone(route53)["HostedZone"], vpcs(route53)
    spoil(route53, client)
    for check in (True, False):
        (change,) = converge("private_zone", params, check=check)["plan"]
        assert (change["action"], [*change["after"]]) == ("update", [attr])
    assert (zone(route53)["HostedZone"], vpcs(route53)) == before
    assert not converge("private_zone", params)["changed"]


def test_a_zone_of_that_name_that_is_somebody_elses_is_left_alone(
    converge: Fixture, params: dict[str, Any], route53: Any, client: Fixture
) -> None:
    place = {"VPCRegion": HOME, "VPCId": vpc(client, HOME)}
    made = route53.create_hosted_zone(Name=DOMAIN, VPC=place, CallerReference="by hand", HostedZoneConfig={"PrivateZone": True})
    failed = run(UNIT, params, check=False)
    assert f"stands already ({made['HostedZone']['Id'].removeprefix('/hostedzone/')})" in failed["msg"]
    assert vpcs(route53) == {HOME: vpc(client, HOME)}
    # a public zone of that name is another matter
    route53.delete_hosted_zone(Id=made["HostedZone"]["Id"])
    route53.create_hosted_zone(Name=DOMAIN, CallerReference="public")
    assert [change["action"] for change in converge("private_zone", params)["plan"]] == ["create"]


def test_units_have_their_records_in_one_zone(converge: Fixture, params: dict[str, Any], nodes: Fixture, route53: Any) -> None:
    converge("private_zone", params)
    home = nodes(HOME, {f"keeper-1.{HOME}": ["10.10.0.4"], f"ch-1.{HOME}": ["10.10.0.5"]})
    other = nodes(OTHER, {f"keeper-1.{OTHER}": ["10.11.0.4"]})
    assert [change["action"] for change in converge(NODES, home)["plan"]] == ["create"] * 2
    converge(NODES, other)
    put(route53, "by-hand", "10.0.0.1")
    for each in (home, other):
        assert not converge(NODES, each)["changed"]
    before = standing(route53)
    assert before[f"keeper-1.{HOME}.{DOMAIN}. A"]["ResourceRecords"] == [{"Value": "10.10.0.4"}]

    # one that is no longer wanted goes with its mark, and nothing else does
    fewer = nodes(HOME, {f"keeper-1.{HOME}": ["10.10.0.4"]})
    assert [(change["action"], change["name"]) for change in converge(NODES, fewer)["plan"]] == [("delete", f"ch-1.{HOME}.{DOMAIN} A")]
    gone = {f"ch-1.{HOME}.{DOMAIN}. A", f"_kc-a.ch-1.{HOME}.{DOMAIN}. TXT"}
    assert standing(route53) == {name: record for name, record in before.items() if name not in gone}

    for each in (home, other):
        converge(NODES, {**each, "state": "absent"})
        assert not converge(NODES, {**each, "state": "absent"})["changed"]
    assert [*standing(route53)] == [f"by-hand.{DOMAIN}. A"]


def test_drift_of_a_record_is_planned_and_put_back(converge: Fixture, params: dict[str, Any], nodes: Fixture, route53: Any) -> None:
    converge("private_zone", params)
    wanted = nodes(HOME, {"a": ["10.0.0.1", "10.0.0.2"]})
    converge(NODES, wanted)
    before = standing(route53)
    for attr, address, ttl in (("values", "10.0.0.3", 60), ("ttl", "10.0.0.1", 5)):
        put(route53, "a", address, ttl=ttl)
        (change,) = converge(NODES, wanted, check=True)["plan"]
        assert change["action"] == "update"
        assert attr in change["after"]
        converge(NODES, wanted)
        assert standing(route53) == before
    # taken away, the mark still standing
    zone = zone_id(route53)
    (record,) = (each for name, each in before.items() if name.endswith(" A"))
    changes = [{"Action": "DELETE", "ResourceRecordSet": record}]
    route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})
    assert [change["action"] for change in converge(NODES, wanted)["plan"]] == ["create"]
    assert standing(route53) == before


def test_a_record_that_is_somebody_elses_is_never_changed(converge: Fixture, params: dict[str, Any], nodes: Fixture, route53: Any) -> None:
    converge("private_zone", params)
    put(route53, "a", "10.0.0.9")
    wanted = nodes(HOME, {"a": ["10.0.0.1"]})
    failed = run(NODES, wanted, check=False)
    assert "a record of that name stands already, and is not this unit's" in failed["msg"]
    assert [each["ResourceRecords"] for each in standing(route53).values()] == [[{"Value": "10.0.0.9"}]]
    # another region's unit has it: the same
    put(route53, "a", "10.0.0.9", action="DELETE")
    converge(NODES, nodes(OTHER, {"a": ["10.0.0.2"]}))
    assert "is not this unit's" in run(NODES, wanted, check=False)["msg"]
    assert not converge(NODES, {**wanted, "state": "absent"})["changed"]
    assert standing(route53)[f"a.{DOMAIN}. A"]["ResourceRecords"] == [{"Value": "10.0.0.2"}]


def test_a_record_that_was_handed_over_is_converged(converge: Fixture, params: dict[str, Any], nodes: Fixture, route53: Any) -> None:
    converge("private_zone", params)
    put(route53, "a", "10.0.0.9")
    wanted = nodes(HOME, {"a": ["10.0.0.1"]})
    told = run(NODES, wanted, check=False)["errors"][0]["hint"]
    name, _, value = told.partition("TXT record ")[2].partition(" with the value ")
    mark = {"Name": name, "Type": "TXT", "TTL": 300, "ResourceRecords": [{"Value": value}]}
    changes = [{"Action": "CREATE", "ResourceRecordSet": mark}]
    route53.change_resource_record_sets(HostedZoneId=zone_id(route53), ChangeBatch={"Changes": changes})
    assert [change["action"] for change in converge(NODES, wanted)["plan"]] == ["update"]
    assert standing(route53)[f"a.{DOMAIN}. A"]["ResourceRecords"] == [{"Value": "10.0.0.1"}]


def test_absent_waits_for_the_records_of_others(converge: Fixture, params: dict[str, Any], nodes: Fixture, route53: Any) -> None:
    converge("private_zone", params)
    wanted = nodes(HOME, {"a": ["10.0.0.1"]})
    converge(NODES, wanted)
    failed = run(UNIT, {**params, "state": "absent"}, check=False)
    assert f"a.{DOMAIN}. A" in failed["msg"]
    put(route53, "a", "10.0.0.1", action="DELETE")  # by hand: its mark, which says nothing any more, goes with the zone
    assert [change["action"] for change in converge("private_zone", {**params, "state": "absent"})["plan"]] == ["delete"]
    assert route53.list_hosted_zones()["HostedZones"] == []
    assert not converge("private_zone", {**params, "state": "absent"})["changed"]
    assert not converge(NODES, {**wanted, "state": "absent"})["changed"]
