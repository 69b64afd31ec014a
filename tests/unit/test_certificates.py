"""The unit `certificates`: its builder, and what ACM does that takes days or load balancers."""

from __future__ import annotations

from typing import Any

import pytest
from kc.aws.acm import DEAD, Certificate
from kc.aws.session import Aws
from kc.errors import KcError
from kc.model import Live, Ref
from kc.scope import Scope
from kc.units.certificates import UNIT, build

SCOPE = Scope("kc", "lab", "123456789012", "me-west-1", UNIT.name)
ZONE = Ref("hosted_zone", "example.com", region="us-east-1")


@pytest.mark.parametrize(
    ("params", "names", "validation"),
    [
        ({}, ["example.com"], {"example.com": ZONE}),
        ({"names": ["*.example.com"]}, ["*.example.com", "example.com"], {"example.com": ZONE}),
        ({"names": ["*.Example.com.", "example.com"]}, ["*.example.com", "example.com"], {"example.com": ZONE}),
        (
            {"names": ["media.example.com", "*.a.example.com"]},
            ["*.a.example.com", "example.com", "media.example.com"],
            {"a.example.com": ZONE, "example.com": ZONE, "media.example.com": ZONE},
        ),
        ({"domain": "app.example.com", "zone": "example.com"}, ["app.example.com"], {"app.example.com": ZONE}),
    ],
)
def test_a_certificate_and_the_zone_of_each_record(params: dict[str, Any], names: list[str], validation: dict[str, Ref]) -> None:
    zone, made = build(SCOPE, {"domain": "example.com", **params})
    assert (zone.key, zone.component, zone.desired) == (("hosted_zone", "us-east-1", "example.com"), "zone", None)
    assert made.key == ("certificate", "me-west-1", params.get("domain", "example.com"))
    assert made.desired == {
        "names": names,
        "key_algorithm": "EC_prime256v1",
        "transparency_logging": "ENABLED",
        "validation": validation,
        "status": "ISSUED",
        "superseded": [],
        "tags": SCOPE.tags(),
    }


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"domain": "*.example.com"}, "`*.example.com` is no domain name"),
        ({"names": ["example.org"]}, "example.org is not in the hosted zone example.com"),
        ({"names": ["notexample.com"]}, "notexample.com is not in the hosted zone example.com"),
        ({"zone": "www.example.com"}, "example.com is not in the hosted zone www.example.com"),
        ({"names": ["a.*.example.com"]}, "`a.*.example.com` is no domain name"),
        ({"domain": f"{'a' * 60}.example.com", "zone": "example.com"}, "is longer than 64 characters"),
    ],
)
def test_what_acm_could_not_issue_is_refused(params: dict[str, Any], message: str) -> None:
    with pytest.raises(KcError) as caught:
        build(SCOPE, {"domain": "example.com", **params})
    assert message in caught.value.message


class Acm(Aws):
    """A session with an ACM, and a Route 53 that holds every record and whose one zone is Z1."""

    def __init__(self, *certificates: dict[str, Any]) -> None:
        super().__init__(region="me-west-1")
        self.certificates = {each["CertificateArn"]: each for each in certificates}
        self.asked: list[tuple[str, Any]] = []

    def at(self, region: str) -> Acm:
        return self

    def sleep(self, seconds: float) -> None:
        pass

    def pages(self, service: str, operation: str, key: str, /, **params: Any) -> list[Any]:
        if service == "acm":
            assert "EC_prime256v1" in params["Includes"]["keyTypes"]
            return list(self.certificates.values())
        return [{"Id": "/hostedzone/Z1", "Name": "example.com.", "CallerReference": "", "Config": {"PrivateZone": False}}]

    def call(self, service: str, operation: str, /, **params: Any) -> dict[str, Any]:
        self.asked.append((operation, params))
        tags = [{"Key": key, "Value": value} for key, value in SCOPE.tags().items()]
        zone_tags = [*tags, {"Key": "Component", "Value": "zone"}]
        if operation == "list_resource_record_sets":
            return {"ResourceRecordSets": [{"Name": params["StartRecordName"], "ResourceRecords": [{"Value": "_v."}]}]}
        if operation == "request_certificate":
            new = certificate("new", "PENDING_VALIDATION", 99, SubjectAlternativeNames=[params["DomainName"]])
            self.certificates["new"] = new
            return {"CertificateArn": "new"}
        if operation == "delete_certificate" and self.certificates[params["CertificateArn"]].get("InUseBy"):
            raise KcError("it is used", code="ResourceInUseException")
        return {
            "describe_certificate": lambda: {"Certificate": self.certificates[params["CertificateArn"]]},
            "list_tags_for_certificate": lambda: {"Tags": tags},
            "list_tags_for_resources": lambda: {"ResourceTagSets": [{"ResourceId": "Z1", "Tags": zone_tags}]},
            "get_hosted_zone": lambda: {"DelegationSet": {"NameServers": ["ns-2.example.net", "ns-1.example.net"]}},
        }.get(operation, dict)()

    def did(self, operation: str) -> list[Any]:
        return [params for asked, params in self.asked if asked == operation]


def certificate(arn: str, status: str, created: int, **more: Any) -> dict[str, Any]:
    return {
        "CertificateArn": arn,
        "Type": "AMAZON_ISSUED",
        "DomainName": "example.com",
        "SubjectAlternativeNames": ["example.com"],
        "KeyAlgorithm": "EC-prime256v1",
        "Status": status,
        "CreatedAt": created,
        "DomainValidationOptions": [{"DomainName": "example.com", "ResourceRecord": {"Name": "_n.example.com.", "Value": "_v."}}],
        **more,
    }


WANT = {
    "names": ["example.com"],
    "key_algorithm": "EC_prime256v1",
    "transparency_logging": "ENABLED",
    "validation": {"example.com": "Z1"},
    "status": "ISSUED",
    "superseded": [],
    "tags": SCOPE.tags(),
}


@pytest.mark.parametrize(
    ("certificates", "status", "id", "arn", "superseded"),
    [
        ([certificate("a", "ISSUED", 1)], "ISSUED", "a", "a", []),
        ([certificate("a", "ISSUED", 1), certificate("b", "PENDING_VALIDATION", 2)], "PENDING_VALIDATION", "b", "a", ["a"]),
        ([certificate("a", "ISSUED", 1, InUseBy=["lb"]), certificate("b", "ISSUED", 2)], "ISSUED", "b", "b", []),
        ([certificate("a", "ISSUED", 1), certificate("b", "VALIDATION_TIMED_OUT", 2)], "ISSUED", "a", "a", ["b"]),
        ([certificate("a", "FAILED", 1), certificate("b", "EXPIRED", 2)], "EXPIRED", "b", "b", ["a"]),
        ([certificate("x", "ISSUED", 3, Type="IMPORTED"), certificate("a", "ISSUED", 1)], "ISSUED", "a", "a", []),
    ],
    ids=["one", "the next is pending", "the last is in use", "the next timed out", "all dead", "imported"],
)
def test_which_of_several_it_is(certificates: list[dict[str, Any]], status: str, id: str, arn: str, superseded: list[str]) -> None:
    (live,) = Certificate().read(Acm(*certificates), SCOPE).values()
    assert (live.attrs["status"], live.outputs) == (status, {"id": id, "arn": arn})
    assert live.attrs == {**WANT, "status": status, "superseded": superseded}


@pytest.mark.parametrize("status", sorted(DEAD))
def test_a_dead_one_is_requested_anew(status: str) -> None:
    aws = Acm(certificate("a", status, 1))
    live = Certificate().read(aws, SCOPE)["example.com"]
    Certificate().update(aws, SCOPE, "example.com", live, WANT, frozenset({"status"}))
    assert live.id == "new"
    (asked,) = aws.did("request_certificate")
    assert (asked["ValidationMethod"], asked["KeyAlgorithm"]) == ("DNS", "EC_prime256v1")
    assert len(asked["IdempotencyToken"]) == 32
    assert len(aws.did("change_resource_record_sets")) == 1


def test_going_back_to_old_names_is_not_mistaken_for_a_repeat() -> None:
    aws = Acm(certificate("a", "ISSUED", 1))
    for instead_of in ("", "", "a"):
        Certificate()._request(aws, "example.com", WANT, instead_of)
    tokens = [each["IdempotencyToken"] for each in aws.did("request_certificate")]
    assert tokens[0] == tokens[1] != tokens[2]


def test_transparency_logging_is_put_back() -> None:
    aws = Acm(certificate("a", "ISSUED", 1, Options={"CertificateTransparencyLoggingPreference": "DISABLED"}))
    live = Certificate().read(aws, SCOPE)["example.com"]
    assert live.attrs["transparency_logging"] == "DISABLED"
    Certificate().update(aws, SCOPE, "example.com", live, WANT, frozenset({"transparency_logging"}))
    assert aws.did("update_certificate_options") == [
        {"CertificateArn": "a", "Options": {"CertificateTransparencyLoggingPreference": "ENABLED"}}
    ]


def test_what_acm_refuses_ends_the_wait_at_once_with_its_reason() -> None:
    aws = Acm(certificate("a", "FAILED", 1, FailureReason="CAA_ERROR"))
    with pytest.raises(KcError, match=r"`FAILED` instead of ISSUED: CAA_ERROR"):
        Certificate().ready(aws, "example.com", Live(dict(WANT), {"id": "a"}))


def test_a_wait_in_vain_names_the_name_servers() -> None:
    aws = Acm(certificate("a", "PENDING_VALIDATION", 1))
    with pytest.raises(KcError) as caught:
        Certificate(timeout=0).ready(aws, "example.com", Live(dict(WANT), {"id": "a"}))
    assert "names exactly these name servers: ns-1.example.net, ns-2.example.net" in caught.value.hint


def test_one_that_is_in_use_refuses_to_go_and_says_who_uses_it() -> None:
    aws = Acm(certificate("a", "ISSUED", 1, InUseBy=["arn:lb"]))
    live = Certificate().read(aws, SCOPE)["example.com"]
    with pytest.raises(KcError, match="still used by arn:lb") as caught:
        Certificate().delete(aws, SCOPE, "example.com", live)
    assert caught.value.code in Certificate.settles
