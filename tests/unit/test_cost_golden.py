"""What a change of the inventory costs, worked out by hand: each row is a quantity times a price, rounded up to the cent."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from kc.cost.money import shared
from kc.inventory import Host

from tests.cost import COST, Row, application, changes, estimated, platform, priced, rows
from tests.inventory import acme

HOME, OTHER, NEW = "me-west-1", "eu-central-1", "eu-north-1"


def three(low: str, expected: str, upper: str) -> tuple[Decimal, Decimal, Decimal]:
    return Decimal(low), Decimal(expected), Decimal(upper)


def row(component: str, nature: str, usage: str, region: str, client: str = "", term: str = "on_demand") -> Row:
    return component, client, nature, usage, region, term


# --- a client is added

CLIENT: dict[str, Any] = {
    "kc_mysql_instances": {"main": {"size": "db.r6g.xlarge", "version": "8.4.7", "storage": 200}},
    "kc_nodes": {"clickhouse-1": {"service": "keeper", "zone": "b", "address": 31, "type": "r7g.xlarge", "volume": {"size": 500}}},
    "kc_keys": {"data": {"description": "The client's databases and volumes", "multi_region": True}},
    "kc_keys_replica_regions": [HOME, OTHER],
    "kc_secrets": {"mysql-admin": {"description": "Administrator"}},
    "kc_secrets_replicate_to": [HOME, OTHER],
}
CLIENT_PRICES = {
    f"Multi-AZUsage:db.r6g.xl {HOME}": "1.044",
    f"InstanceUsage:db.r6g.xl {OTHER}": "0.519",
    f"RDS:Multi-AZ-GP3-Storage {HOME}": "0.279",
    f"RDS:GP3-Storage {OTHER}": "0.137",
    f"BoxUsage:r7g.xlarge {HOME}": "0.2637",
    f"EBS:VolumeUsage.gp3 {HOME}": "0.0968",
    f"AWS-Out-Bytes:{OTHER} {HOME}": "0.1105",
    "WarmStorage-ByteHrs-RDS": "0.095",
    "CW:MetricMonitorUsage": "0.30",
    "CW:AlarmMonitorUsage": "0.10",
    "DashboardsUsage": "3",
    "DataProcessing-Bytes": "0.63",
    "TimedStorage-ByteHrs": "0.0324",
    "AWSSecretsManager-Secrets": "0.40",
}
CLIENT_COSTS: dict[Row, str] = {
    # an instance in two zones with 200 GB, and its replica in one
    row("mysql", "standing", "Multi-AZUsage:db.r6g.xl", HOME, "acme"): "762.12",  # 730 h * 1.044
    row("mysql", "standing", "InstanceUsage:db.r6g.xl", OTHER, "acme"): "378.87",  # 730 h * 0.519
    row("mysql", "stored", "RDS:Multi-AZ-GP3-Storage", HOME, "acme"): "55.80",  # 200 GB * 0.279
    row("mysql", "stored", "RDS:GP3-Storage", OTHER, "acme"): "27.40",  # 200 GB * 0.137
    # half of it is in use, of which 1 % changes a day, for 30 days
    row("mysql", "usage", f"AWS-Out-Bytes:{OTHER}", HOME, "acme"): "3.32",  # 30 GB * 0.1105 = 3.315
    row("mysql", "standing", "CW:MetricMonitorUsage", HOME, "acme"): "0.30",  # its heartbeat
    row("mysql", "standing", "CW:MetricMonitorUsage", OTHER, "acme"): "0.30",
    # a gigabyte of logs each, kept for 90 days at 15 %
    row("mysql", "usage", "DataProcessing-Bytes", HOME, "acme"): "0.63",
    row("mysql", "usage", "DataProcessing-Bytes", OTHER, "acme"): "0.63",
    row("mysql", "stored", "TimedStorage-ByteHrs", HOME, "acme"): "0.02",  # 0.45 GB * 0.0324 = 0.01458
    row("mysql", "stored", "TimedStorage-ByteHrs", OTHER, "acme"): "0.02",
    # daily for 35 days: the whole, and 35 times what changes in a day
    row("backup", "stored", "WarmStorage-ByteHrs-RDS", HOME, "acme"): "12.83",  # 100 GB * 1.35 * 0.095 = 12.825
    row("nodes", "standing", "BoxUsage:r7g.xlarge", HOME, "acme"): "192.51",  # 730 h * 0.2637 = 192.501
    row("nodes", "stored", "EBS:VolumeUsage.gp3", HOME, "acme"): "49.95",  # (500 + 16) GB * 0.0968 = 49.9488
    row("nodes", "standing", "CW:MetricMonitorUsage", HOME, "acme"): "2.40",  # 8 * 0.30
    row("keys", "stored", "KMS-Keys", HOME, "acme"): "1.00",
    row("keys", "stored", "KMS-Keys", OTHER, "acme"): "1.00",
    row("secrets", "stored", "AWSSecretsManager-Secrets", HOME, "acme"): "0.40",
    row("secrets", "stored", "AWSSecretsManager-Secrets", OTHER, "acme"): "0.40",
    # six of the database, of which the one on its replication looks at two metrics: 7 * 0.10
    row("observability", "standing", "CW:AlarmMonitorUsage", HOME, "acme"): "0.70",
    row("observability", "standing", "DashboardsUsage", HOME, "acme"): "3.00",
}


def client() -> Host:
    given = acme(**COST, **CLIENT)
    return replace(given, values={**given.values, "kc_observability_applications": {}, "kc_observability_queues": []})


def test_adding_a_client() -> None:
    prices = priced(**CLIENT_PRICES)
    before, after = estimated(platform(), prices), estimated(platform(client()), prices)
    found = changes(rows(before), rows(after))
    assert {name: one[1] for name, one in found.items()} == {name: three(*[amount] * 3) for name, amount in CLIENT_COSTS.items()}
    assert {one[0] for one in found.values()} == {None}, "nobody else's lines change"
    own = sum(map(Decimal, CLIENT_COSTS.values()))
    assert Decimal(after["scenarios"]["steady"]["by_client"]["acme"]["own"]["expected"]) == own
    assert Decimal(after["scenarios"]["steady"]["total"]["expected"]) - Decimal(before["scenarios"]["steady"]["total"]["expected"]) == own


# --- an application may have twice as many tasks

TASK_PRICES = {
    f"Fargate-ARM-vCPU-Hours:perCPU {HOME}": "0.04",
    f"Fargate-ARM-GB-Hours {HOME}": "0.004",
    "DataProcessing-Bytes": "0.50",
    "TimedStorage-ByteHrs": "0.03",
    "CW:MetricMonitorUsage-ContainerInsights": "0.10",
}
TASK_COSTS = {
    # one task at best, half way from 1 to `max` as expected, all at worst: 1, 1.5, 2 with two, and 1, 2.5, 4 with four
    row("services", "standing", "Fargate-ARM-vCPU-Hours:perCPU", HOME): (
        three("7.30", "10.95", "14.60"),  # tasks * 0.25 vCPU * 730 h * 0.04
        three("7.30", "18.25", "29.20"),
    ),
    row("services", "standing", "Fargate-ARM-GB-Hours", HOME): (
        three("1.46", "2.19", "2.92"),  # tasks * 0.5 GB * 730 h * 0.004
        three("1.46", "3.65", "5.84"),
    ),
    row("services", "usage", "DataProcessing-Bytes", HOME): (three("0.50", "0.75", "1.00"), three("0.50", "1.25", "2.00")),
    row("services", "stored", "TimedStorage-ByteHrs", HOME): (
        three("0.02", "0.03", "0.03"),  # tasks * 1 GB * 0.15 * 3 months * 0.03 = 0.0135, 0.02025, 0.027
        three("0.02", "0.04", "0.06"),  # 0.0135, 0.03375, 0.054
    ),
    row("services", "standing", "CW:MetricMonitorUsage-ContainerInsights", HOME): (
        three("2.00", "2.50", "3.00"),  # (10 + tasks * 10) * 0.10
        three("2.00", "3.50", "5.00"),
    ),
}


def test_doubling_an_applications_maximum() -> None:
    prices = priced(**TASK_PRICES)
    before = estimated(platform(**application(count={"min": 1, "max": 2, "warm": 1})), prices)
    after = estimated(platform(**application(count={"min": 1, "max": 4, "warm": 1})), prices)
    assert changes(rows(before), rows(after)) == TASK_COSTS


def test_doubling_an_applications_maximum_in_the_busiest_month() -> None:
    prices = priced(**TASK_PRICES)
    before, after = (estimated(platform(**application(count={"min": 1, "max": most, "warm": 1})), prices) for most in (2, 4))
    cpu = row("services", "standing", "Fargate-ARM-vCPU-Hours:perCPU", HOME)
    # a tenth of the month all tasks run: 1.1, 1.55, 2 of two, and 1.3, 2.65, 4 of four
    assert rows(before, "peak")[cpu] == three("8.03", "11.32", "14.60")  # 1.55 * 7.30 = 11.315
    assert rows(after, "peak")[cpu] == three("9.49", "19.35", "29.20")  # 2.65 * 7.30 = 19.345


# --- the secondary moves to another region

MOVE_PRICES = {
    f"NatGateway-Hours {OTHER}": "0.052",
    f"NatGateway-Hours {NEW}": "0.046",
    f"InstanceUsage:db.r6g.large {OTHER}": "0.260",
    f"InstanceUsage:db.r6g.large {NEW}": "0.240",
    f"AWS-Out-Bytes:{OTHER} {HOME}": "0.1105",
    f"AWS-Out-Bytes:{NEW} {HOME}": "0.12",
}
MOVE_COSTS = {
    row("network", "standing", "NatGateway-Hours", NEW): "100.74",  # 3 * 730 h * 0.046, after 3 * 730 * 0.052 = 113.88
    row("mysql", "standing", "InstanceUsage:db.r6g.large", NEW): "175.20",  # 730 h * 0.240, after 189.80
    row("mysql", "usage", f"AWS-Out-Bytes:{NEW}", HOME): "1.80",  # 50 GB * 1 % * 30 * 0.12, after 1.6575
    row("replication", "usage", f"AWS-Out-Bytes:{NEW}", HOME): "12.00",  # 100 GB * 0.12, after 11.05
}


def moved(value: Any) -> Any:
    """Return a value with the new region wherever it says the old one."""
    if isinstance(value, dict):
        return {moved(name): moved(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(moved(item) for item in value)
    return value.replace(OTHER, NEW) if isinstance(value, str) else value


def test_moving_the_secondary_to_another_region() -> None:
    prices = priced(**MOVE_PRICES)
    given = platform()
    there = [replace(host, name=moved(host.name), values=moved(dict(host.values))) for host in given]
    before, after = rows(estimated(given, prices)), rows(estimated(there, prices))
    same = {moved(name): amount for name, amount in before.items()}
    assert {name: one[1] for name, one in changes(same, after).items()} == {name: three(*[one] * 3) for name, one in MOVE_COSTS.items()}
    assert not any(OTHER in (part for part in name) for name in after), "nothing is left behind"


# --- who pays what all share


@pytest.mark.parametrize(
    ("shares", "common", "expected"),
    [
        ({"others": 9}, "100.01", {"others": "90.01", "acme": "10.00"}),  # 90.009 and 10.001: the cent goes to the larger rest
        ({"others": 1, "acme": 1}, "0.01", {"acme": "0.01", "others": "0.00"}),  # equal rests: the first by name
        ({"others": 0, "acme": 2}, "33.33", {"acme": "33.33", "others": "0.00"}),
        ({"others": 1, "acme": 1, "bloom": 1}, "100.00", {"acme": "33.34", "bloom": "33.33", "others": "33.33"}),
    ],
)
def test_shares(shares: dict[str, int], common: str, expected: dict[str, str]) -> None:
    weights = {name: Decimal(shares.get(name, 1)) for name in expected}
    assert shared(Decimal(common), weights) == {name: Decimal(amount) for name, amount in expected.items()}
