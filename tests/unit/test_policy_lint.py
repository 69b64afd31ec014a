"""Every policy that a builder makes passes a linter (parliament); what it gets wrong is listed here with the reason."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import kc.units
import parliament
import pytest
from kc.policy import allow, document
from kc.scope import Scope
from kc.units.storage import RECEIVES, SERVES

from tests.reference import variables

REGIONS = ["me-west-1", "eu-central-1"]
SCOPE = Scope("kc", "lab", "123456789012", "me-west-1", "test")

REFERENCE = variables()
NOTHING: dict[str, list[str]] = {"queues": [], "databases": [], "nodes": [], "nat_zones": [], "replicated_buckets": []}
OPTIONS: dict[str, list[dict[str, Any]]] = {
    "identity": [{"roles": REFERENCE["kc_identity_roles"], "regions": REGIONS}],
    "keys": [
        {"keys": REFERENCE["kc_keys"], "replica_regions": REGIONS},
        {"keys": {"any": {"description": "", "services": ["cloudfront", "delivery.logs", "logs", "sns"]}}, "replica_regions": []},
    ],
    "queues": [{"queues": REFERENCE["kc_queues"]}],
    "observability": [
        {
            "key": "alerts",
            "subscriptions": {},
            "applications": {},
            **NOTHING,
            "domain": "",
            "distributions": [],
            "home": "",
            "thresholds": {},
        }
    ],
    "vaults": [{"key": "data", "role": "backup", "lock": None}],
    "storage": [
        {"buckets": REFERENCE["kc_storage_buckets"], "log_bucket": "logs"},
        {"buckets": {"logs": {"receives": list(RECEIVES)}, "static": {"serves": list(SERVES)}}, "log_bucket": "logs"},
    ],
}
"""Options by unit, for each unit that makes policies: the platform's own, and such as need every statement."""

EXCEPTIONS: list[tuple[str, str, str]] = [
    (
        "identity",
        r"UNKNOWN_CONDITION_FOR_ACTION: .* kms:ResourceAliases for action kms:",
        "valid for every operation on a key (KMS developer guide, AWS KMS condition keys: kms:ResourceAliases); "
        "the table that the linter reads does not list it by action",
    ),
    ("identity", r"CREDENTIALS_EXPOSURE: .*'ecr:getauthorizationtoken'\]", "pulling begins with it; it lets nobody pull what they may not"),
    ("keys", r"RESOURCE_STAR: ", "in a key policy, `*` is the key itself"),
    (
        "keys",
        r"UNKNOWN_CONDITION_FOR_ACTION: .* kms:EncryptionContext:aws:(logs:arn|sns:topicArn) for action kms:",
        "the last part of kms:EncryptionContext:<key> is free; CloudWatch Logs and SNS document these",
    ),
    (
        "keys",
        r"MISMATCHED_TYPE: .* ArnLike requires a value of type Arn but given String",
        "CloudWatch Logs documents ArnLike for its context; what SNS puts into its own is an ARN too",
    ),
    (
        "storage",
        r"MISMATCHED_TYPE: .* s3:TlsVersion requires a value of type Numeric",
        "1.2 is numeric; the linter takes whole numbers only",
    ),
    (
        "storage",
        r"UNKNOWN_CONDITION_FOR_ACTION: .* s3:TlsVersion for action s3:",
        "S3 documents this very statement; where a call has no TLS version, the denial does not match",
    ),
]
"""Findings that are none: unit, pattern of `<issue>: <detail and place>`, and why."""


def policies(value: Any) -> Iterator[Mapping[str, Any]]:
    """Yield every policy document inside `value`."""
    if isinstance(value, Mapping):
        if "Statement" in value:
            yield value
        else:
            for item in value.values():
                yield from policies(item)


def made(unit: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    build = import_module(f"kc.units.{unit}").UNIT.build
    for options in OPTIONS[unit]:
        for resource in build(SCOPE, options):
            for policy in policies(resource.desired):
                yield f"{resource.key.kind} {resource.name}", policy


def findings(policy: Mapping[str, Any]) -> list[str]:
    """Return what the linter says, as `<issue>: <detail and place>`."""
    text = json.loads(json.dumps(policy), object_hook=_one_value)
    for statement in text["Statement"]:
        # the linter knows no trust policies, and asks for what they can't have
        if statement["Action"] in ("sts:AssumeRole", ["sts:AssumeRole"]):
            statement["Resource"] = SCOPE.role_arn("any")
    # these look at what a principal may do; a policy with principals says who may do something to one resource
    others = not any("Principal" in statement for statement in text["Statement"])
    found = parliament.analyze_policy_string(json.dumps(text), include_community_auditors=others).findings
    return [f"{one.issue}: {one.detail} {one.location}" for one in found]


def _one_value(item: dict[str, Any]) -> dict[str, Any]:
    """Say a list of one as its value: the linter can't read a Bool condition otherwise."""
    return {
        key: value[0] if isinstance(value, list) and len(value) == 1 and isinstance(value[0], str) else value for key, value in item.items()
    }


MADE = [(unit, what, policy) for unit in OPTIONS for what, policy in made(unit)]


@pytest.mark.parametrize(
    ("unit", "policy"), [(unit, policy) for unit, _, policy in MADE], ids=[f"{unit}: {what}" for unit, what, _ in MADE]
)
def test_the_linter_finds_nothing(unit: str, policy: Mapping[str, Any]) -> None:
    allowed = [pattern for where, pattern, _ in EXCEPTIONS if where == unit]
    assert [one for one in findings(policy) if not any(re.match(pattern, one) for pattern in allowed)] == []


def test_every_exception_is_one() -> None:
    said = [(unit, one) for unit, _, policy in MADE for one in findings(policy)]
    assert [why for where, pattern, why in EXCEPTIONS if not any(unit == where and re.match(pattern, one) for unit, one in said)] == []


def test_every_unit_that_makes_policies_is_linted() -> None:
    units = Path(kc.units.__path__[0])
    assert {
        file.stem for file in units.glob("*.py") if re.search(r"from \.\.policy import .*\b(document|allow|deny)\b", file.read_text())
    } == set(OPTIONS)


@pytest.mark.parametrize(
    ("statement", "issue"),
    [
        (allow("A", "s3:GetObjekt", "arn:aws:s3:::b/*"), "UNKNOWN_ACTION"),
        (allow("A", "s3:GetObject", "arn:aws:s3:::b"), "RESOURCE_MISMATCH"),
        (allow("A", "s3:GetObject", "arn:aws:s3:::b/*", when={"StringEquals": {"s3:nothing": "x"}}), "UNKNOWN_CONDITION_FOR_ACTION"),
        (allow("A", "s3:GetObject", "arn:aws:s3:::b/*", when={"StringIs": {"aws:SourceAccount": "x"}}), "UNKNOWN_OPERATOR"),
        (allow("A", "s3:GetObject", "b"), "INVALID_ARN"),
    ],
)
def test_the_linter_sees_mistakes(statement: dict[str, Any], issue: str) -> None:
    assert issue in " ".join(findings(document(statement)))
