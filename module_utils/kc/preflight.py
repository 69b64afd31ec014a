"""Whether the account is the right one and has room for what the inventory wants. Reads only."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Literal

from . import limits
from .aws.session import Aws
from .errors import KcError
from .model import Resource
from .scope import Scope

Needs = Mapping[str, Any]
Verdict = Literal["ok", "fail", "unknown"]

CONTROL = {"aws": "us-east-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}
"""The region of each partition that is always enabled; account-wide things are asked there."""

IMPATIENT: dict[str, Any] = {"connect_timeout": 3.0, "read_timeout": 10.0, "attempts": 2}
"""What of a `Connection` is different here: a check that takes longer would rather be told as "unknown", and a region
that is lost is not waited for. The inventory's own time-outs are for work."""


@dataclass(frozen=True)
class Check:
    """What was looked at, and how it is.

    Attributes:
        verdict: `unknown` where AWS does not tell; never counted as enough.
        detail: What was found, and for a failure what to do.
    """

    check: str
    region: str
    verdict: Verdict
    detail: str

    @property
    def line(self) -> str:
        return f"{self.region}: {self.check}: {self.detail}"

    def facts(self) -> dict[str, str]:
        """Return the check as data."""
        return asdict(self)


@dataclass(frozen=True)
class View:
    """What a check looks at: an account in one region, for whom, and what is needed there."""

    aws: Aws
    scope: Scope
    needs: Needs

    @property
    def control(self) -> Aws:
        """The account seen from the region where account-wide things are asked."""
        return self.aws.at(CONTROL.get(self.scope.partition, self.scope.region))

    def others(self, items: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Return the items that are not this platform's: what is ours already is not needed again."""
        ours = {("Platform", self.scope.platform), ("Environment", self.scope.environment)}
        return [item for item in items if not ours <= {(tag["Key"], tag["Value"]) for tag in item.get("Tags") or []}]

    def untold(self, what: str, need: int, error: KcError) -> Check:
        """Return a check of this region whose question got no answer."""
        why = f"{error.operation} answered {error.code}" if error.operation and error.code else error.message
        return self.check(what, "unknown", f"{need} needed; AWS does not tell: {why}")

    def check(self, what: str, verdict: Verdict, detail: str) -> Check:
        """Return a check of this region."""
        return Check(what, self.scope.region, verdict, detail)


@dataclass(frozen=True)
class Quota:
    """A quota of Service Quotas, and how to count what it limits.

    Attributes:
        need: Key of `Needs`.
        code: Quota code; the AWS General Reference lists them on each service's page.
        taken: What others take of it; None where it counts inside something that is ours alone.
        unit: How much of what is counted one unit of the quota is.
    """

    what: str
    need: str
    service: str
    code: str
    taken: Callable[[View], int] | None = None
    unit: int = 1


def needs(resources: Iterable[Resource]) -> dict[str, Any]:
    """Return what resources need of an account."""
    wanted = [resource for resource in resources if resource.desired is not None]
    kinds = Counter(resource.kind.name for resource in wanted)

    def of(kind: str) -> list[tuple[str, Mapping[str, Any]]]:
        return [(resource.name, resource.desired or {}) for resource in wanted if resource.kind.name == kind]

    zones = {name: about["zone"] for name, about in of("volume")}
    fargate = _fargate(dict(of("task_definition")), dict(of("service")), dict(of("scalable_target")))
    root_volumes = [disk for _, about in of("launch_template") for disk in about["disks"]]
    return {
        "zones": sorted({about["zone"] for _, about in of("subnet")}),
        "vpcs": kinds["vpc"],
        "addresses": kinds["address"],
        "nat_gateways": max(Counter(about["subnet"].name for _, about in of("nat_gateway")).values(), default=0),
        "interface_endpoints": sum(about["type"] == "Interface" for _, about in of("endpoint")),
        "types": sorted({f"{about['type']} in {zones[name]}" for name, about in of("instance") if name in zones}),
        "vcpus": sum(limits.vcpus(about["type"]) for _, about in of("instance")),
        "fargate": fargate["FARGATE"],
        "fargate_spot": fargate["FARGATE_SPOT"],
        "gp3_gib": sum(disk["size"] for disk in [*(about for _, about in of("volume")), *root_volumes]),
        "rules": max((len(about[way]) for _, about in of("security_group_rules") for way in ("ingress", "egress")), default=0),
        "buckets": sorted(name for name, _ in of("bucket")),
        "roles": sorted(name for name, _ in of("role")),
    }


def _fargate(tasks: Mapping[str, Any], services: Mapping[str, Any], targets: Mapping[str, Any]) -> Counter[str]:
    """Return the CPU units that services take at most, by capacity provider."""
    found: Counter[str] = Counter()
    for name, target in targets.items():
        strategy = services[name]["capacity"]
        rest = target["max"] - sum(one["base"] for one in strategy)
        weights = sum(one["weight"] for one in strategy)
        for one in strategy:
            found[one["capacityProvider"]] += tasks[name]["cpu"] * (one["base"] + math.ceil(max(0, rest) * one["weight"] / weights))
    return found


def preflight(aws: Aws, scope: Scope, needs: Needs) -> list[Check]:
    """Check credentials, account, region, zones and quotas.

    What can't be asked because something before it failed is left out.
    """
    view = View(aws, scope, needs)
    checks = [_region(view)]
    if checks[0].verdict != "fail":
        checks.append(_account(view))
    if any(check.verdict == "fail" for check in checks):
        return checks
    looks: list[Callable[[], Check]] = [partial(_quota, view, quota) for quota in QUOTAS if needs.get(quota.need)]
    looks += [partial(look, view) for need, look in (("zones", _zones), ("types", _types), ("roles", _roles)) if needs.get(need)]
    return [*checks, *aws.map(lambda look: look(), looks)]


def _region(view: View) -> Check:
    region = view.scope.region
    try:
        filters = [{"Name": "region-name", "Values": [region]}]
        found = view.control.call("ec2", "describe_regions", AllRegions=True, Filters=filters)["Regions"]
    except KcError as error:
        if error.transient:
            return view.check("region", "unknown", f"AWS did not tell whether it is enabled: {error.message}")
        return view.check("region", "fail", str(error))
    if not found:
        return view.check("region", "fail", "AWS offers this account no such region: choose another one as host")
    status = found[0].get("OptInStatus", "opt-in-not-required")
    if status == "not-opted-in":
        how = f"run `aws account enable-region --region-name {region}` and wait until it is (minutes to hours)"
        return view.check("region", "fail", f"it is not enabled for the account: {how}")
    return view.check("region", "ok", status)


def _account(view: View) -> Check:
    try:
        account = view.aws.call("sts", "get_caller_identity")["Account"]
    except KcError as error:
        return view.check("credentials", "fail", str(error))
    if account != view.scope.account:
        how = "use the other account's credentials or inventory"
        return view.check("account", "fail", f"the credentials are for {account}, kc_account says {view.scope.account}: {how}")
    return view.check("account", "ok", account)


def _zones(view: View) -> Check:
    filters = [{"Name": "zone-type", "Values": ["availability-zone"]}, {"Name": "state", "Values": ["available"]}]
    try:
        zones = view.aws.call("ec2", "describe_availability_zones", Filters=filters)["AvailabilityZones"]
    except KcError as error:
        return view.untold("zones", len(view.needs["zones"]), error)
    known = sorted(zone["ZoneName"] for zone in zones)
    lacking = [zone for zone in view.needs["zones"] if zone not in known]
    if lacking:
        how = f"choose kc_network_zones from {', '.join(known) or 'none'}"
        return view.check("zones", "fail", f"not available to this account: {', '.join(lacking)}; {how}")
    return view.check("zones", "ok", f"{len(known)} available")


def _types(view: View) -> Check:
    """Whether the zones have the instance types; a new region begins with few."""
    needed: list[str] = view.needs["types"]
    types = sorted({each.split(" in ")[0] for each in needed})
    by = {"LocationType": "availability-zone", "Filters": [{"Name": "instance-type", "Values": types}]}
    try:
        offered = view.aws.pages("ec2", "describe_instance_type_offerings", "InstanceTypeOfferings", **by)
    except KcError as error:
        return view.untold("instance types", len(needed), error)
    have = {f"{one['InstanceType']} in {one['Location']}" for one in offered}
    lacking = [each for each in needed if each not in have]
    if lacking:
        return view.check("instance types", "fail", f"AWS offers no {', no '.join(lacking)}: choose another type, or another zone")
    return view.check("instance types", "ok", f"{', '.join(types)} offered")


def _roles(view: View) -> Check:
    need = len(view.needs["roles"])
    try:
        summary = view.aws.call("iam", "get_account_summary")["SummaryMap"]
        ours = len(view.aws.pages("iam", "list_roles", "Roles", PathPrefix=f"/{view.scope.path}"))
    except KcError as error:
        return view.untold("IAM roles", need, error)
    return _judged(view, "IAM roles", need, summary["Roles"] - ours, summary["RolesQuota"])


def _quota(view: View, quota: Quota) -> Check:
    given = view.needs[quota.need]
    need = len(given) if isinstance(given, (list, tuple)) else int(given)
    try:
        limit = _limit(view, quota)
        if limit is None:
            return view.check(quota.what, "unknown", f"{need} needed; AWS does not tell the quota ({quota.code})")
        return _judged(view, quota.what, need, quota.taken(view) if quota.taken else 0, limit * quota.unit, quota.code)
    except KcError as error:
        return view.untold(quota.what, need, error)


def _limit(view: View, quota: Quota) -> int | None:
    """Return the account's quota, or AWS's default where the account has none of its own."""
    aws = view.control if quota.service == "s3" else view.aws
    which = {"ServiceCode": quota.service, "QuotaCode": quota.code}
    found = aws.find("service-quotas", "get_service_quota", **which)
    found = found or aws.find("service-quotas", "get_aws_default_service_quota", **which)
    return int(found["Quota"]["Value"]) if found else None


def _judged(view: View, what: str, need: int, taken: int, limit: int, code: str = "") -> Check:
    detail = f"{need} needed, {limit - taken} of {limit} free"
    if taken + need <= limit:
        return view.check(what, "ok", detail)
    ask = f"ask for more (Service Quotas, {code})" if code else "ask for more"
    return view.check(what, "fail", f"{detail}: {ask}, or delete what is not used")


def _vpcs(view: View) -> int:
    return len(view.others(view.aws.pages("ec2", "describe_vpcs", "Vpcs")))


def _addresses(view: View) -> int:
    return len(view.others(view.aws.call("ec2", "describe_addresses")["Addresses"]))


def _nat_gateways(view: View) -> int:
    """Return how many stand in the fullest of the zones wanted: this quota counts by zone."""
    states = [{"Name": "state", "Values": ["pending", "available", "deleting"]}]
    gateways = view.others(view.aws.pages("ec2", "describe_nat_gateways", "NatGateways", Filters=states))
    if not gateways:
        return 0
    zones = {subnet["SubnetId"]: subnet["AvailabilityZone"] for subnet in view.aws.pages("ec2", "describe_subnets", "Subnets")}
    counts = Counter(zones.get(gateway["SubnetId"], "") for gateway in gateways)
    return max((counts[zone] for zone in view.needs.get("zones") or []), default=0)


def _vcpus(view: View) -> int:
    """Return the vCPUs of others' instances; a type that is not known here has told its own count."""
    states = [{"Name": "instance-state-name", "Values": ["pending", "running"]}]
    reservations = view.aws.pages("ec2", "describe_instances", "Reservations", Filters=states)
    others = view.others(one for reservation in reservations for one in reservation["Instances"])
    return sum(_vcpus_of(one) for one in others if re.match(STANDARD, one["InstanceType"]) and one.get("InstanceLifecycle") != "spot")


def _vcpus_of(instance: Mapping[str, Any]) -> int:
    options = instance.get("CpuOptions") or {}
    return int(options["CoreCount"] * options["ThreadsPerCore"]) if options else limits.vcpus(instance["InstanceType"])


def _gp3(view: View) -> int:
    volumes = view.others(view.aws.pages("ec2", "describe_volumes", "Volumes", Filters=[{"Name": "volume-type", "Values": ["gp3"]}]))
    return sum(volume["Size"] for volume in volumes)


def _buckets(view: View) -> int:
    return len({bucket["Name"] for bucket in view.aws.pages("s3", "list_buckets", "Buckets")} - set(view.needs["buckets"]))


STANDARD = r"[acdhimrtz]\d"
"""How types begin that the quota of standard on-demand instances counts; those of reserved ones are in it too.
Amazon EC2 user guide, "EC2 On-Demand Instance quotas"."""

QUOTAS = (
    Quota("VPCs", "vpcs", "vpc", "L-F678F1CE", _vpcs),
    Quota("Elastic IPs", "addresses", "ec2", "L-0263D0A3", _addresses),
    Quota("NAT gateways a zone", "nat_gateways", "vpc", "L-FE5A380F", _nat_gateways),
    Quota("interface endpoints a VPC", "interface_endpoints", "vpc", "L-29B6F2EB"),
    Quota("rules a security group", "rules", "vpc", "L-0EA8095F"),
    Quota("vCPUs of standard instances", "vcpus", "ec2", "L-1216C47A", _vcpus),
    Quota("CPU units of Fargate tasks", "fargate", "fargate", "L-3032A538", unit=1024),
    Quota("CPU units of Fargate Spot tasks", "fargate_spot", "fargate", "L-36FBB829", unit=1024),
    Quota("GiB of gp3 volumes", "gp3_gib", "ebs", "L-7A658B76", _gp3, unit=1024),
    Quota("buckets", "buckets", "s3", "L-DC2B2D3D", _buckets),
)
