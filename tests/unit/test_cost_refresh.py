"""Prices from the Price List API. Its answers here are constructed by what AWS documents of them; none was captured from AWS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from botocore.stub import Stubber
from kc.aws import session
from kc.aws.session import Aws, Connection
from kc.cost import catalogue as kept
from kc.cost.catalogue import catalogue
from kc.cost.model import Sku
from kc.cost.refresh import Refreshed, refresh, write
from kc.cost.refresh_files import LONGEST, read
from kc.cost.refresh_files import write as written
from kc.cost.refresh_rules import asked
from kc.errors import KcError

TODAY = date(2026, 11, 30)
RESERVED = {"LeaseContractLength": "1yr", "OfferingClass": "standard", "PurchaseOption": "No Upfront"}

SOURCES = """\
# Where prices come from.
A: {what: AWS's Price List files, date: 2026-09-25}
R: {what: derived from the on-demand price, date: 2026-09-25}
"""
FRANKFURT = """\
# Frankfurt.
AmazonEC2:
- {usage: 'BoxUsage:r7g.xlarge', unit: Hrs, price: '0.25', kind: list, effective: 2026-09-25, source: A}
- {usage: 'BoxUsage:r7g.xlarge', term: reserved, unit: Hrs, price: '0.165', kind: assumption, effective: 2026-09-25, source: R}
- {usage: 'BoxUsage:r7g.xlarge', term: savings_plan, unit: Hrs, price: '0.1825', kind: assumption, effective: 2026-09-25, source: R}
"""
NODE = ("AmazonEC2", "eu-central-1", {"operatingSystem": "Linux", "tenancy": "Shared", "preInstalledSw": "NA", "capacitystatus": "Used"})


def term(*tiers: tuple[str, str], unit: str = "Hrs", about: dict[str, str] | None = None) -> dict[str, Any]:
    """Return an offer (constructed)."""
    dimensions = {f"D{n}": {"unit": unit, "beginRange": begin, "pricePerUnit": {"USD": usd}} for n, (begin, usd) in enumerate(tiers)}
    return {"priceDimensions": dimensions, "effectiveDate": "2026-11-01T00:00:00Z", "termAttributes": about or {}}


def product(id: str, usage: str, *offers: dict[str, Any], **attributes: str) -> str:
    """Return an entry of `PriceList` (constructed): JSON in a text."""
    terms = {
        kind: {f"{id}.{n}": one for n, one in enumerate(some)}
        for kind, some in (
            ("OnDemand", [one for one in offers if not one["termAttributes"]]),
            ("Reserved", [one for one in offers if one["termAttributes"]]),
        )
        if some
    }
    return json.dumps({"product": {"sku": id, "attributes": {"usagetype": usage, **attributes}}, "terms": terms})


def question(service: str, token: str = "", **filters: str) -> dict[str, Any]:
    """Return the parameters of a call."""
    wanted = [{"Type": "TERM_MATCH", "Field": name, "Value": value} for name, value in sorted(filters.items())]
    return {
        "ServiceCode": service,
        "Filters": wanted,
        "FormatVersion": "aws_v1",
        "MaxResults": 100,
        **({"NextToken": token} if token else {}),
    }


Answer = tuple[dict[str, Any], list[str], str]


@contextmanager
def answering(answers: list[Answer]) -> Iterator[Aws]:
    """Yield AWS that is asked exactly this, in this order, and answers so."""
    aws = Aws(Connection(access_key_id="a", secret_access_key="b"), "us-east-1")
    with Stubber(aws.client("pricing")) as stub:
        for params, rows, token in answers:
            stub.add_response("get_products", {"FormatVersion": "aws_v1", "PriceList": rows, "NextToken": token}, params)
        yield aws
        stub.assert_no_pending_responses()


@pytest.fixture(autouse=True)
def in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "READ_WORKERS", 1)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "sources.yml").write_text(SOURCES)
    (tmp_path / "eu-central-1.yml").write_text(FRANKFURT)
    return tmp_path


def node(*rows: str, token: str = "", before: str = "") -> Answer:
    service, region, filters = NODE
    return question(service, before, regionCode=region, instanceType="r7g.xlarge", **filters), [*rows], token


def refreshed(place: Path, *answers: Answer) -> Refreshed:
    with answering([*answers]) as aws:
        return refresh(aws, TODAY, place=place)


R7G = product(
    "NODE", "EUC1-BoxUsage:r7g.xlarge", term(("0", "0.2600000000")), term(("0", "0.17"), about=RESERVED),
    term(("0", "0.15"), about={**RESERVED, "LeaseContractLength": "3yr"}), term(("0", "0.16"), about={**RESERVED, "OfferingClass": "convertible"}),
)  # fmt: skip


def test_prices_become_aws_own(place: Path) -> None:
    """What is derived follows; the reviewer's comments stay; a token that is empty ends the pages."""
    other = product("BOX", "EUC1-UnusedBox:r7g.xlarge", term(("0", "0.1")))
    found = refreshed(place, node(other, token="more"), node(R7G, before="more"))
    assert found.prices == [
        {"sku": "AmazonEC2 BoxUsage:r7g.xlarge in eu-central-1", "before": "0.25 USD/Hrs", "after": "0.26 USD/Hrs"},
        {"sku": "AmazonEC2 BoxUsage:r7g.xlarge (reserved) in eu-central-1", "before": "0.165 USD/Hrs", "after": "0.17 USD/Hrs"},
    ]
    assert found.files["eu-central-1.yml"] == (
        FRANKFURT,
        """\
# Frankfurt.
AmazonEC2:
- {usage: 'BoxUsage:r7g.xlarge', unit: Hrs, price: '0.26', kind: list, effective: 2026-11-01, source: P}
- {usage: 'BoxUsage:r7g.xlarge', term: reserved, unit: Hrs, price: '0.17', kind: list, effective: 2026-11-01, source: P}
- {usage: 'BoxUsage:r7g.xlarge', term: savings_plan, unit: Hrs, price: '0.1898', kind: assumption, effective: 2026-11-01, source: R}
""",
    )  # .1825 x .26 / .25
    assert found.files["sources.yml"][1] == f"{SOURCES}P: {{what: AWS's Price List API, date: 2026-11-30}}\n"
    assert found.unasked == ["AmazonEC2 BoxUsage:r7g.xlarge (savings_plan) in eu-central-1"]
    assert (place / "eu-central-1.yml").read_text() == FRANKFURT, "nothing is written by asking"


def test_a_second_run_changes_nothing(place: Path) -> None:
    write(refreshed(place, node(R7G)), place)
    again = refreshed(place, node(R7G))
    assert (again.files, again.prices, again.confirmed) == ({}, [], 2)
    assert catalogue(place).price(Sku("AmazonEC2", "BoxUsage:r7g.xlarge", "eu-central-1")).source == "AWS's Price List API"


TWICE = product("OTHER", "EUC1-BoxUsage:r7g.xlarge", term(("0", "0.27")))
FREE = product("NODE", "EUC1-BoxUsage:r7g.xlarge", term(("0", "0.0000000000")))


@pytest.mark.parametrize(
    ("rows", "wrong"),
    [
        ([R7G, TWICE], r"AmazonEC2 BoxUsage:r7g\.xlarge in eu-central-1: AWS has 2 prices that fit: NODE, OTHER"),
        ([FREE], r"AmazonEC2 BoxUsage:r7g\.xlarge in eu-central-1: AWS's price is zero"),
        ([product("NODE", "BoxUsage:r7g.xlarge", term(("0", "0.2")), term(("0", "0.3")))], r"AWS has 2 offers of NODE"),
        ([product("NODE", "BoxUsage:r7g.xlarge", term(("0", "a lot")))], r"in eu-central-1: AWS's price can't be read"),
        ([product("NODE", "BoxUsage:r7g.xlarge", term(("0", "0.2"), ("5", "0")))], r"in eu-central-1: AWS's price is zero"),
        ([product("NODE", "BoxUsage:r7g.xlarge", {"termAttributes": {}})], r"in eu-central-1: AWS's price can't be read"),
        (["{}"], r"the Price List API answered what is no product"),
        (["<html>"], r"the Price List API answered what is no product"),
    ],
)
def test_what_is_not_one_price_is_refused(place: Path, rows: list[str], wrong: str) -> None:
    with pytest.raises(KcError, match=wrong):
        refreshed(place, node(*rows))


def test_a_price_that_aws_does_not_tell_is_left_and_told(place: Path) -> None:
    found = refreshed(place, node(product("OTHER", "EUC1-DedicatedUsage:r7g.xlarge", term(("0", "0.27")))))
    assert found.missing == [f"AmazonEC2 BoxUsage:r7g.xlarge{of} in eu-central-1" for of in ("", " (reserved)")]
    assert not found.files


def test_a_price_that_changed_too_much_is_left_and_told(place: Path) -> None:
    found = refreshed(place, node(product("NODE", "EUC1-BoxUsage:r7g.xlarge", term(("0", "250"), unit="1000 Hrs"))))
    assert found.doubtful == [
        {"sku": "AmazonEC2 BoxUsage:r7g.xlarge in eu-central-1", "before": "0.25 USD/Hrs", "after": "250 USD/1000 Hrs"}
    ]
    assert not found.files


def test_a_region_that_is_new_gets_its_own_prices(place: Path) -> None:
    """It was priced by Frankfurt's; its prefix is not known before."""
    (place / "proxies.yml").write_text("me-west-1: [eu-central-1]\n")
    service, _, filters = NODE
    new = product("NEW", "MEW1-BoxUsage:r7g.xlarge", term(("0", "0.29")))
    found = refreshed(place, node(R7G), (question(service, regionCode="me-west-1", instanceType="r7g.xlarge", **filters), [new], ""))
    assert found.added == ["AmazonEC2 BoxUsage:r7g.xlarge in me-west-1"]
    write(found, place)
    price = catalogue(place).price(Sku("AmazonEC2", "BoxUsage:r7g.xlarge", "me-west-1"))
    assert (price.tiers[0].price, price.kind) == (Decimal("0.29"), "list")
    assert catalogue(place).price(price.sku._replace(term="reserved")).kind == "proxy", "what AWS does not have there yet"


ELSEWHERE = """\
AWSELB:
- {usage: LoadBalancerUsage, unit: Hrs, price: '0.02', kind: list, effective: 2026-09-25, source: A}
AmazonCloudFront:
- {usage: 'ME-DataTransfer-Out-Bytes', unit: GB, tiers: {'1024': '0.11', '10240': '0.105'}, kind: list, effective: 2026-09-25, source: A}
"""


def test_an_allowance_is_no_price_and_another_service_may_have_it(place: Path) -> None:
    """The first tier of CloudFront is free, and us-east-1 has its balancers under EC2."""
    (place / "eu-central-1.yml").unlink()
    (place / "us-east-1.yml").write_text(ELSEWHERE)
    balancer = {"regionCode": "us-east-1", "productFamily": "Load Balancer-Application"}
    edge = product("EDGE", "ME-DataTransfer-Out-Bytes", term(("10240", "0.104"), ("0", "0.0000000000"), ("1024", "0.11"), unit="GB"))
    found = refreshed(
        place,
        (question("AWSELB", **balancer), [], ""),
        (question("AmazonCloudFront"), [edge, product("EU", "EU-DataTransfer-Out-Bytes", term(("0", "0.085")))], ""),
        (question("AmazonEC2", **balancer), [product("LB", "LoadBalancerUsage", term(("0", "0.0225")))], ""),
    )
    assert [(one["before"], one["after"]) for one in found.prices] == [
        ("0.02 USD/Hrs", "0.0225 USD/Hrs"),
        ("0.11 above 1024, 0.105 above 10240 USD/GB", "0.11 above 1024, 0.104 above 10240 USD/GB"),
    ]
    assert "tiers: {'1024': '0.11', '10240': '0.104'}, kind: list" in found.files["us-east-1.yml"][1]


@pytest.mark.parametrize(
    ("sku", "services", "filters", "fits", "others"),
    [
        (
            Sku("AmazonRDS", "Multi-AZUsage:db.r6g.2xl", "me-south-1"),
            ["AmazonRDS"],
            {"databaseEngine": "MySQL", "deploymentOption": "Multi-AZ", "instanceType": "db.r6g.2xlarge", "locationType": "AWS Region"},
            "MES1-Multi-AZUsage:db.r6g.2xl",
            ["MES1-Multi-AZClusterUsage:db.r6g.2xl", "MES1-InstanceUsage:db.r6g.2xl"],
        ),
        (
            Sku("AmazonRDS", "InstanceUsage:db.m6g.xl", "eu-central-1"),
            ["AmazonRDS"],
            {"databaseEngine": "MySQL", "deploymentOption": "Single-AZ", "instanceType": "db.m6g.xlarge", "locationType": "AWS Region"},
            "EUC1-InstanceUsage:db.m6g.xl",
            ["EUC1-InstanceUsage:db.m6g.xlarge"],
        ),
        (Sku("AmazonECS", "Fargate-GB-Hours", "us-east-1"), ["AmazonECS"], {}, "USE1-Fargate-GB-Hours", ["USE1-Fargate-ARM-GB-Hours"]),
        (
            Sku("AmazonECS", "Fargate-ARM-vCPU-Hours:perCPU", "eu-central-1", "spot"),
            ["AmazonECS"],
            {},
            "EUC1-SpotUsage-Fargate-ARM-vCPU-Hours:perCPU",
            ["EUC1-Fargate-ARM-vCPU-Hours:perCPU"],
        ),
        (
            Sku("AmazonEC2", "NatGateway-Bytes", "eu-central-1"),
            ["AmazonEC2"],
            {"productFamily": "NAT Gateway"},
            "EUC1-NatGateway-Bytes",
            ["EUC1-RegionalNatGateway-Bytes", "EUC1-NatGateway-Prvd-Bytes"],
        ),
        (
            Sku("AWSELB", "LCUUsage", "eu-central-1"),
            ["AWSELB", "AmazonEC2"],
            {"productFamily": "Load Balancer-Application"},
            "EUC1-LCUUsage",
            ["EUC1-ReservedLCUUsage"],
        ),
        (Sku("awskms", "KMS-Keys", "eu-central-1"), ["awskms"], {}, "eu-central-1-KMS-Keys", ["eu-central-1-KMS-Keys-Other"]),
        (
            Sku("AmazonS3", "TimedStorage-ByteHrs", "eu-central-1"),
            ["AmazonS3"],
            {},
            "EUC1-TimedStorage-ByteHrs",
            ["EUC1-TimedStorage-INT-FA-ByteHrs", "EUC1-EBS-TimedStorage-ByteHrs"],
        ),
    ],
    ids=lambda one: one.usage if isinstance(one, Sku) else "",
)
def test_each_sku_is_asked_for_so(sku: Sku, services: list[str], filters: dict[str, str], fits: str, others: list[str]) -> None:
    found = asked(sku)
    assert found
    assert [query.service for query in found.queries] == services
    assert dict(found.queries[0].filters) == {"regionCode": sku.region, **filters}
    assert found.fits(fits, {})
    assert not any(found.fits(other, {}) for other in others)


def test_transfer_between_regions_is_told_by_the_other_one() -> None:
    found = asked(Sku("AWSDataTransfer", "AWS-Out-Bytes:eu-central-1", "me-south-1"))
    assert found
    assert dict(found.queries[0].filters) == {"fromRegionCode": "me-south-1", "transferType": "InterRegion Outbound"}
    assert found.fits("MES1-EUC1-AWS-Out-Bytes", {"toRegionCode": "eu-central-1"})
    assert not found.fits("MES1-EUW1-AWS-Out-Bytes", {"toRegionCode": "eu-west-1"})
    assert not found.fits("MES1-EUC1-AWS-In-Bytes", {"toRegionCode": "eu-central-1"})


def test_every_line_of_the_catalogue_can_be_asked_for_or_has_no_price_there() -> None:
    for sku in catalogue().prices:
        assert asked(sku) or sku.term == "savings_plan" or (sku.term == "spot" and sku.service == "AmazonEC2"), sku


def test_files_are_written_back_as_they_are() -> None:
    for file in sorted(kept.HERE.glob("*-*-*.yml")):
        text = file.read_text()
        lines = read(text, file.stem)
        assert catalogue().prices.keys() >= lines.keys()
        assert sum("{usage:" in line for line in text.splitlines()) == len(lines)
        assert written(text, file.stem, lines.values()) == text
        changed = [replace(line, source="P") for line in lines.values()]
        again = read(written(text, file.stem, changed), file.stem)
        assert [*again.values()] == changed
        assert max(map(len, written(text, file.stem, changed).splitlines())) <= LONGEST


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("AmazonEC2:\n- usage: 'BoxUsage:r7g.xlarge'\n  unit: Hrs\n", r"prices/eu-central-1.yml, line 2: .* is no price in braces"),
        ("AmazonEC2:\n  - {usage: 'BoxUsage:r7g.xlarge',\n     unit: Hrs\n", r"prices/eu-central-1.yml ends within a price"),
    ],
)
def test_a_file_that_could_not_be_written_back_is_refused(text: str, wrong: str) -> None:
    with pytest.raises(KcError, match=wrong):
        read(text, "eu-central-1")


def test_a_line_is_added_where_it_is_due() -> None:
    """By service, usage type and term; a comment in between stays."""
    text = "# Here.\nAWSBackup:\n# not on Sundays\n- {usage: B, unit: GB, price: '1', kind: list, effective: 2026-09-25, source: A}\n"
    line = next(iter(read(text, "eu-west-1").values()))
    more = [
        replace(line, sku=Sku(*sku))
        for sku in (("awskms", "K", "eu-west-1"), ("AWSBackup", "C", "eu-west-1"), ("AWSBackup", "A", "eu-west-1"))
    ]
    found = [*written(text, "eu-west-1", more).splitlines()]
    assert [part.split(",")[0] for part in found] == [
        "# Here.", "AWSBackup:", "# not on Sundays", "- {usage: 'A'", "- {usage: B", "- {usage: 'C'", "awskms:", "- {usage: 'K'",
    ]  # fmt: skip
