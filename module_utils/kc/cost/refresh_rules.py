"""What to ask the AWS Price List API for a SKU, and which of the rows that it answers is the SKU's. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from .model import Sku

REGION = "regionCode"
FROM = "fromRegionCode"
"""What a row of data transfer has instead: it has two regions."""

LINUX = {"operatingSystem": "Linux", "tenancy": "Shared", "preInstalledSw": "NA", "capacitystatus": "Used"}
MYSQL = {"databaseEngine": "MySQL", "locationType": "AWS Region"}
"""Of RDS; `locationType` leaves out Outposts, and a deployment option in full those with readable standbys."""

PREFIX = r"(?:[A-Z]{2,4}\d{0,2}-|[a-z]{2}-[a-z]+-\d-)?"
"""How usage types begin: `EUC1-` in eu-central-1, nothing in us-east-1 for the older ones, the region's own code in KMS. A region that is
new needs no line anywhere: rows are asked for by region, so whatever prefix they have is that region's."""


class Query(NamedTuple):
    """A question to the API; questions that are the same are asked once."""

    service: str
    filters: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Rule:
    """How SKUs of one shape are asked for.

    Attributes:
        service: Service code.
        usage: Pattern of the whole usage type in the catalogue; its named groups may be used below, as in `{type}`.
        filters: What to ask for; all rows of a service where it is empty.
        where: By which field a region is told; None for what is the same in all.
        rows: Pattern of a row's usage type, the usage type of the catalogue itself where it is empty; `{usage}` is that.
        having: Attributes that a row must have, and that can't be asked for.
        elsewhere: Service codes under which regions have it that have it not under `service`.
    """

    service: str
    usage: str
    filters: Mapping[str, str] = field(default_factory=dict)
    where: str | None = REGION
    rows: str = PREFIX + "{usage}"
    having: Mapping[str, str] = field(default_factory=dict)
    elsewhere: tuple[str, ...] = ()


RULES = (
    Rule("AmazonEC2", r"BoxUsage:(?P<type>\S+)", {**LINUX, "instanceType": "{type}"}),
    Rule("AmazonEC2", r"EBS:Volume\S+\.gp3", {"volumeApiName": "gp3"}),
    Rule("AmazonEC2", r"EBS:SnapshotUsage", {"productFamily": "Storage Snapshot"}),
    Rule("AmazonEC2", r"NatGateway-(?:Hours|Bytes)", {"productFamily": "NAT Gateway"}),
    Rule("AmazonRDS", r"InstanceUsage:(?P<class>db\.\S+)", {**MYSQL, "deploymentOption": "Single-AZ", "instanceType": "{class}"}),
    Rule("AmazonRDS", r"Multi-AZUsage:(?P<class>db\.\S+)", {**MYSQL, "deploymentOption": "Multi-AZ", "instanceType": "{class}"}),
    Rule("AmazonRDS", r"RDS:GP3-Storage", {**MYSQL, "deploymentOption": "Single-AZ", "productFamily": "Database Storage"}),
    Rule("AmazonRDS", r"RDS:Multi-AZ-GP3-Storage", {**MYSQL, "deploymentOption": "Multi-AZ", "productFamily": "Database Storage"}),
    Rule("AmazonRDS", r"RDS:ChargedBackupUsage", {"databaseEngine": "MySQL", "productFamily": "Storage Snapshot"}),
    # ALB, NLB and Classic Load Balancers have usage types in common; us-east-1 has them under EC2
    Rule("AWSELB", r"LoadBalancerUsage|LCUUsage", {"productFamily": "Load Balancer-Application"}, elsewhere=("AmazonEC2",)),
    Rule("AWSDataTransfer", r"DataTransfer-Out-Bytes", {"transferType": "AWS Outbound"}, where=FROM),
    Rule("AWSDataTransfer", r"DataTransfer-Regional-Bytes", {"transferType": "IntraRegion"}, where=FROM),
    Rule(
        "AWSDataTransfer",
        r"AWS-Out-Bytes:(?P<to>\S+)",
        {"transferType": "InterRegion Outbound"},
        where=FROM,
        rows=r"[A-Z0-9]+-[A-Z0-9]+-AWS-Out-Bytes",
        having={"toRegionCode": "{to}"},
    ),
    # the prefix of an edge is no region's, and so is in the catalogue
    Rule("AmazonCloudFront", r"\S+", where=None, rows="{usage}"),
    Rule("AmazonRoute53", r"\S+", where=None, rows="{usage}"),
    *(
        Rule(service, r"\S+")
        for service in (
            *("AWSBackup", "AWSQueueService", "AWSSecretsManager", "AmazonCloudWatch", "AmazonECR", "AmazonECS", "AmazonS3", "AmazonSNS"),
            *("AmazonVPC", "awskms", "awswaf"),
        )
    ),
)
"""The first that fits a SKU is its rule."""

SPOT = r"Fargate-\S+"
"""What of Spot has a price: of EC2 it changes by the minute, and the API has none."""


@dataclass(frozen=True)
class Asked:
    """A SKU with what to ask for it.

    Attributes:
        queries: One after the other, until one has a row.
    """

    sku: Sku
    queries: tuple[Query, ...]
    rows: re.Pattern[str]
    having: Mapping[str, str]

    def fits(self, usage: str, attributes: Mapping[str, str]) -> bool:
        """Whether a row is this SKU's."""
        return bool(self.rows.fullmatch(usage)) and all(attributes.get(name) == value for name, value in self.having.items())


def asked(sku: Sku) -> Asked | None:
    """Return what to ask for a SKU; None where the API has no price of its kind."""
    if sku.term == "savings_plan" or (sku.term == "spot" and not re.fullmatch(SPOT, sku.usage)):
        return None
    for rule in RULES:
        match = re.fullmatch(rule.usage, sku.usage)
        if rule.service != sku.service or match is None:
            continue
        known = {name: _class(value) if name == "class" else value for name, value in match.groupdict().items()}
        filters = {name: value.format(**known) for name, value in rule.filters.items()}
        if rule.where:
            filters[rule.where] = sku.region
        queries = tuple(Query(service, tuple(sorted(filters.items()))) for service in (rule.service, *rule.elsewhere))
        usage = f"SpotUsage-{sku.usage}" if sku.term == "spot" else sku.usage
        rows = re.compile(rule.rows.replace("{usage}", re.escape(usage)))
        return Asked(sku, queries, rows, {name: value.format(**known) for name, value in rule.having.items()})
    return None


def _class(short: str) -> str:
    """Return an instance class; usage types say `2xl` where a class is called `2xlarge`."""
    return re.sub(r"(?<=[\d.])xl$", "xlarge", short)
