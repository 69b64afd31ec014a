"""What buckets, keys, queues, secrets and instances of RDS are called, for playbooks."""

from __future__ import annotations

import pytest
from kc.aws.signing_keys import signer_name
from kc.scope import Scope
from kc.units.keys import key_name
from kc.units.mysql import instance_name
from kc.units.queues import dead_name, queue_name
from kc.units.secrets import secret_name

from tests.loading import loaded

MODULE = loaded("plugins/filter/kc_names.py")


def test_a_bucket_is_called_as_the_unit_calls_it() -> None:
    scope = {"platform": "kc", "environment": "lab", "account": "123456789012", "region": "clickhouse-1.me-west-1", "client": "acme"}
    wanted = Scope("kc", "lab", "123456789012", "me-west-1", "storage").bucket("backups")
    assert MODULE.FilterModule().filters()["kc_bucket"](scope, "backups", "me-west-1") == wanted


@pytest.mark.parametrize(
    ("client", "short"), [("", "main"), ("acme", "main"), ("a-client-with-a-name-of-thirty", "an-instance-with-a-long-name-too")]
)
def test_an_instance_is_called_as_the_unit_calls_it(client: str, short: str) -> None:
    scope = {
        "platform": "kc",
        "environment": "production",
        "account": "123456789012",
        "region": "me-west-1",
        **({"client": client} if client else {}),
    }
    wanted = instance_name(Scope("kc", "production", "123456789012", "me-west-1", "mysql", client), short)
    assert MODULE.FilterModule().filters()["kc_database"](scope, short) == wanted


def test_what_the_media_server_is_told_is_called_as_the_units_call_it() -> None:
    given = {"platform": "kc", "environment": "lab", "account": "123456789012", "region": "me-west-1"}
    scope, filters = Scope("kc", "lab", "123456789012", "me-west-1", "any"), MODULE.FilterModule().filters()
    assert filters["kc_key"](given, "media") == f"alias/{key_name(scope, 'media')}"
    urls = [filters["kc_queue_url"](given, "media-jobs", dead=dead) for dead in (False, True)]
    names = [queue_name(scope, "media-jobs"), dead_name(scope, "media-jobs")]
    assert urls == [f"https://sqs.me-west-1.amazonaws.com/123456789012/{name}" for name in names]
    assert filters["kc_secret"](given, "media-cookies") == secret_name(scope, "media-cookies")
    assert filters["kc_signer"](given, "media-cookies") == signer_name(scope, "media-cookies")
