"""What AWS allows."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from kc import limits


@pytest.mark.parametrize(
    ("check", "given", "says"),
    [
        (limits.vpc, "10.1.0.0/16", None),
        (limits.vpc, "192.168.4.0/28", None),
        (limits.vpc, "100.64.0.0/16", None),
        (limits.vpc, "10.1.0.0/33", "10.1.0.0/33 is no IPv4 network"),
        (limits.vpc, "10.1.0.300/16", "is no IPv4 network"),
        (limits.vpc, "fd00::/56", "is no IPv4 network"),
        (limits.vpc, "", "is no IPv4 network"),
        (limits.vpc, None, "None is no IPv4 network"),
        (limits.vpc, "10.1.0.0", "has no prefix length"),
        (limits.vpc, "10.1.2.3/16", "has host bits set: write 10.1.0.0/16"),
        (limits.vpc, "10.0.0.0/15", "choose a prefix length from /16 to /28"),
        (limits.vpc, "10.0.0.0/29", "choose a prefix length from /16 to /28"),
        (limits.vpc, "8.8.0.0/16", "is public address space"),
        (limits.vpc, "172.17.0.0/16", "which AWS services use themselves"),
        (limits.vpc, "172.16.0.0/16", None),
        (limits.rds_class, "db.r6g.large", None),
        (limits.rds_class, "db.t4g.micro", None),
        (limits.rds_class, "r6g.large", "is no RDS instance class: write it as in db.r6g.large"),
        (limits.rds_class, "db.r99.large", "has no class family r99"),
        (limits.rds_class, "db.r6g.micro", "has no size micro"),
    ],
)
def test_one_value(check: Callable[[object], str | None], given: object, says: str | None) -> None:
    found = check(given)
    assert found is None if says is None else found is not None and says in found


@pytest.mark.parametrize(
    ("cpu", "memory", "says"),
    [
        (256, 512, None),
        (256, 1536, "gives 256 CPU units no 1536 MiB: choose one of 512, 1024, 2048"),
        (512, 1024, None),
        (512, 5120, "no 5120 MiB"),
        (1024, 8192, None),
        (4096, 30720, None),
        (4096, 32768, "no 32768 MiB"),
        (8192, 20480, None),
        (8192, 17408, "no 17408 MiB"),
        (16384, 122880, None),
        (300, 512, "no size of 300 CPU units"),
    ],
)
def test_fargate(cpu: int, memory: int, says: str | None) -> None:
    found = limits.fargate(cpu, memory)
    assert found is None if says is None else found is not None and says in found


@pytest.mark.parametrize(
    ("region", "partition"), [("me-west-1", "aws"), ("eu-central-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")]
)
def test_known_regions(region: str, partition: str) -> None:
    assert limits.regions()[region] == partition


@pytest.mark.parametrize("name", ["me-west-9", "aws-global", "mars-1"])
def test_unknown_regions(name: str) -> None:
    assert name not in limits.regions()
