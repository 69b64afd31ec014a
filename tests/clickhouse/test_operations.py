"""The playbooks of operation: what they refuse before they touch anything, and what they compare."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lab.settings import ROOT
from tests.loading import loaded

PROGRAM = Path(sys.executable).with_name("ansible-playbook")
OPERATIONS = [
    "backup",
    "restore",
    "upgrade",
    "rolling_restart",
    "replica_rebuild",
    "replica_remove",
    "coordination_recover",
    "keeper_recover",
]
NODE = "-enode=clickhouse-2.eu-central-1"

FILTERS = loaded("plugins/filter/kc_clickhouse.py")


def play(name: str, *words: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORCE_COLOR": "0"}
    command = [PROGRAM, f"playbooks/{name}.yml", *words]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120)


def test_they_are_read() -> None:
    done = subprocess.run(
        [PROGRAM, "--syntax-check", *(f"playbooks/{name}.yml" for name in OPERATIONS)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("playbook: playbooks/") == len(OPERATIONS)


@pytest.mark.parametrize(
    ("name", "words", "said"),
    [
        ("replica_remove", [NODE], "out of its cluster. If that is what you want in `lab`, run it again with -e confirm=lab"),
        (
            "replica_remove",
            ["-enode=nobody", "-econfirm=lab"],
            "`nobody` is no node of a cluster of this inventory: -e node= is one of click",
        ),
        ("replica_rebuild", [], "`` is no node of a cluster of this inventory"),
        ("coordination_recover", ["-econfirm=production"], "run it again with -e confirm=lab"),
        ("upgrade", ["-ecluster=nobody"], "`nobody` is no cluster of this inventory"),
        ("backup", ["-ecluster=nobody"], "`nobody`: -e cluster= is `platform` or a client with nodes or instances of its own"),
        ("backup", ["-ebackup_state=restored"], "`restored`: here backups are made, or with -e backup_state=listed told"),
        ("restore", [], "cluster `platform` from a backup; nobody may write there meanwhile. If that is what you want in `lab`"),
        ("restore", ["-ebackup_data=replace"], "from a backup, and what its tables hold besides is lost; nobody may write"),
        (
            "replica_remove",
            ["-enode=acme-clickhouse-1.me-west-1", "-econfirm=lab", "-e", '{"node_secrets": {"secrets": {}}}'],
            "acme-clickhouse-1.me-west-1 is all there is of its cluster: what it has is nowhere else",
        ),
    ],
)
def test_what_is_refused_at_once(name: str, words: list[str], said: str) -> None:
    done = play(name, *words)
    assert done.returncode == 2, done.stdout + done.stderr
    assert said in " ".join((done.stdout + done.stderr).split())
    assert "changed=0 " in done.stdout
    assert "changed=1 " not in done.stdout


def nodes(**rows: int | None) -> dict[str, Any]:
    return {"a:9440": {"tables": {f"r.{table}": {"rows": count} for table, count in rows.items()}}}


@pytest.mark.parametrize(
    ("before", "after", "fewer"),
    [
        (nodes(t=3, u=0), nodes(t=3, u=5), []),
        (nodes(t=3), nodes(t=2), ["r.t on a:9440 (2 of 3)"]),
        (nodes(t=3), nodes(), ["r.t on a:9440 (unknown of 3)"]),
        (nodes(t=3), nodes(t=None), ["r.t on a:9440 (unknown of 3)"]),
        (nodes(t=3), {}, ["r.t on a:9440 (unknown of 3)"]),
        # not counted before; of a restoration that was broken off
        (nodes(t=None, u_kc_new=4), nodes(), []),
    ],
)
def test_what_is_missing_is_named(before: dict[str, Any], after: dict[str, Any], fewer: list[str]) -> None:
    assert FILTERS.kc_clickhouse_fewer(before, after) == fewer


@pytest.mark.parametrize(("version", "has"), [("18.16.1", False), ("20.4.9.110", False), ("20.5.2.7", True), ("25.8.11.66", True)])
def test_what_a_version_has(version: str, has: bool) -> None:
    assert FILTERS.kc_clickhouse_has(version, "access control") is has
