"""An account as a file and as statements, without a server."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kc.clickhouse.account import Account, Grant, Setting, wanted
from kc.clickhouse.account_file import content, definer, file_name, hidden
from kc.clickhouse.account_sql import Right, Standing, absent, present, target, text
from kc.clickhouse.version import Version
from kc.errors import KcError

OLD = Version(18, 16, 1)
GIVEN: dict[str, Any] = {
    "name": "app",
    "user": "operator",
    "state": "present",
    "account_password": "secret",
    "networks": ["10.1.0.0/16", "10.0.0.1/32", "fd00::/8"],
    "grants": [{"database": "reporting"}],
}
ACCOUNT = wanted(GIVEN)
HASH = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"


def built(**options: Any) -> Account:
    return wanted(GIVEN | options)


# --- what is wanted


def test_an_account() -> None:
    full = built(
        networks=["::/0", "10.0.0.1"],
        settings={"max_threads": 2, "load_balancing": "random", "log_queries": True, "max_memory_usage": {"value": 5, "min": 1, "max": 9}},
        quota=[{"duration": 60, "queries": 5}, {"duration": 1, "execution_time": 0.5, "errors": None}],
        grants=[{"database": "b", "access": "write", "tables": ["y", "x"]}, {"database": "a", "tables": [], "access": "read"}],
        row_policies=[{"database": "a", "table": "t", "filter": "course  =\n'x'"}],
    )
    assert full == Account(
        "app",
        "secret",
        ("10.0.0.1", "::/0"),
        {
            "load_balancing": Setting("random"),
            "log_queries": Setting("1"),
            "max_memory_usage": Setting("5", "1", "9"),
            "max_threads": Setting("2"),
        },
        {
            1: {"queries": 0, "errors": 0, "result_rows": 0, "read_rows": 0, "execution_time": 0.5},
            60: {"queries": 5, "errors": 0, "result_rows": 0, "read_rows": 0, "execution_time": 0},
        },
        (Grant("a"), Grant("b", "x", True), Grant("b", "y", True)),
        {("a", "t"): "course = 'x'"},
    )
    assert full.digest == HASH
    assert (full.writes, ACCOUNT.writes) == (True, False)
    assert "secret" not in repr(full)
    assert built(state="absent", account_password=None) == Account("app")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"name": "a\nb"}, "`name`"),
        ({"name": "operator"}, "`name`"),
        ({"account_password": None}, "`account_password` is missing"),
        ({"networks": ["everywhere"]}, "`networks`: 'everywhere'"),
        ({"networks": []}, "`networks` is empty"),
        ({"settings": {"a b": 1}}, "`settings`: 'a b'"),
        ({"settings": {"x><y": 1}}, "`settings`"),
        ({"settings": {"allow_ddl": 1}}, "`settings.allow_ddl`"),
        ({"settings": {"x": {}}}, "`settings.x`"),
        ({"settings": {"x": {"maximum": 1}}}, "`settings.x`"),
        ({"settings": {"x": [1]}}, "`settings.x`"),
        ({"settings": {"x": "a\nb"}}, "`settings.x`"),
        ({"quota": [{"duration": 0}]}, "`quota[0].duration`"),
        ({"quota": [{"duration": 5}, {"duration": 5}]}, "`quota[1].duration`"),
        ({"quota": [{"duration": 5, "errors": -1}]}, "`quota[0].errors`"),
        ({"grants": [{"database": ""}]}, "`grants[0].database` is empty"),
        ({"grants": [{"database": "a\x01"}]}, "`grants[0].database`"),
        ({"grants": [{"database": "a", "tables": ["t\n"]}]}, "`grants[0].tables`"),
        ({"grants": [{"database": "a"}, {"database": "a", "access": "write"}]}, "`grants[1]`: 'a' is there twice"),
        ({"grants": [{"database": "a"}, {"database": "a", "tables": ["t"]}]}, "`grants`: 'a.t' is in 'a'"),
        ({"row_policies": [{"database": "other", "table": "t", "filter": "1"}]}, "'other.t' is not granted"),
        ({"row_policies": [{"database": "reporting", "table": "t", "filter": "1; DROP"}]}, "`row_policies[0].filter`"),
        ({"row_policies": [{"database": "reporting", "table": "t", "filter": "1"}] * 2}, "`row_policies[1]`"),
    ],
)
def test_what_can_not_be(options: dict[str, Any], says: str) -> None:
    with pytest.raises(KcError) as found:
        built(**options)
    assert says in str(found.value)
    assert "\n" not in str(found.value)
    assert found.value.hint


# --- as a file


def test_a_file() -> None:
    account = built(settings={"max_threads": 2}, quota=[{"duration": 60, "queries": 5, "execution_time": 1.5}])
    made, ignored = content(account, OLD)
    assert ignored == []
    assert (
        made
        == f"""<!-- Written by kc_clickhouse_user. -->
<clickhouse>
    <profiles>
        <account-app>
            <max_threads>2</max_threads>
            <readonly>1</readonly>
        </account-app>
    </profiles>
    <quotas>
        <account-app>
            <interval>
                <duration>60</duration>
                <queries>5</queries>
                <errors>0</errors>
                <result_rows>0</result_rows>
                <read_rows>0</read_rows>
                <execution_time>1.5</execution_time>
            </interval>
        </account-app>
    </quotas>
    <users>
        <app>
            <password_sha256_hex>{HASH}</password_sha256_hex>
            <networks>
                <ip>10.0.0.1</ip>
                <ip>::ffff:10.1.0.0/112</ip>
                <ip>fd00::/8</ip>
            </networks>
            <profile>account-app</profile>
            <quota>account-app</quota>
            <allow_databases>
                <database>system</database>
                <database>reporting</database>
            </allow_databases>
        </app>
    </users>
</clickhouse>
"""
    )


@pytest.mark.parametrize(
    ("options", "holds", "ignored"),
    [
        ({"grants": []}, "<allow_databases>\n                <database>system</database>\n            </allow_databases>", []),
        ({"grants": [{"database": "a<&>b"}]}, "<database>a&lt;&amp;&gt;b</database>", []),
        ({"grants": [{"database": "a", "access": "write"}]}, "<allow_ddl>0</allow_ddl>", ["grants: who writes"]),
        ({"settings": {"x": {"value": "<", "max": 3}}}, "<x>&lt;</x>", ["settings.x.max"]),
        ({"settings": {"x": {"min": 2, "max": 3}}}, "<readonly>1</readonly>", ["settings.x.min", "settings.x.max"]),
        ({"quota": []}, "<quota>default</quota>", []),
    ],
)
def test_in_a_file(options: dict[str, Any], holds: str, ignored: list[str]) -> None:
    made, left = content(built(**options), OLD)
    assert holds in made
    assert ("<readonly>1<" in made) is ("<allow_ddl>" not in made)
    assert [each[: len(start)] for each, start in zip(left, ignored, strict=True)] == ignored


@pytest.mark.parametrize("name", ["a b", "a.b", "1a", "-a", "a<b", "a/b", "..", "é", "a'b", "a" * 65])
def test_no_name_for_a_file(name: str) -> None:
    with pytest.raises(KcError, match="can't stand in a file"):
        file_name(Account(name))


@given(
    password=st.text(min_size=1).filter(lambda text: text.isprintable() or "\n" in text),
    database=st.text(alphabet=st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=20),
)
def test_a_file_is_read_as_what_was_meant(password: str, database: str) -> None:
    try:
        account = built(account_password=password, grants=[{"database": database}])
    except KcError:  # half a character
        return
    user = ElementTree.fromstring(content(account, OLD)[0]).find("users/app")  # noqa: S314 - ours
    assert user is not None
    databases = ["system", database] if database != "system" else ["system"]
    assert [each.text for each in user.findall("allow_databases/database")] == databases
    assert user.findtext("password_sha256_hex") == account.digest
    assert account.digest not in hidden(content(account, OLD)[0])


@pytest.mark.parametrize(
    "given",
    [
        "<a><password>sesame</password></a>",
        "<a><password_sha256_hex\n>sesame</password_sha256_hex ></a>",
        "<a><password_double_sha1_hex x='1'>se<!-- -->sesame</password_double_sha1_hex></a>",
        "<a><password>sesame",
    ],
)
def test_what_is_hidden(given: str) -> None:
    assert "sesame" not in hidden(given)


def test_an_account_of_another_file(tmp_path: Path) -> None:
    directory = tmp_path / "users.d"
    directory.mkdir()
    (tmp_path / "users.xml").write_text("<clickhouse><users><main/></users></clickhouse>")
    (directory / "a.xml").write_text("<yandex><users><one/><two/></users></yandex>")
    (directory / "b.xml").write_text("<broken")
    for name, file in (("main", tmp_path / "users.xml"), ("two", directory / "a.xml"), ("other", None), ("users", None)):
        assert definer(name, directory, "account.xml") == file
    assert definer("two", directory, "a.xml") is None


# --- as statements

STANDS = target(ACCOUNT)
MORE = built(
    networks=["::1", "10.0.0.0/8"],
    settings={"max_threads": {"value": 2, "max": 4}, "load_balancing": {"value": "a'b"}},
    quota=[{"duration": 60, "queries": 5, "execution_time": 0.5}, {"duration": 3600}],
    grants=[{"database": "r`x", "access": "write", "tables": ["t'"]}, {"database": "s"}],
    row_policies=[{"database": "s", "table": "t", "filter": "a = 'x'"}],
)


def planned(account: Account, there: Standing, let_in: bool = True) -> list[str]:
    statements = list(present(account, there, let_in=let_in))
    for statement in statements:
        assert account.digest not in str(statement)
        assert account.digest not in repr(statement)
    return [str(statement) for statement in statements]


def test_what_makes_an_account() -> None:
    assert planned(MORE, Standing()) == [
        "CREATE USER `app` IDENTIFIED WITH sha256_hash BY '********' HOST IP '10.0.0.0/8', '::1' "
        r"SETTINGS `load_balancing` = 'a\'b', `max_threads` = '2' MAX '4'",
        "CREATE ROW POLICY OR REPLACE `app` ON `s`.`t` FOR SELECT USING a = 'x' TO `app`",
        r"GRANT INSERT ON `r\`x`.`t'` TO `app`",
        r"GRANT SELECT ON `r\`x`.`t'` TO `app`",
        "GRANT SELECT ON `s`.* TO `app`",
        "CREATE QUOTA OR REPLACE `app` KEYED BY user_name FOR INTERVAL 60 SECOND MAX queries = 5, execution_time = 0.5, "
        "FOR INTERVAL 3600 SECOND TRACKING ONLY TO `app`",
    ]
    (first, *_) = present(MORE, Standing(), let_in=False)
    assert HASH in first.text
    for account in (ACCOUNT, MORE):
        assert planned(account, target(account)) == []


@pytest.mark.parametrize(
    ("there", "statements"),
    [
        (replace(STANDS, kind="plaintext_password"), ["ALTER USER `app` IDENTIFIED WITH sha256_hash BY '********'"]),
        (replace(STANDS, networks=("::/0",)), ["ALTER USER `app` HOST IP '10.0.0.1', '10.1.0.0/16', 'fd00::/8'"]),
        (replace(STANDS, hosts=("evil",)), ["ALTER USER `app` HOST IP '10.0.0.1', '10.1.0.0/16', 'fd00::/8'"]),
        (replace(STANDS, settings={"x": Setting("1")}), ["ALTER USER `app` SETTINGS NONE"]),
        (replace(STANDS, profiles=("x",)), ["ALTER USER `app` SETTINGS NONE"]),
        (replace(STANDS, roles=("ro`le",)), [r"REVOKE `ro\`le` FROM `app`"]),
        (replace(STANDS, rights=frozenset()), ["GRANT SELECT ON `reporting`.* TO `app`"]),
        (replace(STANDS, rights=STANDS.rights | {Right("ALTER UPDATE", "x", "y")}), ["REVOKE ALTER UPDATE ON `x`.`y` FROM `app`"]),
        (replace(STANDS, rights=STANDS.rights | {Right("SELECT", "x", "y", "z")}), ["REVOKE SELECT(`z`) ON `x`.`y` FROM `app`"]),
        (replace(STANDS, rights=frozenset({Right("ALL")})), ["REVOKE ALL ON *.* FROM `app`", "GRANT SELECT ON `reporting`.* TO `app`"]),
        (replace(STANDS, refused=frozenset({Right("SELECT", "reporting", "t")})), ["GRANT SELECT ON `reporting`.* TO `app`"]),
        (replace(STANDS, passed=STANDS.rights), ["REVOKE GRANT OPTION FOR SELECT ON `reporting`.* FROM `app`"]),
        (replace(STANDS, quota={1: {}}, quota_of=("app",)), ["DROP QUOTA `app`"]),
        (replace(STANDS, policies={("d", "t"): ("1", ("app",))}), ["DROP ROW POLICY `app` ON `d`.`t`"]),
    ],
)
def test_what_puts_an_account_right(there: Standing, statements: list[str]) -> None:
    assert planned(ACCOUNT, there) == statements
    assert text(there)


def test_what_others_made_of_its_quota_and_its_rows() -> None:
    there = target(MORE)
    assert planned(MORE, replace(there, quota_of=("others",)))[0].startswith("CREATE QUOTA OR REPLACE ")
    policies = {("s", "t"): ("1", ("app",))}
    assert planned(MORE, replace(there, policies=policies)) == [
        "CREATE ROW POLICY OR REPLACE `app` ON `s`.`t` FOR SELECT USING a = 'x' TO `app`"
    ]


def test_another_password() -> None:
    assert planned(ACCOUNT, STANDS, let_in=False) == ["ALTER USER `app` IDENTIFIED WITH sha256_hash BY '********'"]
    assert not re.search("secret|password$", text(STANDS))


def test_what_takes_an_account_away() -> None:
    assert [str(each) for each in absent(ACCOUNT, target(MORE))] == [
        "DROP USER `app`",
        "DROP ROW POLICY `app` ON `s`.`t`",
        "DROP QUOTA `app`",
    ]
    assert list(absent(ACCOUNT, Standing())) == []
