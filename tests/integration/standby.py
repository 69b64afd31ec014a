"""A standby in which nothing lacks, made by hand on the emulated AWS, and the faults that can be planted in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from kc.aws.session import Aws
from kc.runbook.book import DRILL, EXECUTE, Book, Step
from kc.runbook.run import Run, last, me
from kc.runbook.shelf import Bucket
from kc.unit import connection_of

from tests.authority import Authority

Client = Callable[..., Any]

STANDBY, PRIMARY, GLOBAL, ACCOUNT = "eu-central-1", "me-west-1", "us-east-1", "123456789012"
DOMAIN, KEY, FLAG = "kc-lab.test", "alias/kc-lab-media", "/kc/lab/state/role"
TYPE = "application/vnd.oci.image.manifest.v1+json"
MANIFEST = json.dumps({"schemaVersion": 2, "mediaType": TYPE, "config": {"digest": "sha256:1"}, "layers": []})
BOOK = Book("switchover", (Step("roles", "Write down who is primary", EXECUTE, 60),))
PENDING = 10


def bucket(short: str, region: str) -> str:
    return f"kc-lab-{short}-{ACCOUNT}-{region}"


RULE = {"SourceBucket": bucket("media", PRIMARY), "DestinationBucket": bucket("media", STANDBY), "RuleId": f"to-{STANDBY}"}


def stand(client: Client, scope: dict[str, Any], home: Path) -> dict[str, Any]:
    """Make the standby; return kc_readiness's options for it, with what everybody else tells of a good one."""
    for region, role in ((STANDBY, "secondary"), (PRIMARY, "primary")):
        client("ssm", region).put_parameter(Name=FLAG, Value=role, Type="String")
        client("ecr", region).create_repository(repositoryName="kc/lab/api")
        digest = push(client, region)
        for short in ("journals", "media"):
            client("s3", region).create_bucket(Bucket=bucket(short, region), CreateBucketConfiguration={"LocationConstraint": region})
        client("s3", region).put_bucket_versioning(Bucket=bucket("media", region), VersioningConfiguration={"Status": "Enabled"})
    services(client, STANDBY)
    _copies(client)
    client("secretsmanager", PRIMARY).create_secret(Name="kc/lab/app", SecretString="x", AddReplicaRegions=[{"Region": STANDBY}])
    key = client("kms", PRIMARY).create_key(MultiRegion=True)["KeyMetadata"]["KeyId"]
    client("kms", PRIMARY).replicate_key(KeyId=key, ReplicaRegion=STANDBY)
    for region in (PRIMARY, STANDBY):
        client("kms", region).create_alias(AliasName=KEY, TargetKeyId=key)
    for region in (STANDBY, GLOBAL):
        certify(client, region, home / region, 90)
    client("backup", STANDBY).create_backup_vault(BackupVaultName="kc-lab-backups")
    back_up(client)
    drill(scope)
    return {
        "scope": scope,
        "primary": PRIMARY,
        "home": PRIMARY,
        "domain": DOMAIN,
        "applications": {"api": {"count": {"warm": 1}}},
        "images": {"api": digest},
        "secrets": ["app"],
        "key": KEY,
        "buckets": ["media"],
        "pending": PENDING,
        "journals": bucket("journals", STANDBY),
        "told": {
            "replica": [{"database": {"id": "kc-lab-main"}, "ready": True, "reasons": [], "lag": {"seconds": 0.5}}],
            "clickhouse": {"ready": True, "reasons": [], "nodes": {"clickhouse-1": {"tables": {"d.t": {}}}}},
            "quotas": {"checks": [{"check": "VPCs", "region": STANDBY, "verdict": "ok", "detail": "1 needed, 4 of 5 free"}]},
            "drift": {"plan": [], "rc": 0},
        },
    }


def services(client: Client, region: str) -> None:
    """Have a service run a task."""
    ecs = client("ecs", region)
    ecs.create_cluster(clusterName="kc-lab")
    ecs.register_task_definition(family="kc-lab-api", containerDefinitions=[{"name": "x", "image": "y", "memory": 128}])
    ecs.create_service(cluster="kc-lab", serviceName="kc-lab-api", taskDefinition="kc-lab-api", desiredCount=1)


def _copies(client: Client) -> None:
    rule = {
        "ID": f"to-{STANDBY}",
        "Priority": 1,
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "DeleteMarkerReplication": {"Status": "Enabled"},
        "Destination": {"Bucket": f"arn:aws:s3:::{bucket('media', STANDBY)}"},
    }
    client("s3", PRIMARY).put_bucket_replication(
        Bucket=bucket("media", PRIMARY), ReplicationConfiguration={"Role": f"arn:aws:iam::{ACCOUNT}:role/x", "Rules": [rule]}
    )


def push(client: Client, region: str) -> str:
    """Push the image; return its digest."""
    done = client("ecr", region).put_image(repositoryName="kc/lab/api", imageManifest=MANIFEST, imageTag="1")
    return str(done["image"]["imageId"]["imageDigest"])


def certify(client: Client, region: str, home: Path, days: int) -> None:
    """Have a region hold a certificate of the domain that is good for some days, and no other."""
    acm = client("acm", region)
    for each in acm.list_certificates()["CertificateSummaryList"]:
        acm.delete_certificate(CertificateArn=each["CertificateArn"])
    authority = Authority.make(home)
    certificate, key = authority.issue(DOMAIN, days=(-1, days))
    acm.import_certificate(Certificate=certificate.read_bytes(), PrivateKey=key.read_bytes(), CertificateChain=authority.ca.read_bytes())


def back_up(client: Client) -> None:
    """Put a backup of now into the standby's vault."""
    about = {"ResourceArn": f"arn:aws:rds:{STANDBY}:{ACCOUNT}:db:kc-lab-main", "IamRoleArn": f"arn:aws:iam::{ACCOUNT}:role/x"}
    client("backup", STANDBY).start_backup_job(BackupVaultName="kc-lab-backups", **about)


def drill(scope: dict[str, Any], days: int = 0, **facts: Any) -> None:
    """Complete a run some days ago; a drill where nothing else is said."""
    shelf = Bucket(Aws(connection_of({"scope": scope}), STANDBY), bucket("journals", STANDBY))
    at = (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="milliseconds")
    run = Run.open(shelf, last(shelf), BOOK, {"from": PRIMARY, "to": STANDBY}, me(), lambda: at)
    run.begin("roles")
    run.done("roles")
    run.close("completed", facts or {DRILL: True})


def waiting(client: Client, copies: float) -> None:
    """Have S3 tell how many copies wait."""
    dimensions = [{"Name": name, "Value": value} for name, value in RULE.items()]
    data = {"MetricName": "OperationsPendingReplication", "Dimensions": dimensions, "Value": copies, "Timestamp": datetime.now(UTC)}
    client("cloudwatch", STANDBY).put_metric_data(Namespace="AWS/S3", MetricData=[data])
