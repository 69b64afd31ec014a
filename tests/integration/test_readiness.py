"""What the emulated AWS tells of a standby: faults that are planted in it are found by their names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from kc.aws.session import Aws
from kc.readiness import Question, look
from kc.runbook.shelf import Bucket
from kc.scope import Scope
from kc.unit import connection_of

STANDBY, PRIMARY = "eu-central-1", "me-west-1"
SCOPE = Scope("kc", "lab", "123456789012", STANDBY, "readiness")
FLAG = "/kc/lab/state/role"

Findings = Callable[[], dict[str, tuple[str, str]]]


@pytest.fixture
def findings(client: Callable[..., Any], scope_option: Callable[..., dict[str, Any]]) -> Findings:
    """Return a function that tells what is found, in a standby that has all but tasks, images, backups, a valid certificate and a drill."""
    client("s3", STANDBY).create_bucket(Bucket="journals", CreateBucketConfiguration={"LocationConstraint": STANDBY})
    for region, role in ((STANDBY, "secondary"), (PRIMARY, "primary")):
        client("ssm", region).put_parameter(Name=FLAG, Value=role, Type="String")
        client("ecr", region).create_repository(repositoryName="kc/lab/api")
        client("ecs", region).create_cluster(clusterName="kc-lab")
    client("secretsmanager", PRIMARY).create_secret(Name="kc/lab/app", SecretString="x", AddReplicaRegions=[{"Region": STANDBY}])
    client("acm", STANDBY).request_certificate(DomainName="kc-lab.test", ValidationMethod="DNS")
    client("backup", STANDBY).create_backup_vault(BackupVaultName="kc-lab-backups")
    key = client("kms", PRIMARY).create_key(MultiRegion=True)["KeyMetadata"]["KeyId"]
    client("kms", PRIMARY).replicate_key(KeyId=key, ReplicaRegion=STANDBY)
    aws = Aws(connection_of({"scope": scope_option(STANDBY)}), STANDBY)
    question = Question(SCOPE, PRIMARY, PRIMARY, {"api": "sha256:1"}, ["app"], key, Bucket(aws, "journals"))
    return lambda: {each.check: (each.verdict, each.says) for each in look(aws, question)}


def test_what_is_good_is_told_as_good(findings: Findings) -> None:
    found = findings()
    assert found["roles"] == ("ok", "me-west-1 is primary")
    assert found["secrets"] == ("ok", "1 are the same")
    assert found["keys"] == ("ok", "what me-west-1 wraps eu-central-1 opens")


def test_what_lacks_is_told_by_its_name(findings: Findings) -> None:
    found = findings()
    assert found["capacity"] == ("fail", "kc-lab-api does not stand")
    assert found["images"] == ("fail", "the image of api is not in the standby")
    assert found["backups"] == ("fail", "the standby's vault is empty")
    assert found["drill"] == ("fail", "there was none")
    assert found["certificates"] == ("fail", "there is none that is issued"), "nobody has validated the one that was asked for"


def test_a_planted_fault_is_found(findings: Findings, client: Callable[..., Any]) -> None:
    client("ssm", STANDBY).put_parameter(Name=FLAG, Value="primary", Type="String", Overwrite=True)
    client("secretsmanager", PRIMARY).remove_regions_from_replication(SecretId="kc/lab/app", RemoveReplicaRegions=[STANDBY])
    client("backup", STANDBY).delete_backup_vault(BackupVaultName="kc-lab-backups")
    found = findings()
    assert found["roles"][0] == found["secrets"][0] == "fail"
    assert "app is missing" in found["secrets"][1]
    assert found["backups"][0] == "unknown", "what nobody tells is not good"
