"""What a bucket and an instance of RDS are called, for playbooks."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from kc.scope import Scope
from kc.units.mysql import instance_name

SPEC = importlib.util.spec_from_file_location("kc_names", Path(__file__).parents[2] / "plugins/filter/kc_names.py")
assert SPEC
assert SPEC.loader
MODULE = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(MODULE)


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
