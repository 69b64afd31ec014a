"""Two sentinels of a region on a real ensemble: which of them acts when the other region is lost, and what is told."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from kc.lease.lease import EXPIRED, Lease

from sentinel import promotion
from sentinel.service import Sentinel
from sentinel.settings import Settings, read
from sentinel.watch import Phase, Policy
from tests.lease.world import ACCOUNT, TTL, World
from tests.ports import free
from tests.sentinel.test_parts import ENVIRONMENT
from tests.servers import standing, until

pytestmark = [pytest.mark.clickhouse, pytest.mark.xdist_group("lease")]
OTHER = Lease("me-west-1", 1, EXPIRED)


class Api:
    """A region's API: parameters, and what was published."""

    region = "eu-central-1"

    def __init__(self) -> None:
        self.parameters: dict[str, str] = {"/kc/lab/state/role": "secondary"}
        self.published: list[dict[str, str]] = []

    def at(self, region: str) -> Api:
        return self

    def find(self, service: str, operation: str, **params: Any) -> dict[str, Any] | None:
        value = self.parameters.get(params["Name"])
        return {"Parameter": {"Value": value}} if value is not None else None

    def call(self, service: str, operation: str, **params: Any) -> dict[str, Any]:
        if operation == "publish":
            self.published.append(params)
        else:
            self.parameters[params["Name"]] = params["Value"]
        return {}


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with standing(World, "sentinel") as made:
        yield made


@pytest.fixture
def settings(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    program = tmp_path / "ansible-playbook"
    program.write_text(f"#!/bin/sh\necho run >> {tmp_path}/runs\n")
    program.chmod(0o755)
    monkeypatch.setattr(promotion, "PROGRAM", [str(program)])
    nowhere = f"127.0.0.1:{free(1)}"
    made = read(
        {
            **ENVIRONMENT,
            "SENTINEL_MEMBERS": ",".join(world.names),
            "SENTINEL_OWN": world.names[0],
            "SENTINEL_PEERS": nowhere,
            "SENTINEL_ORIGIN": f"http://{nowhere}/",
            "SENTINEL_NAME": f"http://{nowhere}/",
            "LEASE_USER": ACCOUNT.user,
            "LEASE_PASSWORD": ACCOUNT.password,
            "SENTINEL_CERTIFICATE": world.certificate.read_text(),
        }
    )
    return replace(made, limits=replace(made.limits, ttl=TTL), policy=Policy(hold=1, gap=60))


def runs(home: Path) -> int:
    return len((home / "runs").read_text().splitlines()) if (home / "runs").exists() else 0


def test_of_two_sentinels_one_fails_over_once_and_tells(world: World, settings: Settings, tmp_path: Path) -> None:
    api = Api()
    with contextlib.ExitStack() as open_:
        session = open_.enter_context(contextlib.closing(world.session()))
        session.wait(20)
        session.lay(OTHER)
        session.take(OTHER, "task-1")
        both = [open_.enter_context(contextlib.closing(_sentinel(settings, api, world))) for _ in range(2)]
        until(lambda: all(_lease(each) == OTHER.region for each in both), "both know whose the lease is")
        until(lambda: Phase.QUIET in [_phase(each) for each in both], "it is done")
        for _ in range(10):
            assert [_phase(each) for each in both].count(Phase.QUIET) == 1
        assert runs(tmp_path) == 1
        assert sorted(each.view().phase.value for each in both) == [Phase.QUIET.value, Phase.WATCHING.value]
        assert [message["Subject"] for message in api.published] == [
            f"lab: me-west-1 is {phase}" for phase in ("suspect", "acting", "quiet")
        ]
        assert "nothing of it for 1 s" in api.published[1]["Message"]


def _sentinel(settings: Settings, api: Api, world: World) -> Sentinel:
    return Sentinel(settings, api, world.way(), lambda text: None)  # type: ignore[arg-type]


def _phase(sentinel: Sentinel) -> Phase:
    """Look once; return how far it is."""
    sentinel.step()
    assert sentinel.view().seen == {"ensemble": True, "name": False, "origin": False, "peering": False}
    return sentinel.view().phase


def _lease(sentinel: Sentinel) -> str:
    """Look once; return whose the lease is."""
    sentinel.step()
    return sentinel.view().lease
