"""A special client comes and goes with one file in host_vars, and nothing else moves."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.census import inventory_of
from tests.integration.conftest import Standing

CLIENT = ("playbooks/client.yml", "-e", "client=acme")


def of(census: Any, client: str = "acme") -> set[tuple[str, str, str]]:
    """Return what bears the client's name."""
    return {thing for thing in census if client in thing[2]}


@pytest.mark.xdist_group("standing")
def test_a_client_comes_and_goes(standing: Standing) -> None:
    play, client = standing.play, standing.client
    stands = inventory_of(client)
    clean = play(*CLIENT)
    assert (clean.status, clean.plan) == (0, []), clean.output
    kinds = {kind for _, kind, _ in of(stands)}
    assert {"key", "secret", "database", "instance", "volume", "budget", "alarm", "dashboard", "event_rule"} <= kinds

    (database,) = client("rds").describe_db_instances(DBInstanceIdentifier="kc-lab-acme-main")["DBInstances"]
    tags = {tag["Key"]: tag["Value"] for tag in database["TagList"]}
    assert (tags["Client"], tags["Component"]) == ("acme", "mysql")
    key = client("kms").describe_key(KeyId="alias/kc-lab-acme-data")["KeyMetadata"]
    assert database["KmsKeyId"].endswith(key["KeyId"])

    alarms = {alarm["AlarmName"]: alarm for alarm in client("cloudwatch").describe_alarms(AlarmNamePrefix="kc-lab-acme-")["MetricAlarms"]}
    assert {"kc-lab-acme-mysql-main-storage", "kc-lab-acme-clickhouse-1-status"} <= {*alarms}
    dimensions = [dimension["Value"] for alarm in alarms.values() for dimension in alarm.get("Dimensions", ())]
    assert "kc-lab-acme-main" in dimensions
    (shown,) = client("cloudwatch").list_dashboards(DashboardNamePrefix="kc-lab-acme-")["DashboardEntries"]
    assert shown["DashboardName"] == "kc-lab-acme-me-west-1"

    asked = play(*CLIENT, "-e", "state=absent")
    assert asked.status != 0
    assert "-e confirm=" in asked.output
    other = play("playbooks/client.yml", "-e", "client=emca")
    assert other.status != 0
    assert "`emca` is no client of this inventory" in other.output
    assert inventory_of(client) == stands

    # the lab's inventory leaves no snapshots; everywhere else this is the default
    assert play(*CLIENT, "-e", '{"kc_mysql_final_snapshot": true}').status == 0
    gone = play(*CLIENT, "-e", "state=absent", "-e", "confirm=acme")
    assert gone.status == 0, gone.output
    left = inventory_of(client)
    assert {*left} - of(left) == {*stands} - of(stands), "nothing else moved"
    assert {kind for _, kind, _ in of(left)} <= {"key", "alias", "secret", "volume", "log_group", "snapshot"}
    (snapshot,) = client("rds").describe_db_snapshots(DBInstanceIdentifier="kc-lab-acme-main")["DBSnapshots"]
    assert snapshot["Encrypted"]

    back = play(*CLIENT)
    assert back.status == 0, back.output
    assert play("playbooks/drift.yml").status == 0
