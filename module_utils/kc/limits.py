"""What AWS allows, as data with its source, and the pure checks that read it.

A check returns what is wrong and what to do, in one line, or None.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import botocore.session

VPC_PREFIX = (16, 28)
"""Prefix lengths of a VPC, biggest network first. Amazon VPC user guide, "VPC CIDR blocks"."""

SUBNET_PREFIX = (16, 28)
"""Prefix lengths of a subnet. Amazon VPC user guide, "Subnet CIDR blocks"."""

PRIVATE = tuple(ipaddress.IPv4Network(block) for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"))
"""What a VPC that is routed to others should lie in. RFC 1918 and RFC 6598."""

RESERVED = tuple(ipaddress.IPv4Network(block) for block in ("172.17.0.0/16",))
"""What AWS services use inside a VPC. Amazon VPC user guide, "VPC CIDR blocks" (Cloud9, SageMaker: Docker's bridge)."""

FARGATE: dict[int, tuple[int, ...]] = {
    256: (512, 1024, 2048),
    512: tuple(range(1024, 4096 + 1, 1024)),
    1024: tuple(range(2048, 8192 + 1, 1024)),
    2048: tuple(range(4096, 16384 + 1, 1024)),
    4096: tuple(range(8192, 30720 + 1, 1024)),
    8192: tuple(range(16384, 61440 + 1, 4096)),
    16384: tuple(range(32768, 122880 + 1, 8192)),
}
"""CPU units to MiB of memory (Linux). Amazon ECS developer guide, "Fargate task definition parameters: task size"."""

CONTAINER_HEALTH = {"interval": (5, 300), "timeout": (2, 60), "unhealthy": (1, 10), "grace": (0, 300)}
"""Seconds, seconds, looks and seconds of a container's health check, at least and at most (ECS API, HealthCheck)."""

STOP = (2, 120)
"""Seconds that a container may take to end, on Fargate. ECS API, ContainerDefinition: stopTimeout."""

CAPACITY = {"base": (0, 100_000), "on_demand": (0, 1000), "spot": (0, 1000)}
"""Base and weights of a capacity provider. ECS API, CapacityProviderStrategyItem."""

RDS_FAMILIES = {
    "t3": ("micro", "small", "medium", "large", "xlarge", "2xlarge"),
    "t4g": ("micro", "small", "medium", "large", "xlarge", "2xlarge"),
    "m5": ("large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge", "24xlarge"),
    "m6g": ("large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge"),
    "m6i": ("large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge", "24xlarge", "32xlarge"),
    "m7g": ("large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge"),
    "r5": ("large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge", "24xlarge"),
    "r6g": ("large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge"),
    "r6i": ("large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge", "24xlarge", "32xlarge"),
    "r7g": ("large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge"),
}
"""Families of RDS for MySQL and their sizes. Amazon RDS user guide, "DB instance classes": supported engines."""

QUEUE: dict[str, tuple[int, int]] = {
    "visibility_seconds": (0, 43_200),
    "max_receives": (1, 1000),
    "retention_days": (1, 14),
    "dead_days": (1, 14),
    "delay_seconds": (0, 900),
    "max_kib": (1, 1024),
    "key_reuse_seconds": (60, 86_400),
}
"""Settings of a queue, at least and at most. Amazon SQS API, "SetQueueAttributes"; developer guide, "Amazon SQS quotas"."""

EC2_VCPUS = {
    "medium": 1,
    "large": 2,
    "xlarge": 4,
    "2xlarge": 8,
    "4xlarge": 16,
    "8xlarge": 32,
    "12xlarge": 48,
    "16xlarge": 64,
    "24xlarge": 96,
}
"""vCPUs of a size, in all families below but burstable ones. Amazon EC2 instance types guide, specifications."""

BURSTABLE_VCPUS = {"nano": 2, "micro": 2, "small": 2, "medium": 2, "large": 2, "xlarge": 4, "2xlarge": 8}
"""vCPUs of a size of the families whose name begins with t."""

_GRAVITON = ("medium", "large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge")
_X86 = ("large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge", "24xlarge")
EC2_FAMILIES: dict[str, tuple[str, tuple[str, ...]]] = {
    "t3": ("x86_64", tuple(BURSTABLE_VCPUS)),
    "t4g": ("arm64", tuple(BURSTABLE_VCPUS)),
    **dict.fromkeys(("c6g", "c7g", "m6g", "m7g", "r6g", "r7g"), ("arm64", _GRAVITON)),
    **dict.fromkeys(("c8g", "m8g", "r8g"), ("arm64", (*_GRAVITON, "24xlarge"))),
    **dict.fromkeys(("c6i", "c7i", "m6i", "m7i", "r6i", "r7i"), ("x86_64", _X86)),
}
"""Families that database nodes may be of, with architecture and sizes: EBS only, on the Nitro system. Same source."""

RESERVED_HOSTS = (4, 1)
"""How many addresses AWS keeps at the beginning and the end of a subnet. Amazon VPC user guide, "Subnet CIDR blocks"."""

GP3_SIZE, GP3_IOPS, GP3_THROUGHPUT = (1, 65_536), (3_000, 80_000), (125, 2_000)
"""GiB, IOPS and MiB/s of a gp3 volume. Amazon EBS user guide, "General Purpose SSD volumes"."""

GP3_IOPS_A_GIB, GP3_IOPS_A_MIB = 500, 4
"""IOPS that a GiB allows at most (above the 3,000 that all have), and that a MiB/s needs. Same source."""

TLS_POLICIES = (
    "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09",
    "ELBSecurityPolicy-TLS13-1-2-Res-2021-06",
    "ELBSecurityPolicy-TLS13-1-2-PQ-2025-09",
    "ELBSecurityPolicy-TLS13-1-2-2021-06",
    "ELBSecurityPolicy-TLS13-1-3-PQ-2025-09",
    "ELBSecurityPolicy-TLS13-1-3-2021-06",
)
"""TLS policies of a load balancer with TLS 1.2 at least and forward secrecy always.
Application Load Balancer user guide, "Security policies"."""

HEALTH_CHECK = {"interval": (5, 300), "timeout": (2, 120), "unhealthy": (2, 10)}
"""Seconds, seconds and looks of a target group's health check, at least and at most (ELBv2 API, CreateTargetGroup)."""

HEALTHY = (2, 10)
"""Looks that a target must pass until it gets requests (the same page)."""

DRAINING = (0, 3600)
"""Seconds that a target may take to end its requests (ELBv2 API, TargetGroupAttribute)."""

SLOW_START = (30, 900)
"""Seconds in which a new target gets its share, where it is not 0 (ELBv2 API, TargetGroupAttribute)."""

IDLE = (1, 4000)
"""Seconds after which a silent connection is closed (ELBv2 API, LoadBalancerAttribute)."""

RULE_VALUES = 5
"""Hosts and paths of one rule, together. Application Load Balancer user guide, "Quotas": condition values per rule."""

RULE_VALUE = 128
"""Characters of a host or a path (ELBv2 API, HostHeaderConditionConfig and PathPatternConditionConfig)."""

RULES = 100
"""Rules and target groups of one load balancer. Application Load Balancer user guide, "Quotas"."""

WAF_GROUPS = {
    "AWSManagedRulesAdminProtectionRuleSet": 100,
    "AWSManagedRulesAmazonIpReputationList": 25,
    "AWSManagedRulesAnonymousIpList": 50,
    "AWSManagedRulesCommonRuleSet": 700,
    "AWSManagedRulesKnownBadInputsRuleSet": 200,
    "AWSManagedRulesLinuxRuleSet": 200,
    "AWSManagedRulesPHPRuleSet": 100,
    "AWSManagedRulesSQLiRuleSet": 200,
    "AWSManagedRulesUnixRuleSet": 100,
    "AWSManagedRulesWindowsRuleSet": 200,
    "AWSManagedRulesWordPressRuleSet": 100,
}
"""AWS's rule groups that cost nothing more, and their capacity units.
AWS WAF developer guide, "AWS Managed Rules rule groups list"."""

WAF_CAPACITY = 1500
"""Capacity units of a web ACL that its price includes. AWS WAF developer guide, "Web ACL capacity units (WCUs)"."""

WAF_LIMIT = (10, 2_000_000_000)
"""Requests of a rate, at least and at most (WAFV2 API, RateBasedStatement)."""

WAF_WINDOWS = (60, 120, 300, 600)
"""Seconds over which a rate is counted (WAFV2 API, RateBasedStatement)."""
ORIGIN_SHIELD = {
    **{region: region for region in ("us-east-1", "us-east-2", "us-west-2", "ap-south-1", "ap-northeast-1", "ap-northeast-2")},
    **{region: region for region in ("ap-southeast-1", "ap-southeast-2", "eu-central-1", "eu-west-1", "eu-west-2", "sa-east-1")},
    "me-central-1": "me-central-1",
    "us-west-1": "us-west-2",
    "ca-central-1": "us-east-1",
    "ap-east-1": "ap-southeast-1",
    "eu-south-1": "eu-central-1",
    "eu-west-3": "eu-west-2",
    "eu-north-1": "eu-west-2",
    "af-south-1": "eu-west-1",
    "me-south-1": "ap-south-1",
}
"""Where Origin Shield for an origin in a region stands; others, me-west-1 among them, have none that is documented.
Amazon CloudFront developer guide, "Use Origin Shield": choosing the AWS Region."""

VIEWER_TLS = ("TLSv1.2_2021", "TLSv1.2_2025", "TLSv1.3_2025")
"""Security policies that begin at TLS 1.2. Amazon CloudFront developer guide, "Supported protocols and ciphers between viewers
and CloudFront"."""

PRICE_CLASSES = {"most": "PriceClass_200", "all": "PriceClass_All", "cheapest": "PriceClass_100"}
"""Which edges serve. Amazon CloudFront developer guide, "Choose the price class": only `most` and `all` have the Middle East."""

CACHING_DISABLED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
"""Id of AWS's cache policy that keeps nothing. Amazon CloudFront developer guide, "Use managed cache policies"."""

ALL_VIEWER = "216adef6-5c7f-47e4-b989-5492eafa07d3"
"""Id of AWS's origin request policy that passes everything on, Host included. Amazon CloudFront developer guide, "Use managed
origin request policies"."""

ERROR_PAGES = (400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504)
"""Statuses that may have a page of their own. CloudFront API, CustomErrorResponse: ErrorCode."""

EDGE_SECONDS = {
    "connect_attempts": (1, 3),
    "connect_seconds": (1, 10),
    "read_seconds": (1, 60),
    "write_seconds": (1, 60),
    "bucket_seconds": (1, 120),
    "keepalive_seconds": (1, 60),
}
"""Least and most without a higher quota. Amazon CloudFront developer guide, "Origin settings"."""

RDS_STORAGE = (20, 65536)
"""GiB of a gp3 volume. Amazon RDS user guide, "gp3 storage"."""

RDS_FAST_STORAGE = 400
"""GiB from which on RDS for MySQL stripes a gp3 volume, and its IOPS and throughput can be set. There too."""

RDS_IOPS, RDS_THROUGHPUT = (12000, 64000), (500, 4000)
"""IOPS and MiB/s of such a volume. There too."""

RDS_BACKUP_DAYS = range(1, 36)
"""Days that automated backups are kept; without them an instance has no replica. Amazon RDS user guide, "Backup retention period"."""

RDS_INSIGHTS_DAYS = (0, 7, *range(31, 24 * 31, 31), 731)
"""Days that Performance Insights keeps its data; 0 is without it. RDS API, CreateDBInstance."""

RDS_MONITORING_SECONDS = (0, 1, 5, 10, 15, 30, 60)
"""Seconds between Enhanced Monitoring's metrics; 0 is without it. RDS API, CreateDBInstance."""

RDS_WINDOW = 30
"""Minutes of a backup or maintenance window at least. RDS API, CreateDBInstance."""

CLOUDFRONT_ZONE = "Z2FDTNDATAQYW2"
"""The zone that every distribution's name is in, for aliases. AWS general reference, "Amazon CloudFront endpoints and quotas"."""

CHECKERS = 3
"""Regions that a health check's checkers are in, at least. Route 53 API, HealthCheckConfig: Regions."""

RECORD_TYPES = ("A", "AAAA", "CAA", "CNAME", "DS", "HTTPS", "MX", "NAPTR", "NS", "PTR", "SRV", "SSHFP", "SVCB", "TLSA", "TXT")
"""Types of records. Route 53 API, ResourceRecordSet: Type; less SOA, which is the zone's own, and SPF, which RFC 7208 ended."""


@cache
def regions() -> dict[str, str]:
    """Return every region that botocore knows, with its partition.

    `partitions.json` is read, not `endpoints.json`: regions newer than the latter (me-west-1) are only there.
    """
    data: dict[str, Any] = botocore.session.Session().get_component("data_loader").load_data("partitions")
    return {
        region: partition["id"] for partition in data["partitions"] for region in partition["regions"] if not region.endswith("-global")
    }


def network(text: object, prefix: tuple[int, int] = VPC_PREFIX) -> str | None:
    """Check the IPv4 network of a VPC or a subnet."""
    try:
        found = ipaddress.IPv4Network(str(text), strict=False)
    except ValueError:
        return f"{text} is no IPv4 network: write it as in 10.1.0.0/16"
    if "/" not in str(text):
        return f"{text} has no prefix length: write it as in 10.1.0.0/16"
    if str(found) != str(text):
        return f"{text} has host bits set: write {found}"
    biggest, smallest = prefix
    if not biggest <= found.prefixlen <= smallest:
        return f"{text} is of a size that AWS does not allow: choose a prefix length from /{biggest} to /{smallest}"
    return None


def vpc(text: object) -> str | None:
    """Check the network of a VPC that is peered with others."""
    wrong = network(text)
    if wrong:
        return wrong
    found = ipaddress.IPv4Network(str(text))
    if not any(found.subnet_of(block) for block in PRIVATE):
        return f"{text} is public address space: choose one inside 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16"
    clash = next((block for block in RESERVED if found.overlaps(block)), None)
    return f"{text} overlaps {clash}, which AWS services use themselves: choose another" if clash else None


def fargate(cpu: int, memory: int) -> str | None:
    """Check the size of a Fargate task: CPU units and MiB of memory."""
    if cpu not in FARGATE:
        return f"Fargate has no size of {cpu} CPU units: choose one of {', '.join(map(str, FARGATE))}"
    if memory not in FARGATE[cpu]:
        return f"Fargate gives {cpu} CPU units no {memory} MiB: choose one of {', '.join(map(str, FARGATE[cpu]))}"
    return None


def rds_class(name: str) -> str | None:
    """Check an instance class of RDS for MySQL."""
    match = re.fullmatch(r"db\.([a-z0-9]+)\.([a-z0-9]+)", name)
    if not match:
        return f"{name} is no RDS instance class: write it as in db.r6g.large"
    family, size = match.groups()
    if family not in RDS_FAMILIES:
        return f"RDS for MySQL has no class family {family}: choose one of {', '.join(sorted(RDS_FAMILIES))}"
    if size not in RDS_FAMILIES[family]:
        return f"the RDS class family {family} has no size {size}: choose one of {', '.join(RDS_FAMILIES[family])}"
    return None


def _ec2(name: str) -> tuple[str, str]:
    family, _, size = name.partition(".")
    return family, size


def ec2_type(name: str) -> str | None:
    """Check an instance type."""
    family, size = _ec2(name)
    if not size:
        return f"{name} is no instance type: write it as in r7g.2xlarge"
    if family not in EC2_FAMILIES:
        return f"{name} is of no family known here: choose one of {', '.join(sorted(EC2_FAMILIES))}"
    sizes = EC2_FAMILIES[family][1]
    return None if size in sizes else f"the family {family} has no size {size}: choose one of {', '.join(sizes)}"


def architecture(name: str) -> str:
    """Return the architecture of an instance type as images name it; empty where the type is not known here."""
    return EC2_FAMILIES.get(_ec2(name)[0], ("", ()))[0]


def vcpus(name: str) -> int:
    """Return the vCPUs of an instance type; 0 where it is not known here."""
    family, size = _ec2(name)
    return (BURSTABLE_VCPUS if family.startswith("t") else EC2_VCPUS).get(size, 0)


def gp3(size: int, iops: int, throughput: int) -> str | None:
    """Check a gp3 volume: GiB, IOPS and MiB/s."""
    for value, (least, most), unit in ((size, GP3_SIZE, "GiB"), (iops, GP3_IOPS, "IOPS"), (throughput, GP3_THROUGHPUT, "MiB/s")):
        if not least <= value <= most:
            return f"gp3 has no {value} {unit}: choose {least} to {most}"
    if iops > max(GP3_IOPS[0], size * GP3_IOPS_A_GIB):
        return f"gp3 gives {size} GiB no more than {max(GP3_IOPS[0], size * GP3_IOPS_A_GIB)} IOPS"
    if throughput * GP3_IOPS_A_MIB > iops:
        return f"gp3 gives {iops} IOPS no more than {iops // GP3_IOPS_A_MIB} MiB/s"
    return None


def within(value: int, bounds: tuple[int, int]) -> str | None:
    """Check a number against the least and the most that AWS takes."""
    least, most = bounds
    return None if least <= value <= most else f"AWS takes {least} to {most}, not {value}"


def tls_policy(name: str) -> str | None:
    """Check a load balancer's TLS policy."""
    if name in TLS_POLICIES:
        return None
    return f"{name} is no policy with TLS 1.2 at least and forward secrecy: choose one of {', '.join(TLS_POLICIES)}"


def waf_groups(names: Iterable[str]) -> str | None:
    """Check the managed rule groups of one web ACL."""
    names = list(names)
    unknown = next((name for name in names if name not in WAF_GROUPS), None)
    if unknown:
        return f"{unknown} is no rule group of AWS's that costs nothing more: choose one of {', '.join(WAF_GROUPS)}"
    capacity = sum(WAF_GROUPS[name] for name in names)
    return None if capacity <= WAF_CAPACITY else f"they take {capacity} capacity units, and {WAF_CAPACITY} are in the price: leave one out"


def waf_rate(limit: int, window: int) -> str | None:
    """Check a limit of requests: how many in how many seconds."""
    if window not in WAF_WINDOWS:
        return f"WAF counts no requests over {window} s: choose one of {', '.join(map(str, WAF_WINDOWS))}"
    return within(limit, WAF_LIMIT)


def rds_storage(storage: int, most: int | None, iops: int | None, throughput: int | None) -> tuple[str, str] | None:
    """Check a gp3 volume: GiB, GiB that it may grow to, IOPS, MiB/s. Returns the setting and what is wrong with it."""
    least, largest = RDS_STORAGE
    if not least <= storage <= largest:
        return "storage", f"{storage} GiB is no size of a volume: it takes {least} to {largest}"
    # RDS user guide, Managing capacity automatically with storage autoscaling
    if most is not None and not storage * 1.1 <= most <= largest:
        return "max_storage", f"{most} GiB is no room to grow from {storage}: it takes a tenth more at least, {largest} at most"
    for setting, value, limits in (("iops", iops, RDS_IOPS), ("throughput", throughput, RDS_THROUGHPUT)):
        if value is None:
            continue
        if storage < RDS_FAST_STORAGE:
            return setting, f"it can be set from {RDS_FAST_STORAGE} GiB of storage on, and this is {storage}"
        if not limits[0] <= value <= limits[1]:
            return setting, f"{value} is out of range: it takes {limits[0]} to {limits[1]}"
    if (iops is None) is not (throughput is None):
        return ("throughput", "it lacks beside `iops`") if throughput is None else ("iops", "it lacks beside `throughput`")
    if iops and throughput and throughput > iops / 4:
        return "throughput", f"{throughput} MiB/s need {throughput * 4} IOPS, and these are {iops}"
    return None


def rds_windows(backup: str, maintenance: str) -> tuple[str, str] | None:
    """Check the two windows of an instance, in UTC. Returns the setting and what is wrong with it."""
    time, day = r"([01]\d|2[0-3]):([0-5]\d)", "|".join(_DAYS)
    daily = re.fullmatch(f"{time}-{time}", backup)
    weekly = re.fullmatch(f"({day}):{time}-({day}):{time}", maintenance)
    if not daily:
        return "backup_window", f"`{backup}` is no window of a day: write it as in 22:00-22:30 (UTC)"
    if not weekly:
        return "maintenance_window", f"`{maintenance}` is no window of a week: write it as in fri:23:00-fri:23:30 (UTC)"
    first, last = ((int(daily[at]) * 60 + int(daily[at + 1])) for at in (1, 3))
    begin, end = (_DAYS.index(weekly[at]) * _DAY + int(weekly[at + 1]) * 60 + int(weekly[at + 2]) for at in (1, 4))
    every, long = (last - first) % _DAY, (end - begin) % (7 * _DAY)
    for setting, minutes in (("backup_window", every), ("maintenance_window", long)):
        if minutes < RDS_WINDOW:
            return setting, f"it is {minutes} minutes long: it takes {RDS_WINDOW} at least"
    if long > _DAY:
        return "maintenance_window", "it is longer than a day"
    if (begin - first) % _DAY < every or (first - begin) % _DAY < long:
        return "maintenance_window", f"it overlaps the backup window {backup}"
    return None


_DAY = 24 * 60
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@cache
def _route53(shape: str) -> tuple[str, ...]:
    """Return the values that Route 53's API gives a text, as botocore knows them."""
    model = botocore.session.Session().get_service_model("route53").shape_for(shape)
    return tuple(str(value) for value in model.enum)


def checkers(given: Sequence[str]) -> str | None:
    """Check the regions that a health check's checkers are in."""
    known = _route53("HealthCheckRegion")
    unknown = [region for region in given if region not in known]
    if unknown:
        return f"Route 53 has no health checkers in {unknown[0]}: choose of {', '.join(known)}"
    if len(set(given)) < CHECKERS or len(set(given)) < len(given):
        return f"a health check needs {CHECKERS} different regions of checkers at least: choose of {', '.join(known)}"
    return None


def alarm_region(region: str) -> str | None:
    """Check the region of an alarm that a health check watches."""
    if region not in _route53("CloudWatchRegion"):
        return f"Route 53 does not take alarms of {region}"
    return None
