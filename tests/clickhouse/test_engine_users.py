"""Accounts and a current engine: it takes the statements, and what is read of its tables is what stands.

The engine in process has no storage for accounts, so statements are parsed and not run; what is looked at comes from its file of users.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from kc.clickhouse import users as work
from kc.clickhouse.account import Setting
from kc.clickhouse.account_sql import Right, Standing, absent, look, present, target
from kc.clickhouse.cluster import Cluster
from kc.clickhouse.entry import Report
from kc.clickhouse.quote import value
from kc.clickhouse.statement import Statement
from kc.errors import KcError

from tests.clickhouse.engine import Engine
from tests.unit.test_clickhouse_account import ACCOUNT, MORE, built


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    found = Engine()
    yield found
    found.connection.close()


DRIFT = Standing(
    storage="local_directory",
    kind="plaintext_password",
    networks=("::/0",),
    settings={"max_threads": Setting("1")},
    rights=frozenset({Right("SELECT", "a`b", "c", "d"), Right("ALTER UPDATE", "x")}),
    passed=target(ACCOUNT).rights,
    roles=("ro'le",),
    quota={60: {}},
    policies={("d'", "t`"): ("1", ())},
)
HOSTILE = built(
    name="quo'te\" `x` \\ <&>",
    account_password="'; DROP USER x -- \n",
    settings={"max_threads": {"value": "'", "min": "\\"}},
    grants=[{"database": "a' b", "tables": ["`"], "access": "write"}],
    row_policies=[{"database": "a' b", "table": "`", "filter": "a = 'x\\'y'"}],
)
STATEMENTS: list[Statement] = [
    *(each for account in (ACCOUNT, MORE, HOSTILE) for there in (Standing(), DRIFT) for each in present(account, there, let_in=False)),
    *absent(HOSTILE, target(HOSTILE)),
]


@pytest.mark.parametrize("statement", STATEMENTS, ids=str)
def test_every_statement_is_one_that_it_takes(engine: Engine, statement: Statement) -> None:
    parsed = str(engine.one(f"SELECT formatQuerySingleLine({value(statement.text)})"))
    assert parsed.split()[0] == statement.text.split()[0]
    assert "DROP USER x" not in parsed


def test_what_stands(engine: Engine) -> None:
    reads = {Right("SELECT", "reporting"), Right("INSERT", "reporting"), Right("SELECT", "o'd", "t", "a")}
    assert look(engine, "seen") == Standing(
        storage="users_xml",
        kind="sha256_password",
        networks=("10.0.0.0/8",),
        hosts=("localhost",),
        profiles=("limited",),
        rights=frozenset(reads),
        refused=frozenset({Right("SELECT", "reporting", "secret")}),
        passed=frozenset({Right("SELECT", "o'd", "t", "a")}),
        quota={3600: {"queries": 7, "errors": 0, "result_rows": 0, "read_rows": 0, "execution_time": 1.5}},
        quota_of=("seen",),
        policies={("reporting", "events"): ("course = 'x'", ("seen",))},
    )
    assert look(engine, "nobody's") == Standing()


def plan(engine: Engine, **options: Any) -> tuple[list[str], Report]:
    """Return what the module would do on a node that is the engine."""
    account = built(**options)
    report = Report(check=True)
    params = {"state": "present", "directory": "/nosuch", **options}
    assert engine.version.has("access control")
    work._statements(account, engine, params, report)
    return [step.shown["statement"] for step in report.steps], report


def test_the_plan_is_made_of_statements(engine: Engine, tmp_path: Any) -> None:
    filtered = {"row_policies": [{"database": "reporting", "table": "t", "filter": "course='x' and day in (1,2)"}]}
    made, report = plan(engine, name="new", **filtered)
    assert made[0].startswith("CREATE USER `new` IDENTIFIED WITH sha256_hash BY '********' HOST IP ")
    # as the server writes it, so that a second run finds no difference
    assert "USING (course = 'x') AND (day IN (1, 2)) TO `new`" in made[1]
    assert "comes from 10.0.0.1\n" in report.diff[0]["after"]
    assert plan(engine, name="new", state="absent")[0] == []
    # what an older version had in a file is taken over
    (tmp_path / "account-seen.xml").write_text("<clickhouse/>")
    made, _ = plan(engine, name="seen", directory=str(tmp_path))
    assert made[:2] == [f"delete {tmp_path}/account-seen.xml", "SYSTEM RELOAD CONFIG"]
    assert made[2].startswith("CREATE USER `seen` ")


def test_an_account_of_the_server_s_files_is_left_alone(engine: Engine) -> None:
    with pytest.raises(KcError, match="has 'seen' from its files"):
        plan(engine, name="seen")


def test_it_is_gone_where_its_table_does_not_have_it(engine: Engine) -> None:
    for name, states in (("nobody", "refused"), ("seen", "ok")):
        account, report = built(name=name, state="absent"), Report(check=True)
        work.verify(Cluster([engine]), account, engine, {"state": "absent", "wait": 0}, report)
        assert report.outputs["nodes"] == {str(engine.node): states}
    with pytest.raises(KcError, match="it still has 'seen'"):
        work.verify(Cluster([engine]), account, engine, {"state": "absent", "wait": 0}, Report())
