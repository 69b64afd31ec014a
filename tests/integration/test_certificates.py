"""The unit `certificates` against an AWS API that issues a second after it was asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from kc.unit import run
from kc.units.certificates import UNIT

Fixture = Callable[..., Any]

DOMAIN = "kc-lab.test"
HOME, OTHER = "me-west-1", "eu-central-1"


@pytest.fixture
def params(converge: Fixture, scope_option: Fixture) -> dict[str, Any]:
    converge("zone", {"scope": scope_option(), "domain": DOMAIN})
    return {"scope": scope_option(tags={"Owner": "operations"}), "domain": DOMAIN, "names": [f"*.{DOMAIN}"]}


def at(params: dict[str, Any], region: str, **more: Any) -> dict[str, Any]:
    return {**params, "scope": {**params["scope"], "region": region}, **more}


def arns(client: Fixture, region: str = HOME) -> list[str]:
    return sorted(each["CertificateArn"] for each in client("acm", region).list_certificates()["CertificateSummaryList"])


def records(client: Fixture) -> list[dict[str, Any]]:
    route53 = client("route53", "us-east-1")
    (zone,) = route53.list_hosted_zones()["HostedZones"]
    found = route53.list_resource_record_sets(HostedZoneId=zone["Id"])["ResourceRecordSets"]
    return [each for each in found if each["Type"] == "CNAME"]


def change_record(client: Fixture, action: str, record: dict[str, Any]) -> None:
    route53 = client("route53", "us-east-1")
    (zone,) = route53.list_hosted_zones()["HostedZones"]
    route53.change_resource_record_sets(HostedZoneId=zone["Id"], ChangeBatch={"Changes": [{"Action": action, "ResourceRecordSet": record}]})


def test_it_is_issued_by_the_first_run_and_the_second_plans_nothing(converge: Fixture, params: dict[str, Any], client: Fixture) -> None:
    planned = converge("certificates", params, check=True)
    assert arns(client) == []
    made = converge("certificates", params)
    assert made["plan"] == planned["plan"]
    (change,) = made["plan"]
    assert (change["action"], change["kind"], change["name"]) == ("create", "certificate", DOMAIN)
    (arn,) = arns(client)
    assert made["outputs"]["certificate"][DOMAIN]["arn"] == arn
    detail = client("acm").describe_certificate(CertificateArn=arn)["Certificate"]
    assert detail["Status"] == "ISSUED"
    assert sorted(detail["SubjectAlternativeNames"]) == [f"*.{DOMAIN}", DOMAIN]
    assert detail["KeyAlgorithm"] == "EC_prime256v1"
    (record,) = records(client)
    assert [record["Name"], record["ResourceRecords"]] == [
        detail["DomainValidationOptions"][0]["ResourceRecord"]["Name"],
        [{"Value": detail["DomainValidationOptions"][0]["ResourceRecord"]["Value"]}],
    ]
    assert not converge("certificates", params)["changed"]


def test_an_empty_account_can_be_planned(converge: Fixture, scope_option: Fixture) -> None:
    (change,) = converge("certificates", {"scope": scope_option(), "domain": DOMAIN}, check=True)["plan"]
    assert change["after"]["validation"] == {DOMAIN: "(known after apply)"}


def test_without_a_zone_nothing_is_requested(scope_option: Fixture, client: Fixture) -> None:
    failed = run(UNIT, {"scope": scope_option(), "domain": DOMAIN}, check=False)
    assert failed["failed"]
    assert "onverge the unit `zone`" in failed["msg"]
    assert arns(client) == []


def test_a_run_that_gave_up_waiting_says_what_to_delegate_and_the_next_completes(
    converge: Fixture, params: dict[str, Any], client: Fixture
) -> None:
    told: list[str] = []
    failed = run(UNIT, {**params, "timeout": 0}, check=False, progress=told.append)
    assert failed["failed"]
    (arn,) = arns(client)
    (zone,) = client("route53", "us-east-1").list_hosted_zones()["HostedZones"]
    for server in client("route53", "us-east-1").get_hosted_zone(Id=zone["Id"])["DelegationSet"]["NameServers"]:
        assert server in failed["msg"]
        assert any(server in line for line in told)
    assert "PENDING_VALIDATION" in failed["msg"]
    completed = converge("certificates", params)
    done = [(change["action"], change["before"], change["after"]) for change in completed["plan"]]
    issued = ("update", {"status": "PENDING_VALIDATION"}, {"status": "ISSUED"})
    assert done in ([issued], []), "on a slow machine it was issued between the runs"
    assert arns(client) == [arn]
    assert not converge("certificates", params)["changed"]


def test_a_request_that_stopped_before_the_records_is_completed(converge: Fixture, params: dict[str, Any], client: Fixture) -> None:
    run(UNIT, {**params, "timeout": 0}, check=False)
    (record,) = records(client)
    change_record(client, "DELETE", record)
    (change,) = converge("certificates", params)["plan"]
    assert {*change["after"]} == {"status", "validation"}
    assert records(client) == [record]
    assert len(arns(client)) == 1


@pytest.mark.parametrize("value", ["", "_theirs.x.acm-validations.aws."], ids=["gone", "another value"])
def test_a_validation_record_that_was_spoilt_is_put_back(value: str, converge: Fixture, params: dict[str, Any], client: Fixture) -> None:
    converge("certificates", params)
    (record,) = records(client)
    if value:
        change_record(client, "UPSERT", {**record, "ResourceRecords": [{"Value": value}]})
    else:
        change_record(client, "DELETE", record)
    for check in (True, False):
        (change,) = converge("certificates", params, check=check)["plan"]
        assert (change["action"], change["before"]) == ("update", {"validation": {}})
    assert records(client) == [record]
    assert not converge("certificates", params)["changed"]


def test_a_changed_tag_is_put_back(converge: Fixture, params: dict[str, Any], client: Fixture) -> None:
    converge("certificates", params)
    (arn,) = arns(client)
    client("acm").add_tags_to_certificate(CertificateArn=arn, Tags=[{"Key": "Owner", "Value": "me"}])
    (change,) = converge("certificates", params)["plan"]
    assert (change["before"]["tags"]["Owner"], change["after"]["tags"]["Owner"]) == ("me", "operations")
    assert {"Key": "Owner", "Value": "operations"} in client("acm").list_tags_for_certificate(CertificateArn=arn)["Tags"]
    assert not converge("certificates", params)["changed"]


@pytest.mark.parametrize(
    ("more", "attr"), [({"names": [f"*.{DOMAIN}", f"media.{DOMAIN}"]}, "names"), ({"key_algorithm": "RSA_2048"}, "key_algorithm")]
)
def test_what_cannot_be_changed_is_another_certificate_issued_first(
    more: dict[str, Any], attr: str, converge: Fixture, params: dict[str, Any], client: Fixture
) -> None:
    converge("certificates", params)
    (old,) = arns(client)
    wanted = {**params, **more}
    changed = converge("certificates", wanted)
    (change,) = changed["plan"]
    assert change["action"] == "update"
    assert attr in change["after"]
    new = changed["outputs"]["certificate"][DOMAIN]["arn"]
    assert sorted([old, new]) == arns(client)
    # the next run finds nothing using the old one
    (change,) = converge("certificates", wanted)["plan"]
    assert (change["action"], change["before"], change["after"]) == ("update", {"superseded": [old]}, {"superseded": []})
    assert arns(client) == [new]
    assert not converge("certificates", wanted)["changed"]


def test_while_the_next_one_is_pending_others_get_the_issued_one(converge: Fixture, params: dict[str, Any]) -> None:
    old = converge("certificates", params)["outputs"]["certificate"][DOMAIN]["arn"]
    wanted = {**params, "names": [f"media.{DOMAIN}"]}
    assert run(UNIT, {**wanted, "timeout": 0}, check=False)["failed"]
    looked = run(UNIT, wanted, check=True)["outputs"]["certificate"][DOMAIN]
    assert looked["arn"] == old
    assert looked["id"] != old


def test_regions_share_the_record_and_one_may_go(converge: Fixture, params: dict[str, Any], client: Fixture) -> None:
    for region in (HOME, OTHER, "us-east-1"):
        converge("certificates", at(params, region))
    assert len(records(client)) == 1
    gone = converge("certificates", at(params, OTHER, state="absent"))
    assert [change["action"] for change in gone["plan"]] == ["delete"]
    assert [len(arns(client, region)) for region in (HOME, OTHER, "us-east-1")] == [1, 0, 1]
    assert len(records(client)) == 1
    assert not converge("certificates", at(params, HOME))["changed"]
    assert not converge("certificates", at(params, OTHER, state="absent"))["changed"]
    converge("certificates", at(params, OTHER))
    assert len(arns(client, OTHER)) == 1


def test_certificates_of_others_are_left_alone(converge: Fixture, params: dict[str, Any], client: Fixture) -> None:
    theirs = client("acm").request_certificate(DomainName=DOMAIN, ValidationMethod="DNS")["CertificateArn"]
    converge("certificates", params)
    assert len(arns(client)) == 2
    converge("certificates", {**params, "state": "absent"})
    assert arns(client) == [theirs]
