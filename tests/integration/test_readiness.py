"""A standby on the emulated AWS: what is good is told as good, and each fault that is planted in it is found by its check, and by no other."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from kc.aws.session import Aws, Connection
from kc.readiness.entry import judged
from kc.readiness.finding import WEIGHTS
from kc.unit import connection_of

from tests.integration import standby
from tests.integration.standby import DOMAIN, FLAG, KEY, PENDING, PRIMARY, STANDBY, bucket
from tests.ports import free

Client = Callable[..., Any]
Plant = Callable[[Client, dict[str, Any], Path], Any]


@pytest.fixture
def options(client: Client, scope_option: Callable[..., dict[str, Any]], tmp_path: Path) -> dict[str, Any]:
    return standby.stand(client, scope_option(STANDBY), tmp_path)


def bad(options: dict[str, Any], days: int = 0) -> dict[str, list[tuple[str, str]]]:
    """Return what is not good, by check, some days from now."""
    made = judged(Aws(connection_of(options), STANDBY), options, datetime.now(UTC) + timedelta(days=days))
    found: dict[str, list[tuple[str, str]]] = {}
    for each in made["findings"]:
        if each["verdict"] != "ok":
            found.setdefault(each["check"], []).append((each["verdict"], each["says"]))
    assert made["score"] == 100 - sum(WEIGHTS[check][0] for check in found)
    assert made["ready"] is not any(WEIGHTS[check][1] for check in found)
    return found


def test_where_nothing_lacks_nothing_is_found(options: dict[str, Any]) -> None:
    assert bad(options) == {}


def told(name: str, said: Any) -> Plant:
    return lambda client, options, home: options["told"].update({name: said})


def both_primary(client: Client, options: dict[str, Any], home: Path) -> None:
    client("ssm", STANDBY).put_parameter(Name=FLAG, Value="primary", Type="String", Overwrite=True)


def an_old_backup(client: Client, options: dict[str, Any], home: Path) -> None:
    client("backup", STANDBY).delete_recovery_point(
        BackupVaultName="kc-lab-backups",
        RecoveryPointArn=client("backup", STANDBY).list_recovery_points_by_backup_vault(BackupVaultName="kc-lab-backups")["RecoveryPoints"][
            0
        ]["RecoveryPointArn"],
    )


def another_key(client: Client, options: dict[str, Any], home: Path) -> None:
    other = client("kms", STANDBY).create_key()["KeyMetadata"]["KeyId"]
    client("kms", STANDBY).update_alias(AliasName=KEY, TargetKeyId=other)


def no_replica_of_a_secret(client: Client, options: dict[str, Any], home: Path) -> None:
    client("secretsmanager", PRIMARY).remove_regions_from_replication(SecretId="kc/lab/app", RemoveReplicaRegions=[STANDBY])


def another_secret(client: Client, options: dict[str, Any], home: Path) -> None:
    no_replica_of_a_secret(client, options, home)
    client("secretsmanager", STANDBY).create_secret(Name="kc/lab/app", SecretString="y")


def an_object_that_failed(client: Client, options: dict[str, Any], home: Path) -> None:
    client("s3", STANDBY).delete_bucket(Bucket=bucket("media", STANDBY))
    client("s3", PRIMARY).put_object(Bucket=bucket("media", PRIMARY), Key="a.mp4", Body=b"x")
    head = {}
    while head.get("ReplicationStatus") != "FAILED":
        head = client("s3", PRIMARY).head_object(Bucket=bucket("media", PRIMARY), Key="a.mp4")


def no_drill(client: Client, options: dict[str, Any], home: Path) -> None:
    options["journals"] = bucket("media", STANDBY)


CHANGE = {"action": "update", "kind": "security_group_rules", "name": "kc-lab-data", "region": STANDBY}
NO_ROOM = {"check": "VPCs", "region": STANDBY, "verdict": "fail", "detail": "1 needed, 0 of 5 free"}

FAULTS: dict[str, tuple[str, str, Plant]] = {
    "two primaries": ("roles", "both say that they are primary", both_primary),
    "a replica that lags": (
        "replica",
        "kc-lab-main: it is 40.0 s behind",
        told("replica", [{"database": {"id": "kc-lab-main"}, "ready": False, "reasons": ["it is 40.0 s behind"], "lag": {"seconds": 40}}]),
    ),
    "a table that takes no inserts": (
        "clickhouse",
        "d.t is read only",
        told("clickhouse", {"ready": False, "reasons": ["d.t is read only"]}),
    ),
    "no backup": ("backups", "the standby's vault is empty", an_old_backup),
    "copies that wait": ("objects", f"{PENDING + 1} copies of media wait", lambda client, *_: standby.waiting(client, PENDING + 1)),
    "no rule": (
        "objects",
        "nothing copies media",
        lambda client, *_: client("s3", PRIMARY).delete_bucket_replication(Bucket=bucket("media", PRIMARY)),
    ),
    "a copy that failed": ("objects", "a.mp4 of media did not come", an_object_that_failed),
    "a certificate that ends": (
        "certificates",
        f"{DOMAIN} ends in 29 days",
        lambda client, options, home: standby.certify(client, STANDBY, home / "soon", 30),
    ),
    "the edge's certificate ends": (
        "certificates",
        f"{DOMAIN} ends in 29 days",
        lambda client, options, home: standby.certify(client, "us-east-1", home / "soon", 30),
    ),
    "a service without tasks": (
        "capacity",
        "kc-lab-api runs 0 of 1 tasks",
        lambda client, *_: client("ecs", STANDBY).update_service(cluster="kc-lab", service="kc-lab-api", desiredCount=0),
    ),
    "no room": ("capacity", "VPCs: 1 needed, 0 of 5 free", told("quotas", {"checks": [NO_ROOM]})),
    "an image that was not copied": (
        "images",
        "the image of api is not in the standby",
        lambda client, *_: client("ecr", STANDBY).batch_delete_image(repositoryName="kc/lab/api", imageIds=[{"imageTag": "1"}]),
    ),
    "another key": ("keys", "", another_key),
    "a secret that was not copied": ("secrets", "app is missing", no_replica_of_a_secret),
    "a secret of its own": ("secrets", "app has another version", another_secret),
    "what somebody changed": ("drift", "update security_group_rules kc-lab-data", told("drift", {"plan": [CHANGE], "rc": 2})),
    "no drill": ("drill", "there was none", no_drill),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found_by_its_check_alone(fault: str, options: dict[str, Any], client: Client, tmp_path: Path) -> None:
    check, says, plant = FAULTS[fault]
    plant(client, options, tmp_path)
    found = bad(options)
    assert [*found] == [check]
    assert [says in each for _, each in found[check]] == [True]


def test_each_check_has_a_fault() -> None:
    assert {check for check, *_ in FAULTS.values()} == {*WEIGHTS}


def test_what_grows_old_is_found(options: dict[str, Any]) -> None:
    assert bad(options, days=2) == {"backups": [("fail", "the newest is 48 hours old")]}
    assert {*bad(options, days=61)} == {"backups", "certificates"}
    assert {*bad(options, days=91)} == {"backups", "certificates", "drill"}


def test_a_real_failover_is_no_drill(options: dict[str, Any]) -> None:
    standby.drill(options["scope"], lost=5)
    assert bad(options, days=0) == {}, "a later run hides no drill before it"
    options["journals"] = bucket("journals", PRIMARY)
    assert bad(options) == {"drill": [("fail", "there was none")]}


def test_what_nobody_tells_is_not_good(options: dict[str, Any]) -> None:
    nobody = Aws(Connection(endpoint_url=f"http://127.0.0.1:{free()}", attempts=1, access_key_id="a", secret_access_key="b"), STANDBY)
    made = judged(nobody, {**options, "told": {}}, datetime.now(UTC))
    assert (made["score"], made["ready"]) == (0, False)
    assert {each["verdict"] for each in made["findings"]} == {"unknown"}
    assert {each["check"] for each in made["findings"]} == {*WEIGHTS}
