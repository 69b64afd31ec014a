"""What the ClickHouse modules stand on, as far as it needs no server."""

from __future__ import annotations

import ssl
from typing import Any

import pytest
from kc.clickhouse.cluster import Cluster, clause, raise_all
from kc.clickhouse.connection import Access, Node, Server
from kc.clickhouse.errors import HINTS, NodeError, hide, of_network, of_server
from kc.clickhouse.quote import LONGEST, check_name, name, value
from kc.clickhouse.statement import Statement
from kc.clickhouse.version import FEATURES, Version
from kc.errors import KcError


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("plain", "`plain`"),
        ("with space", "`with space`"),
        ("a`b", r"`a\`b`"),
        ("a'b", "`a'b`"),
        ("a\\b", r"`a\\b`"),
        ("a\nb\0", r"`a\nb\0`"),
    ],
)
def test_names(text: str, quoted: str) -> None:
    assert name(text) == quoted
    assert name("d", text) == f"`d`.{quoted}"


@pytest.mark.parametrize(
    ("given", "literal"),
    [
        ("plain", "'plain'"),
        ("it's", r"'it\'s'"),
        ("`", "'`'"),
        ("\\", r"'\\'"),
        ("\r\n\t", r"'\r\n\t'"),
        (5, "5"),
        (-5, "-5"),
        (True, "1"),
        (False, "0"),
        (1.5, "1.5"),
        (float("inf"), "inf"),
        (None, "NULL"),
        (["a", "b'"], r"['a', 'b\'']"),
        ((), "[]"),
    ],
)
def test_values(given: Any, literal: str) -> None:
    assert value(given) == literal


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "`database` is empty"),
        ("x" * (LONGEST + 1), "`database` is too long"),
        ("é" * (LONGEST // 6 + 1), "`database` is too long"),
        ("half \ud800", "`database` is no Unicode text"),
    ],
)
def test_names_that_no_server_takes(text: str, says: str) -> None:
    with pytest.raises(KcError, match=says) as found:
        check_name(text, what="`database`")
    assert "\n" not in str(found.value)


@pytest.mark.parametrize(
    ("text", "port", "node"),
    [
        ("clickhouse-1.me-west-1.kc-lab.internal", 9440, "clickhouse-1.me-west-1.kc-lab.internal:9440"),
        ("a:1", 9440, "a:1"),
        ("127.0.0.1", 1, "127.0.0.1:1"),
        ("::1", 5, "[::1]:5"),
        ("[::1]:6", 5, "[::1]:6"),
        ("[::1]", 5, "[::1]:5"),
    ],
)
def test_nodes(text: str, port: int, node: str) -> None:
    assert str(Node.parse(text, port)) == node


@pytest.mark.parametrize("text", ["", " ", "a b", "a:", "a:0", "a:b", "a:65536", "a\nb"])
def test_what_is_no_node(text: str) -> None:
    with pytest.raises(KcError, match="is no node"):
        Node.parse(text)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("18.16.1", (18, 16, 1)),
        ("18.16.1+ds-7.3+b2", (18, 16, 1)),
        ("25.8.2.29-lts", (25, 8, 2)),
        ("v25.8.2.29-lts", (25, 8, 2)),
        ("25.8", (25, 8, 0)),
        ("26.10.1", (26, 10, 1)),
    ],
)
def test_versions(text: str, version: tuple[int, int, int]) -> None:
    assert Version.parse(text) == version


@pytest.mark.parametrize("text", ["", "latest", "25", "a25.8"])
def test_what_is_no_version(text: str) -> None:
    with pytest.raises(KcError, match="is no version of ClickHouse"):
        Version.parse(text)


@pytest.mark.parametrize("feature", [each for each in FEATURES if each != "column comments"])
def test_what_the_lab_has_not_and_production_has(feature: str) -> None:
    with pytest.raises(KcError, match=rf"ClickHouse 18.16.1 has no {feature}.*It came with {FEATURES[feature].since[0]}"):
        Version(18, 16, 1).need(feature)
    Version(25, 8, 2).need(feature)


def test_versions_are_numbers() -> None:
    assert Version.parse("20.10.1").has("Atomic databases")
    assert not Version.parse("20.9.9").has("Atomic databases")


@pytest.mark.parametrize(
    ("text", "secrets", "shown"),
    [
        ("IDENTIFIED BY 'abc'", ["abc"], "IDENTIFIED BY '********'"),
        ("abcdef abc", ["abc", "abcdef"], "******** ********"),
        ("abc", ["", "x"], "abc"),
    ],
)
def test_secrets_are_hidden(text: str, secrets: list[str], shown: str) -> None:
    assert hide(text, secrets) == shown


def test_a_statement_hides_a_secret_as_the_literal_has_it() -> None:
    secret = "a'b"
    statement = Statement.with_secrets(f"CREATE USER u IDENTIFIED BY {value(secret)} -- {secret}", secret)
    assert str(statement) == "CREATE USER u IDENTIFIED BY '********' -- ********"
    assert secret in statement.text
    assert secret not in repr(statement)


def test_access_prints_without_its_password() -> None:
    assert "long-odd-password" not in repr(Access("u", "long-odd-password", "/ca.pem"))


@pytest.mark.parametrize(
    ("said", "code", "message"),
    [
        ("DB::Exception: Database x doesn't exist. Stack trace:\n\n0. lines", 81, "n:1: Database x doesn't exist"),
        ("Code: 62\nmany\n lines. Stack trace:\n", 62, "n:1: Code: 62 many lines"),
    ],
)
def test_what_a_server_says(said: str, code: int, message: str) -> None:
    error = of_server("n:1", code, said)
    assert (error.message, error.hint, error.facts()["node"], error.code) == (message, HINTS[code], "n:1", str(code))


def test_tls_errors_that_openssl_has_no_word_of_ours_for() -> None:
    assert of_network("n:1", ssl.SSLError(1, "odd"), 1).absent is False


@pytest.mark.parametrize(
    ("cluster_name", "text"),
    [(None, "CREATE DATABASE d ENGINE = Ordinary"), ("main", "CREATE DATABASE d ON CLUSTER `main` ENGINE = Ordinary")],
)
def test_the_clause(cluster_name: str | None, text: str) -> None:
    assert clause("CREATE DATABASE d", cluster_name, "ENGINE = Ordinary") == text


def test_all_that_went_wrong_is_one_error() -> None:
    raise_all([])
    one, two = NodeError("a:1", "x", code=60, hint="h"), NodeError("b:1", "y", code=60, hint="h")
    with pytest.raises(NodeError, match="a:1: x"):
        raise_all([one])
    with pytest.raises(KcError, match="a:1: x; b:1: y") as found:
        raise_all([one, two])
    assert found.value.hint == "h"


def test_answers_keep_the_order_of_the_nodes() -> None:
    servers = [Server(Node(f"n{number}"), Access("u", "p", "/ca")) for number in range(9)]

    def question(server: Server) -> str:
        if server is servers[3]:
            raise NodeError(str(server.node), "no")
        return server.node.host

    answers, failures = Cluster(servers).ask(question)
    assert list(answers.values()) == [f"n{number}" for number in range(9) if number != 3]
    assert list(failures) == [servers[3]]
    assert Cluster(servers).ask(question, []) == ({}, {})
