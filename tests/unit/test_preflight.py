"""The account's checks, against an AWS that is a table of answers."""

from __future__ import annotations

from typing import Any

import pytest
from kc.errors import KcError
from kc.model import Ref, Resource
from kc.preflight import Check, needs, preflight
from kc.scope import Scope
from kc.units.network import ADDRESS, ENDPOINT, NAT, RULES, SUBNET, VPC
from kc.units.nodes import INSTANCE, TEMPLATE, VOLUME
from kc.units.services import SERVICE, TARGET, TASK_DEFINITION

OURS = [{"Key": "Platform", "Value": "kc"}, {"Key": "Environment", "Value": "test"}]
SCOPE = Scope("kc", "test", "123456789012", "me-west-1", "preflight")

ANSWERS: dict[str, Any] = {
    "describe_regions": {"Regions": [{"RegionName": "me-west-1", "OptInStatus": "opted-in"}]},
    "get_caller_identity": {"Account": "123456789012"},
    "describe_availability_zones": {"AvailabilityZones": [{"ZoneName": f"me-west-1{zone}"} for zone in "abc"]},
    "describe_vpcs": [{"Tags": OURS}, {}],
    "describe_addresses": {"Addresses": [{}, {"Tags": OURS}]},
    "describe_nat_gateways": [{"SubnetId": "s1"}, {"SubnetId": "s1", "Tags": OURS}, {"SubnetId": "s2"}],
    "describe_subnets": [{"SubnetId": "s1", "AvailabilityZone": "me-west-1a"}, {"SubnetId": "s2", "AvailabilityZone": "me-west-1d"}],
    "describe_instances": [
        {"Instances": [{"InstanceType": "r7g.2xlarge", "Tags": OURS}, {"InstanceType": "m7g.large"}]},
        {"Instances": [{"InstanceType": "m9z.huge", "CpuOptions": {"CoreCount": 3, "ThreadsPerCore": 2}}]},
        {"Instances": [{"InstanceType": "m7g.large", "InstanceLifecycle": "spot"}, {"InstanceType": "inf2.xlarge"}]},
    ],
    "describe_instance_type_offerings": [
        {"InstanceType": type, "Location": f"me-west-1{zone}"} for type in ("r7g.2xlarge", "m7g.large") for zone in "ab"
    ],
    "describe_volumes": [{"Size": 500}, {"Size": 100, "Tags": OURS}],
    "list_buckets": [{"Name": "kc-test-media"}, {"Name": "other"}],
    "get_account_summary": {"SummaryMap": {"Roles": 10, "RolesQuota": 12}},
    "list_roles": [{}, {}],
    "L-F678F1CE": 5,
    "L-0263D0A3": 5,
    "L-FE5A380F": 5,
    "L-29B6F2EB": 50,
    "L-0EA8095F": 60,
    "L-DC2B2D3D": 10000,
    "L-1216C47A": 64,
    "L-7A658B76": 2,
    "L-3032A538": 6,
    "L-36FBB829": 6,
}
NEEDS = {
    "zones": ["me-west-1a", "me-west-1b"],
    "vpcs": 1,
    "addresses": 3,
    "nat_gateways": 1,
    "interface_endpoints": 8,
    "rules": 10,
    "types": ["m7g.large in me-west-1b", "r7g.2xlarge in me-west-1a"],
    "vcpus": 20,
    "gp3_gib": 1000,
    "fargate": 6144,
    "fargate_spot": 1024,
    "buckets": ["kc-test-media", "kc-test-static"],
    "roles": ["kc-test-a", "kc-test-b", "kc-test-c"],
}


class Table:
    """Answers by operation, or by quota code; an error is raised, a missing quota is not found."""

    def __init__(self, answers: dict[str, Any], region: str = "me-west-1") -> None:
        self.answers, self.region, self.asked = answers, region, []  # type: ignore[var-annotated]

    def at(self, region: str) -> Table:
        return self

    def map(self, act: Any, items: Any) -> list[Any]:
        return [act(item) for item in items]

    def call(self, service: str, operation: str, **params: Any) -> Any:
        self.asked.append(operation)
        answer = self.answers[operation]
        if isinstance(answer, KcError):
            raise answer
        return answer

    def pages(self, service: str, operation: str, key: str, **params: Any) -> Any:
        return self.call(service, operation, **params)

    def find(self, service: str, operation: str, **params: Any) -> Any:
        self.asked.append(operation)
        value = self.answers.get(params["QuotaCode"])
        if isinstance(value, KcError):
            raise value
        return {"Quota": {"Value": float(value)}} if value is not None else None


def run(changed: dict[str, Any] | None = None, needed: dict[str, Any] | None = None) -> list[Check]:
    return preflight(Table({**ANSWERS, **(changed or {})}), SCOPE, NEEDS if needed is None else needed)  # type: ignore[arg-type]


def test_a_ready_account() -> None:
    found = run()
    assert {check.verdict for check in found} == {"ok"}, found
    assert [check.check for check in found] == [
        "region",
        "account",
        "VPCs",
        "Elastic IPs",
        "NAT gateways a zone",
        "interface endpoints a VPC",
        "rules a security group",
        "vCPUs of standard instances",
        "CPU units of Fargate tasks",
        "CPU units of Fargate Spot tasks",
        "GiB of gp3 volumes",
        "buckets",
        "zones",
        "instance types",
        "IAM roles",
    ]


LOST = KcError("ec2:describe_regions in us-east-1 got no answer", transient=True)
DENIED = KcError(
    "ec2:x answered UnauthorizedOperation: no", code="UnauthorizedOperation", operation="ec2:x", hint="the credentials lack this permission"
)


@pytest.mark.parametrize(
    ("changed", "verdict", "says"),
    [
        ({"get_caller_identity": {"Account": "999999999999"}}, "fail", "are for 999999999999, kc_account says 123456789012"),
        ({"get_caller_identity": DENIED}, "fail", "credentials: ec2:x answered UnauthorizedOperation"),
        ({"describe_regions": {"Regions": [{"OptInStatus": "not-opted-in"}]}}, "fail", "aws account enable-region --region-name me-west-1"),
        ({"describe_regions": {"Regions": []}}, "fail", "AWS offers this account no such region"),
        ({"describe_regions": KcError("no AWS credentials were found", hint="sign in")}, "fail", "no AWS credentials were found. Sign in."),
        ({"describe_regions": LOST}, "unknown", "AWS did not tell whether it is enabled"),
        (
            {"describe_availability_zones": {"AvailabilityZones": [{"ZoneName": "me-west-1a"}]}},
            "fail",
            "not available to this account: me-west-1b; choose kc_network_zones from me-west-1a",
        ),
        ({"describe_availability_zones": DENIED}, "unknown", "zones: 2 needed; AWS does not tell: ec2:x answered UnauthorizedOperation"),
        ({"L-F678F1CE": 1}, "fail", "VPCs: 1 needed, 0 of 1 free: ask for more (Service Quotas, L-F678F1CE)"),
        ({"L-0263D0A3": 3}, "fail", "Elastic IPs: 3 needed, 2 of 3 free"),
        ({"L-FE5A380F": 1}, "fail", "NAT gateways a zone: 1 needed, 0 of 1 free"),
        ({"L-29B6F2EB": 5}, "fail", "interface endpoints a VPC: 8 needed, 5 of 5 free"),
        ({"L-0EA8095F": 9}, "fail", "rules a security group: 10 needed"),
        (
            {"describe_instance_type_offerings": [{"InstanceType": "r7g.2xlarge", "Location": "me-west-1a"}]},
            "fail",
            "instance types: AWS offers no m7g.large in me-west-1b: choose another type, or another zone",
        ),
        ({"describe_instance_type_offerings": DENIED}, "unknown", "instance types: 2 needed; AWS does not tell: ec2:x answered"),
        ({"L-1216C47A": 20}, "fail", "vCPUs of standard instances: 20 needed, 12 of 20 free: ask for more (Service Quotas, L-1216C47A)"),
        ({"L-3032A538": 5}, "fail", "CPU units of Fargate tasks: 6144 needed, 5120 of 5120 free"),
        ({"L-36FBB829": 0}, "fail", "CPU units of Fargate Spot tasks: 1024 needed, 0 of 0 free"),
        ({"L-7A658B76": 1}, "fail", "GiB of gp3 volumes: 1000 needed, 524 of 1024 free: ask for more (Service Quotas, L-7A658B76)"),
        ({"L-DC2B2D3D": 2}, "fail", "buckets: 2 needed, 1 of 2 free"),
        ({"get_account_summary": {"SummaryMap": {"Roles": 12, "RolesQuota": 12}}}, "fail", "IAM roles: 3 needed, 2 of 12 free"),
        ({"L-0263D0A3": None}, "unknown", "Elastic IPs: 3 needed; AWS does not tell the quota (L-0263D0A3)"),
        ({"L-0263D0A3": DENIED}, "unknown", "Elastic IPs: 3 needed; AWS does not tell: ec2:x answered UnauthorizedOperation"),
        ({"describe_vpcs": DENIED}, "unknown", "VPCs: 1 needed; AWS does not tell: ec2:x answered UnauthorizedOperation"),
        ({"list_roles": DENIED}, "unknown", "IAM roles: 3 needed; AWS does not tell: ec2:x answered UnauthorizedOperation"),
    ],
)
def test_one_thing_wrong(changed: dict[str, Any], verdict: str, says: str) -> None:
    wrong = [check for check in run(changed) if check.verdict != "ok"]
    assert [check.verdict for check in wrong] == [verdict]
    assert says in wrong[0].line
    assert wrong[0].line.startswith("me-west-1: ")


def test_all_failures_are_told() -> None:
    assert [check.check for check in run({"L-F678F1CE": 0, "L-0263D0A3": 0}) if check.verdict == "fail"] == ["VPCs", "Elastic IPs"]


def test_nothing_is_asked_with_the_wrong_account() -> None:
    aws = Table({**ANSWERS, "get_caller_identity": {"Account": "9"}})
    preflight(aws, SCOPE, NEEDS)  # type: ignore[arg-type]
    assert aws.asked == ["describe_regions", "get_caller_identity"]


def test_only_what_is_needed_is_asked() -> None:
    assert [check.check for check in run(needed={})] == ["region", "account"]


def fargate(name: str, cpu: int, most: int, *strategy: tuple[str, int, int]) -> list[Resource]:
    """Return a service of Fargate tasks, with its strategy as provider, base and weight."""
    capacity = [{"capacityProvider": provider, "base": base, "weight": weight} for provider, base, weight in strategy]
    desired = {TASK_DEFINITION: {"cpu": cpu}, SERVICE: {"capacity": capacity}, TARGET: {"max": most}}
    return [Resource(kind, name, about, "me-west-1") for kind, about in desired.items()]


def test_needs() -> None:
    rules = {"group": "g", "ingress": [1, 2, 3], "egress": [1]}
    found = needs(
        [
            Resource(VPC, "v", {}, "me-west-1"),
            Resource(VPC, "theirs", None, "eu-central-1", component="network"),
            Resource(SUBNET, "public-a", {"zone": "me-west-1a"}, "me-west-1"),
            Resource(SUBNET, "public-b", {"zone": "me-west-1b"}, "me-west-1"),
            Resource(ADDRESS, "a", {}, "me-west-1"),
            Resource(NAT, "a", {"subnet": Ref("subnet", "public-a")}, "me-west-1"),
            Resource(NAT, "b", {"subnet": Ref("subnet", "public-b")}, "me-west-1"),
            Resource(ENDPOINT, "s3", {"type": "Gateway"}, "me-west-1"),
            Resource(ENDPOINT, "kms", {"type": "Interface"}, "me-west-1"),
            Resource(RULES, "g", rules, "me-west-1"),
            Resource(INSTANCE, "n", {"type": "r7g.2xlarge"}, "me-west-1"),
            Resource(INSTANCE, "m", {"type": "m7g.large"}, "me-west-1"),
            Resource(TEMPLATE, "n", {"disks": [{"size": 16}]}, "me-west-1"),
            Resource(VOLUME, "n", {"size": 100, "zone": "me-west-1a"}, "me-west-1"),
            Resource(VOLUME, "m", {"size": 20, "zone": "me-west-1b"}, "me-west-1"),
            *fargate("web", 512, 6, ("FARGATE", 0, 1)),
            *fargate("worker", 2048, 12, ("FARGATE", 1, 0), ("FARGATE_SPOT", 0, 1)),
            *fargate("mixed", 256, 4, ("FARGATE", 1, 1), ("FARGATE_SPOT", 0, 1)),
        ]
    )
    assert found == {
        "zones": ["me-west-1a", "me-west-1b"],
        "vpcs": 1,
        "addresses": 1,
        "nat_gateways": 1,
        "interface_endpoints": 1,
        "rules": 3,
        "types": ["m7g.large in me-west-1b", "r7g.2xlarge in me-west-1a"],
        "vcpus": 10,
        "gp3_gib": 136,
        "fargate": 6 * 512 + 2048 + 3 * 256,
        "fargate_spot": 11 * 2048 + 2 * 256,
        "buckets": [],
        "roles": [],
    }
