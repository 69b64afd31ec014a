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
        (limits.ec2_type, "r7g.2xlarge", None),
        (limits.ec2_type, "t4g.small", None),
        (limits.ec2_type, "r7g", "is no instance type: write it as in r7g.2xlarge"),
        (limits.ec2_type, "x99.large", "x99.large is of no family known here: choose one of c6g"),
        (limits.ec2_type, "r7g.24xlarge", "the family r7g has no size 24xlarge: choose one of medium"),
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
    ("size", "iops", "throughput", "says"),
    [
        (1, 3000, 125, None),
        (1536, 6000, 500, None),
        (65536, 80000, 2000, None),
        (0, 3000, 125, "gp3 has no 0 GiB: choose 1 to 65536"),
        (10, 100, 125, "gp3 has no 100 IOPS: choose 3000 to 80000"),
        (10, 3000, 4000, "gp3 has no 4000 MiB/s: choose 125 to 2000"),
        (10, 5001, 125, "gp3 gives 10 GiB no more than 5000 IOPS"),
        (5, 3001, 125, "gp3 gives 5 GiB no more than 3000 IOPS"),
        (100, 3000, 751, "gp3 gives 3000 IOPS no more than 750 MiB/s"),
    ],
)
def test_gp3(size: int, iops: int, throughput: int, says: str | None) -> None:
    found = limits.gp3(size, iops, throughput)
    assert found is None if says is None else found is not None and says in found


@pytest.mark.parametrize(
    ("type", "vcpus", "architecture"),
    [("r7g.2xlarge", 8, "arm64"), ("m7g.large", 2, "arm64"), ("t4g.small", 2, "arm64"), ("m6i.xlarge", 4, "x86_64"), ("x", 0, "")],
)
def test_an_instance_types_vcpus_and_architecture(type: str, vcpus: int, architecture: str) -> None:
    assert (limits.vcpus(type), limits.architecture(type)) == (vcpus, architecture)


def test_every_size_has_vcpus() -> None:
    types = [f"{family}.{size}" for family, (_, sizes) in limits.EC2_FAMILIES.items() for size in sizes]
    assert [type for type in types if not limits.vcpus(type)] == []


@pytest.mark.parametrize(
    ("region", "partition"), [("me-west-1", "aws"), ("eu-central-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")]
)
def test_known_regions(region: str, partition: str) -> None:
    assert limits.regions()[region] == partition


@pytest.mark.parametrize("name", ["me-west-9", "aws-global", "mars-1"])
def test_unknown_regions(name: str) -> None:
    assert name not in limits.regions()
