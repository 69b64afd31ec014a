"""A cluster's part of the ensemble is made once, for its account only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from kc.errors import KcError
from kc.keeper import root
from kc.keeper.client import ANYONE, NO_AUTH, NODE_EXISTS, EnsembleError, Grant, account
from kc.keeper.root import ANYONE_MAKES, Result, converge, ensure
from kc.keeper.tls import Way

WAY = Way(9281, "ca", "certificate", "key")
OWN = [account("platform", "odd-1")]


class Ensemble:
    """A tree in memory, seen by the accounts that logged in."""

    def __init__(self, nodes: dict[str, list[Grant]] | None = None) -> None:
        self.nodes = {"/": [ANYONE], **(nodes or {})}
        self.who: set[str] = {"anyone"}
        self.calls: list[str] = []

    def __enter__(self) -> Ensemble:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def log_in(self, username: str, password: str) -> None:
        self.who.add(account(username, password).who)

    def exists(self, path: str) -> bool:
        return path in self.nodes

    def create(self, path: str, value: bytes = b"", grants: Sequence[Grant] = ()) -> None:
        self.calls.append(f"create {path}")
        if path in self.nodes:
            raise EnsembleError(NODE_EXISTS, path)
        self._need(path.rpartition("/")[0] or "/", 4)
        self.nodes[path] = list(grants)

    def grants(self, path: str) -> list[Grant]:
        self._need(path, 1 | 16)
        return sorted(self.nodes[path])

    def grant(self, path: str, grants: Sequence[Grant]) -> None:
        self.calls.append(f"grant {path}")
        self._need(path, 16)
        self.nodes[path] = list(grants)

    def _need(self, path: str, permissions: int) -> None:
        if not any(grant.who in self.who and grant.permissions & permissions for grant in self.nodes[path]):
            raise EnsembleError(NO_AUTH, path)


def go(tree: Ensemble, path: str = "/clickhouse/platform", check: bool = False) -> Result:
    tree.log_in("platform", "odd-1")
    return ensure(tree, path, "platform", "odd-1", check=check)


def test_it_is_made_with_what_is_above_it_and_only_once() -> None:
    tree = Ensemble()
    planned = go(tree, check=True)
    assert (planned.made, tree.calls) == (["/clickhouse", "/clickhouse/platform"], [])
    assert go(tree) == planned
    assert tree.nodes["/clickhouse"] == list(ANYONE_MAKES)
    assert tree.nodes["/clickhouse/platform"] == OWN
    assert go(tree) == Result()
    assert not go(tree).changed


def test_another_cluster_makes_its_own_beside_it() -> None:
    tree = Ensemble({"/clickhouse": list(ANYONE_MAKES), "/clickhouse/acme": [account("acme", "odd-2")]})
    assert go(tree).made == ["/clickhouse/platform"]
    assert tree.nodes["/clickhouse/acme"] == [account("acme", "odd-2")]


@pytest.mark.parametrize(
    "there",
    [[account("acme", "odd-2")], [account("platform", "odd-2")], [account("acme", "odd-2"), Grant(1, "world", "anyone")]],
    ids=["another account", "another password", "another account that all may read"],
)
@pytest.mark.parametrize("check", [True, False])
def test_another_s_is_not_taken(there: list[Grant], check: bool) -> None:
    tree = Ensemble({"/clickhouse": list(ANYONE_MAKES), "/clickhouse/platform": there})
    with pytest.raises(KcError, match="another account's than 'platform'") as caught:
        go(tree, check=check)
    assert "odd" not in str(caught.value)
    assert tree.calls == []


@pytest.mark.parametrize("there", [[ANYONE], [*OWN, Grant(1, "world", "anyone")]], ids=["everybody's", "everybody reads"])
def test_rights_that_were_widened_are_put_back(there: list[Grant]) -> None:
    tree = Ensemble({"/clickhouse": list(ANYONE_MAKES), "/clickhouse/platform": there})
    assert go(tree, check=True).given == ["/clickhouse/platform"]
    assert tree.nodes["/clickhouse/platform"] == there
    assert go(tree).given == ["/clickhouse/platform"]
    assert tree.nodes["/clickhouse/platform"] == OWN


def test_another_node_that_was_faster_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    tree = Ensemble({"/clickhouse": list(ANYONE_MAKES), "/clickhouse/platform": OWN})
    monkeypatch.setattr(tree, "exists", lambda path: path == "/clickhouse")
    assert go(tree).made == ["/clickhouse/platform"]


@pytest.mark.parametrize("path", ["", "clickhouse", "/", "/a//b", "/a/", "/a b", "/a'b", "/a\n"])
def test_a_path_that_is_none(path: str) -> None:
    with pytest.raises(KcError, match="root is"):
        go(Ensemble(), path)


def opens(tree: Any) -> Any:
    def client(way: Way, hosts: Sequence[str]) -> Any:
        if isinstance(tree, KcError):
            raise tree
        return tree

    return client


def test_where_nobody_serves_only_a_plan_can_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(root, "Client", opens(KcError("no member serves: k: refused", transient=True)))
    planned = converge(WAY, ["k"], "/clickhouse/platform", "platform", "odd-1", check=True)
    assert (planned.made, planned.unknown) == (["/clickhouse/platform"], "no member serves: k: refused")
    with pytest.raises(KcError, match="no member serves"):
        converge(WAY, ["k"], "/clickhouse/platform", "platform", "odd-1")


def test_the_session_is_the_account_s(monkeypatch: pytest.MonkeyPatch) -> None:
    tree = Ensemble()
    monkeypatch.setattr(root, "Client", opens(tree))
    converge(WAY, ["k"], "/clickhouse/platform", "platform", "odd-1")
    assert OWN[0].who in tree.who
