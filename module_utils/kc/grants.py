"""What a role may do, said in the platform's words, as the narrowest IAM statements that allow it.

Pure. Everything is named as the other units name it, so no id and no ARN is looked up; a KMS key, whose ARN
can't be known from its name, is recognised by its alias.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from .errors import KcError
from .policy import Statement, allow
from .scope import Scope
from .units.cluster import SESSIONS
from .units.keys import key_name

SECRETS_KEY = "secrets"
"""The purpose of the key that secrets are encrypted with (the default of the unit `secrets`)."""

USE = ("kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey")
DECRYPT = ("kms:Decrypt", "kms:DescribeKey")


class Places:
    """ARNs of the platform's things in every region that a role works in."""

    def __init__(self, scope: Scope, regions: Sequence[str]) -> None:
        self.scopes = [scope.at(region) for region in regions]

    def arns(self, service: str, *resources: str) -> list[str]:
        return [scope.arn(service, resource) for scope in self.scopes for resource in resources]

    def buckets(self, shorts: Iterable[str]) -> list[str]:
        return [scope.arn("s3", scope.bucket(short), region="", account="") for scope in self.scopes for short in shorts]

    def objects(self, shorts: Iterable[str]) -> list[str]:
        return [f"{arn}/*" for arn in self.buckets(shorts)]

    def keys(self, sid: str, actions: Iterable[str], purposes: Iterable[str], *, via: str = "", context: Iterable[str] = ()) -> Statement:
        """Return a statement for keys.

        Args:
            sid: The statement's name.
            actions: KMS actions.
            purposes: The keys' short names.
            via: The only AWS service that may use the keys in the role's name; empty: the role itself may.
            context: S3 ARNs, of which one must be in the encryption context (the object's, or its bucket's where
                S3 uses bucket keys).
        """
        aliases = [f"alias/{key_name(self.scopes[0], purpose)}" for purpose in purposes]
        when: dict[str, dict[str, Any]] = {"ForAnyValue:StringEquals": {"kms:ResourceAliases": aliases}}
        if via:
            when["StringEquals"] = {"kms:ViaService": [f"{via}.{scope.region}.amazonaws.com" for scope in self.scopes]}
        if context:
            when["StringLike"] = {"kms:EncryptionContext:aws:s3:arn": list(context)}
        return allow(sid, actions, self.arns("kms", "key/*"), when=when)

    def queues(self, shorts: Iterable[str], *more: str) -> list[str]:
        return [scope.arn("sqs", scope.name("queue", short, *more)) for scope in self.scopes for short in shorts]


def buckets_read(at: Places, buckets: list[str]) -> list[Statement]:
    # without s3:ListBucket, S3 answers 403 instead of 404 to an object that is not there
    return [
        allow("BucketsRead", "s3:GetObject", at.objects(buckets)),
        allow("BucketsList", "s3:ListBucket", at.buckets(buckets)),
    ]


def buckets_write(at: Places, buckets: list[str]) -> list[Statement]:
    actions = ("s3:AbortMultipartUpload", "s3:DeleteObject", "s3:ListMultipartUploadParts", "s3:PutObject")
    return [allow("BucketsWrite", actions, at.objects(buckets))]


def backups(at: Places, bucket: str, key: str, prefix: str) -> list[Statement]:
    """Return what keeps backups below a prefix of one of the platform's buckets, and reads no others."""
    arns = at.buckets([bucket])
    actions = ("s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject")
    return [
        allow("Backups", actions, [f"{arn}/{prefix}/*" for arn in arns]),
        allow("BackupsList", "s3:ListBucket", arns, when={"StringLike": {"s3:prefix": [f"{prefix}/*"]}}),
        # with a bucket key, the bucket is what S3 names to KMS (S3 user guide, Reducing the cost of SSE-KMS with Amazon S3 Bucket Keys)
        at.keys(
            "BackupsKey", ("kms:Decrypt", "kms:GenerateDataKey"), [key], via="s3", context=[*arns, *(f"{arn}/{prefix}/*" for arn in arns)]
        ),
    ]


def keys_use(at: Places, keys: list[str]) -> list[Statement]:
    return [at.keys("KeysUse", USE, keys)]


def keys_decrypt(at: Places, keys: list[str]) -> list[Statement]:
    return [at.keys("KeysDecrypt", DECRYPT, keys)]


def secrets_read(at: Places, secrets: list[str]) -> list[Statement]:
    # Secrets Manager ends a secret's ARN in a hyphen and six characters of its own
    found = [scope.arn("secretsmanager", f"secret:{scope.path}{short}-??????") for scope in at.scopes for short in secrets]
    return [
        allow("SecretsRead", ("secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"), found),
        at.keys("SecretsDecrypt", "kms:Decrypt", [SECRETS_KEY], via="secretsmanager"),
    ]


def parameters_read(at: Places, parameters: list[str]) -> list[Statement]:
    path = at.scopes[0].path
    one_by_one = ("ssm:GetParameter", "ssm:GetParameters")
    if parameters:
        return [allow("ParametersRead", one_by_one, at.arns("ssm", *(f"parameter/{path}{short}" for short in parameters)))]
    # GetParametersByPath is a right on the path itself
    return [
        allow("ParametersRead", (*one_by_one, "ssm:GetParametersByPath"), at.arns("ssm", f"parameter/{path[:-1]}", f"parameter/{path}*"))
    ]


def logs_write(at: Places) -> list[Statement]:
    actions = ("logs:CreateLogStream", "logs:PutLogEvents")
    return [allow("LogsWrite", actions, at.arns("logs", f"log-group:/{at.scopes[0].path}*"))]


def repositories_pull(at: Places) -> list[Statement]:
    actions = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
    return [
        # a token is for the whole registry; there is nothing narrower
        allow("RegistryLogin", "ecr:GetAuthorizationToken", "*"),
        allow("RepositoriesPull", actions, at.arns("ecr", f"repository/{at.scopes[0].path}*")),
    ]


def execute_command(at: Places) -> list[Statement]:
    """Return what a task needs for sessions in its containers, which are logged.

    Source: ECS developer guide, Amazon ECS task IAM role: ECS Exec permissions.
    """
    channels = [f"ssmmessages:{act}{way}Channel" for act in ("Create", "Open") for way in ("Control", "Data")]
    group = f"log-group:/{at.scopes[0].path}{SESSIONS}"
    actions = ("logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents")
    return [
        # there is nothing narrower for these
        allow("Sessions", [*channels, "logs:DescribeLogGroups"], "*"),
        allow("SessionsLog", actions, at.arns("logs", group, f"{group}:*")),
    ]


def queues_send(at: Places, queues: list[str]) -> list[Statement]:
    return [allow("QueuesSend", ("sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:SendMessage"), at.queues(queues))]


def queues_receive(at: Places, queues: list[str]) -> list[Statement]:
    actions = ("sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ReceiveMessage")
    return [allow("QueuesReceive", actions, at.queues(queues))]


def queues_put_aside(at: Places, queues: list[str]) -> list[Statement]:
    """Return what puts a message into a queue's dead-letter queue, with a reason that SQS itself does not know."""
    return [allow("QueuesPutAside", "sqs:SendMessage", at.queues(queues, "dead"))]


def failover(at: Places) -> list[Statement]:
    """Return what a failover calls in either region, and what keeps a region to its lease; secrets and journals are granted beside it."""
    here = at.scopes[0]
    tags = {f"aws:ResourceTag/{name}": value for name, value in (("Platform", here.platform), ("Environment", here.environment))}
    fence = ("ec2:CreateNetworkAclEntry", "ec2:DeleteNetworkAclEntry", "ec2:ReplaceNetworkAclEntry")
    looks = ("application-autoscaling:DescribeScalableTargets", "cloudwatch:GetMetricStatistics", "ec2:DescribeNetworkAcls")
    names = f"{here.prefix}*"
    return [
        # there is nothing narrower for these
        allow("FailoverLook", looks, "*"),
        allow("FailoverInstances", "rds:DescribeDBInstances", at.arns("rds", "db:*")),
        allow("FailoverFence", fence, at.arns("ec2", "network-acl/*"), when={"StringEquals": tags}),
        allow("FailoverDatabases", ("rds:AddTagsToResource", "rds:PromoteReadReplica"), at.arns("rds", f"db:{names}")),
        allow(
            "FailoverParameters",
            ("rds:DescribeDBParameters", "rds:ModifyDBParameterGroup", "rds:ResetDBParameterGroup"),
            at.arns("rds", f"pg:{names}"),
        ),
        allow("FailoverServices", ("ecs:DescribeServices", "ecs:UpdateService"), at.arns("ecs", f"service/{names}/{names}")),
        allow(
            "FailoverCapacity", "application-autoscaling:RegisterScalableTarget", at.arns("application-autoscaling", "scalable-target/*")
        ),
        allow("FailoverSwitch", "cloudwatch:PutMetricData", "*", when={"StringEquals": {"cloudwatch:namespace": here.namespace}}),
        allow("FailoverState", "ssm:PutParameter", at.arns("ssm", f"parameter/{here.path}state/*")),
        allow("FailoverTell", "sns:Publish", at.arns("sns", here.name("topic", "pages"))),
        at.keys("FailoverTellKey", ("kms:Decrypt", "kms:GenerateDataKey"), ["alerts"], via="sns"),
    ]


def replicate(at: Places, buckets: list[str], keys: list[str]) -> list[Statement]:
    """Return what S3 needs to replicate, both ways between all regions: every bucket is a source and a destination.

    Source: S3 user guide, Setting up permissions for live replication, and Replicating encrypted objects.
    """
    arns, objects = at.buckets(buckets), at.objects(buckets)
    read = ("s3:GetObjectVersionAcl", "s3:GetObjectVersionForReplication", "s3:GetObjectVersionTagging")
    found = [
        allow("ReplicationConfiguration", ("s3:GetReplicationConfiguration", "s3:ListBucket"), arns),
        allow("ReplicationSource", read, objects),
        allow("ReplicationDestination", ("s3:ReplicateDelete", "s3:ReplicateObject", "s3:ReplicateTags"), objects),
    ]
    if keys:
        context = [*arns, *objects]
        found.append(at.keys("ReplicationDecrypt", "kms:Decrypt", keys, via="s3", context=context))
        found.append(at.keys("ReplicationEncrypt", ("kms:Encrypt", "kms:GenerateDataKey"), keys, via="s3", context=context))
    return found


LISTS: dict[str, Callable[[Places, list[str]], list[Statement]]] = {
    "buckets_read": buckets_read,
    "buckets_write": buckets_write,
    "keys_use": keys_use,
    "keys_decrypt": keys_decrypt,
    "secrets_read": secrets_read,
    "parameters_read": parameters_read,
    "queues_send": queues_send,
    "queues_receive": queues_receive,
    "queues_put_aside": queues_put_aside,
}
"""Grants whose value is a list of short names."""
SWITCHES: dict[str, Callable[[Places], list[Statement]]] = {
    "execute_command": execute_command,
    "failover": failover,
    "logs_write": logs_write,
    "repositories_pull": repositories_pull,
}
"""Grants whose value is true or false."""
TAKES = {
    **dict.fromkeys(LISTS, "a list of short names"),
    **dict.fromkeys(SWITCHES, "true or false"),
    "parameters_read": "true (all of them) or a list of short names",
    "replicate": "{buckets: [...], keys: [...]}",
    "backups": "{bucket: ..., key: ..., prefix: ...}",
}
"""Every grant, and what its value is."""


def statements(scope: Scope, regions: Sequence[str], grants: Mapping[str, Any], where: str = "grants") -> list[Statement]:
    """Return the statements of a role's `grants`, good in `regions`.

    Raises:
        KcError: A grant is unknown, or its value is of a wrong type; it calls the grants `where`.
    """
    at = Places(scope, regions)
    found: list[Statement] = []
    for grant, value in grants.items():
        if grant not in TAKES:
            raise KcError(f"`{where}` has no grant `{grant}`", hint=f"grants are {', '.join(TAKES)}")
        if value in (None, False, []):
            continue
        if grant in SWITCHES and value is True:
            found += SWITCHES[grant](at)
        elif grant == "parameters_read" and value is True:
            found += parameters_read(at, [])
        elif grant in LISTS and _shorts(value):
            found += LISTS[grant](at, list(value))
        elif grant == "replicate" and _is_replicate(value):
            found += replicate(at, list(value["buckets"]), list(value.get("keys", ())))
        elif grant == "backups" and _is_backups(value):
            # buckets are everybody's, clients' too, and so are their keys
            found += backups(Places(scope.shared, regions), **value)
        else:
            raise KcError(f"`{where}.{grant}` must be {TAKES[grant]}, not {value!r}")
    return found


def _shorts(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and all(isinstance(item, str) for item in value)


def _is_backups(value: Any) -> bool:
    # what a policy would take for a pattern, or for more than the prefix, is none
    return (
        isinstance(value, Mapping)
        and value.keys() == {"bucket", "key", "prefix"}
        and all(isinstance(item, str) and re.fullmatch(r"[\w-]+(/[\w-]+)*", item) for item in value.values())
    )


def _is_replicate(value: Any) -> bool:
    return (
        isinstance(value, Mapping) and {"buckets"} <= value.keys() <= {"buckets", "keys"} and all(_shorts(item) for item in value.values())
    )
