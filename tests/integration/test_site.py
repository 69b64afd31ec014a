"""The playbooks themselves, run as a user runs them, against a local AWS."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.census import inventory_of
from tests.integration.conftest import Standing
from tests.integration.playbooks import Line, Run


@pytest.mark.xdist_group("standing")
def test_the_plan_on_an_empty_account_is_what_the_real_run_creates(standing: Standing) -> None:
    planned, created = standing.made.planned, standing.made.created
    assert planned.status == 0, planned.output
    assert "skipping: [" not in planned.output, "no task is left out for want of what is only planned"
    assert standing.made.touched == {}, "a check touches nothing"

    assert created.plan == planned.plan
    assert {action for action, *_ in created.plan} == {"create"}
    assert max(standing.made.stands.values()) == 1, "nothing stands twice"

    again = standing.play("site.yml")
    assert (again.status, again.changed, again.plan) == (0, 0, [])


def named(items: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(one for one in items if {"Key": "Name", "Value": name} in (one.get("Tags") or []))


def by_hand(client: Callable[..., Any]) -> list[Line]:
    """Do to the platform what the issue lists, each through the API; return what must be found."""
    ec2 = client("ec2", "me-west-1")
    table = named(ec2.describe_route_tables()["RouteTables"], "kc-lab-private-b")
    ec2.delete_route(RouteTableId=table["RouteTableId"], DestinationCidrBlock="0.0.0.0/0")

    ec2 = client("ec2", "eu-central-1")
    group = named(
        ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": ["kc-lab-data"]}])["SecurityGroups"], "kc-lab-data"
    )
    everyone = {"IpProtocol": "tcp", "FromPort": 3306, "ToPort": 3306, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.authorize_security_group_ingress(GroupId=group["GroupId"], IpPermissions=[everyone])

    client("s3", "me-west-1").delete_public_access_block(Bucket="kc-lab-media-123456789012-me-west-1")
    client("ssm", "me-west-1").add_tags_to_resource(
        ResourceType="Parameter", ResourceId="/kc/lab/region/home", Tags=[{"Key": "Owner", "Value": "somebody"}]
    )
    kms = client("kms", "eu-central-1")
    key = kms.describe_key(KeyId="alias/kc-lab-data")["KeyMetadata"]["KeyId"]
    kms.disable_key_rotation(KeyId=key)
    ec2 = client("ec2", "eu-west-1")
    (keeper,) = [one for each in ec2.describe_instances()["Reservations"] for one in each["Instances"]]
    ec2.stop_instances(InstanceIds=[keeper["InstanceId"]])
    client("s3", "eu-central-1").delete_bucket_replication(Bucket="kc-lab-static-123456789012-eu-central-1")
    return sorted(
        [
            ("update", "route_table", "kc-lab-private-b", "me-west-1"),
            ("update", "security_group_rules", "kc-lab-data", "eu-central-1"),
            ("update", "bucket", "kc-lab-media-123456789012-me-west-1", "me-west-1"),
            ("update", "parameter", "/kc/lab/region/home", "me-west-1"),
            ("update", "key", "kc-lab-data", "eu-central-1"),
            ("update", "instance", "kc-lab-keeper-1", "eu-west-1"),
            ("create", "replication", "kc-lab-static-123456789012-eu-central-1", "eu-central-1"),
        ]
    )


@pytest.mark.xdist_group("standing")
def test_drift_is_reported_then_repaired_and_nothing_else(standing: Standing) -> None:
    play, expected = standing.play, by_hand(standing.client)
    drift = play("playbooks/drift.yml")
    assert drift.status != 0
    assert drift.plan == expected
    for _, kind, name, region in expected:
        assert f"{kind} {name} ({region})" in drift.output

    repaired = play("site.yml")
    assert repaired.status == 0, repaired.output
    assert repaired.plan == expected, "drift.yml only reads"
    clean = play("playbooks/drift.yml")
    assert (clean.status, clean.plan) == (0, []), clean.output


MYSQL = {"database", "db_subnet_group", "db_parameter_group", "log_group"}


@pytest.mark.xdist_group("standing")
def test_destroy_asks_and_keeps_data_unless_told(standing: Standing) -> None:
    play, client, before = standing.play, standing.client, standing.made.stands

    asked = play("playbooks/destroy.yml")
    assert asked.status != 0
    assert "-e confirm=lab" in asked.output
    assert inventory_of(client) == before

    kept = play("playbooks/destroy.yml", "-e", "confirm=lab")
    assert kept.status == 0, kept.output
    network = inventory_of(client, services=["ec2"])
    kinds = {kind for _, kind, _ in inventory_of(client) - network}
    assert kinds == {"bucket", "key", "alias", "secret", "repository", "zone", "record", "queue", "backup_vault"} | MYSQL
    assert any(kind == "volume" for _, kind, _ in network)
    assert {region for region, kind, _ in network if kind == "vpc"} == {"me-west-1", "eu-central-1"}, "databases stand in them"

    again = play("site.yml")
    assert again.status == 0, again.output
    assert inventory_of(client) == before, "what was kept is taken up again"

    gone = play("playbooks/destroy.yml", "-e", "confirm=lab", "-e", "data=delete")
    assert gone.status == 0, gone.output
    assert inventory_of(client) == {}


def test_modules_do_what_the_action_does(play: Callable[..., Run]) -> None:
    in_process = play("site.yml", "--check", "--tags", "parameters,network")
    as_modules = play("site.yml", "--check", "--tags", "parameters,network", "-e", "kc_in_process=false")
    assert as_modules.status == 0, as_modules.output
    assert as_modules.plan == in_process.plan != []
