"""Filters that tell what something is called, by the one rule for names: a bucket, a key, a queue, a secret, an instance of RDS."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).absolute().parents[2]
if str(ROOT / "module_utils") not in sys.path:
    sys.path.append(str(ROOT / "module_utils"))

from kc.alarms import topic_arn  # noqa: E402
from kc.aws.signing_keys import signer_name  # noqa: E402
from kc.scope import Scope  # noqa: E402
from kc.units.keys import key_name  # noqa: E402
from kc.units.mysql import instance_name  # noqa: E402
from kc.units.queues import dead_name, queue_name  # noqa: E402
from kc.units.secrets import secret_name  # noqa: E402


def kc_bucket(scope: Mapping[str, Any], short: str, region: str) -> str:
    """Return the name of the bucket `short` in a region; buckets are everybody's, clients' too."""
    return Scope(scope["platform"], scope["environment"], scope["account"], region, component="").bucket(short)


def kc_key(scope: Mapping[str, Any], short: str) -> str:
    """Return the alias of the key of a purpose, as the KMS API takes it."""
    return f"alias/{key_name(_here(scope), short)}"


def kc_queue_url(scope: Mapping[str, Any], short: str, dead: bool = False) -> str:
    """Return the URL of a queue, or of its dead-letter queue (SQS developer guide, "Queue and message identifiers")."""
    here = _here(scope)
    return f"https://sqs.{here.region}.amazonaws.com/{here.account}/{dead_name(here, short) if dead else queue_name(here, short)}"


def kc_secret(scope: Mapping[str, Any], short: str) -> str:
    """Return the name of a secret."""
    return secret_name(_here(scope), short)


def kc_signer(scope: Mapping[str, Any], secret: str) -> str:
    """Return the name of the parameter that tells which version of a secret signs cookies for the edge."""
    return signer_name(_here(scope), secret)


def kc_database(scope: Mapping[str, Any], short: str) -> str:
    """Return the name of the instance `short`: the platform's, or that of the client whose scope it is."""
    return instance_name(_here(scope), short)


def kc_topic(scope: Mapping[str, Any], short: str) -> str:
    """Return the ARN of a topic."""
    return topic_arn(_here(scope), short)


def _here(scope: Mapping[str, Any]) -> Scope:
    about = (scope["platform"], scope["environment"], scope["account"], scope["region"])
    return Scope(*about, component="", client=scope.get("client", ""))


class FilterModule:
    """The filters by name."""

    def filters(self) -> dict[str, Any]:
        return {
            "kc_bucket": kc_bucket,
            "kc_database": kc_database,
            "kc_key": kc_key,
            "kc_queue_url": kc_queue_url,
            "kc_secret": kc_secret,
            "kc_signer": kc_signer,
            "kc_topic": kc_topic,
        }
