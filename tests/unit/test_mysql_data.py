"""A server's data directory is made once, whole or not at all; and what decides whether a server takes writes when it begins."""

from __future__ import annotations

import json
import os
import pwd
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from kc.errors import KcError
from kc.mysql import data

from tests.loading import loaded

BEGIN = Path(__file__).parents[2] / "roles/mysql/templates/etc/kc/mysql/begin.py"
PASSWORD = "odd'\\ one"


class Programs:
    """The programs that make the data, as a test has them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        self.ran: list[list[str]] = []
        self.given = ""
        self.dies = False
        own = pwd.getpwuid(os.getuid())
        self.params: dict[str, Any] = {
            "directory": str(tmp_path / "mysql" / "data"),
            "config": "/etc/kc/mysql/my.cnf",
            "user": "operator",
            "password": PASSWORD,
            "account_host": "%",
            "owner": own.pw_name,
            "groups": [],
            "program": "mysqld",
            "zones": "/zones",
        }
        monkeypatch.setattr(data, "_run", self.run)

    def run(self, command: list[str], owner: Any = None, file: int = -1, secret: str = "") -> str:
        self.ran.append(command)
        if command[0] != "mysqld":
            return "the zones;\n"
        target = Path(next(word for word in command if word.startswith("--datadir=")).partition("=")[2])
        target.mkdir()
        if self.dies:
            raise KeyboardInterrupt
        self.given = Path(f"/proc/self/fd/{file}").read_text()
        (target / data.MADE).touch()
        return ""

    def converge(self, check: bool = False) -> bool:
        return data.converge(self.params, check=check)


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Programs:
    return Programs(monkeypatch, tmp_path)


def test_data_is_made_once(programs: Programs, tmp_path: Path) -> None:
    assert programs.converge(check=True)
    assert (programs.ran, [*tmp_path.iterdir()]) == ([], [])
    assert programs.converge()
    assert [each.name for each in (tmp_path / "mysql").iterdir()] == ["data"]
    assert "BY 'odd\\'\\\\ one' REQUIRE SSL;\n" in programs.given and programs.given.endswith("USE mysql;\nthe zones;\n")
    assert programs.given.startswith("SET sql_log_bin = 0;\n"), "replicas have accounts of their own"
    assert not any("odd" in word for command in programs.ran for word in command)
    programs.ran.clear()
    assert not programs.converge()
    assert programs.ran == []


def test_a_run_that_is_killed_leaves_nothing_that_counts(programs: Programs, tmp_path: Path) -> None:
    programs.dies = True
    with pytest.raises(KeyboardInterrupt):
        programs.converge()
    assert not (tmp_path / "mysql" / "data").exists()
    programs.dies = False
    assert programs.converge()
    assert [each.name for each in (tmp_path / "mysql").iterdir()] == ["data"]


def test_what_is_something_else_is_left_alone(programs: Programs, tmp_path: Path) -> None:
    (tmp_path / "mysql" / "data").mkdir(parents=True)
    (tmp_path / "mysql" / "data" / "letters").touch()
    for check in (True, False):
        with pytest.raises(KcError, match=r"is no data directory of MySQL, and not empty: letters"):
            programs.converge(check=check)
    (tmp_path / "mysql" / "data" / "letters").unlink()
    assert programs.converge(), "an empty one is as good as none"


def test_bad_options_are_one_clear_error(programs: Programs) -> None:
    programs.params["directory"] = "data"
    with pytest.raises(KcError, match="no absolute path"):
        programs.converge()
    programs.params |= {"directory": "/nowhere/at/all", "owner": "nobody-of-that-name"}
    with pytest.raises(KcError, match="no such user or group"):
        programs.converge()


def test_what_a_program_says_is_told_without_the_password(tmp_path: Path) -> None:
    program = tmp_path / "mysqld"
    program.write_text("#!/bin/sh\necho 'x [Warning] aside' >&2\necho \"x [ERROR] near secret-1 at line 4\" >&2\nexit 1\n")
    program.chmod(0o755)
    with pytest.raises(KcError) as caught:
        data._run([str(program)], secret="secret-1")
    assert f"`{program}` failed: x [ERROR] near ******** at line 4" in str(caught.value)
    with pytest.raises(KcError, match="there is no `/no/program` on this host"):
        data._run(["/no/program"])


# --- begin.py

OFF, ON = {"Value": "OFF"}, {"Value": "ON"}


@pytest.fixture
def begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, with a server that took writes, and two others."""
    module: ModuleType = loaded(BEGIN)
    monkeypatch.setattr(module, "HERE", tmp_path)
    monkeypatch.setattr(module.time, "sleep", lambda seconds: None)
    (tmp_path / "servers").write_text("0 together\na\nb\n")
    (tmp_path / "mysqld-auto.cnf").write_text(
        json.dumps({"Version": 2, "mysql_dynamic_variables": {"read_only": OFF, "super_read_only": OFF}})
    )
    return module


@pytest.fixture
def decided(begin: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Return a function that has it decide, with what the others say: `0`, `1` or nothing; it returns the server's option."""

    def decide(**said: str) -> str:
        def run(command: list[str], **_: object) -> SimpleNamespace:
            host = next(word for word in command if word.startswith("--host=")).partition("=")[2]
            if said[host] == "late":
                raise subprocess.TimeoutExpired(command, 1)
            return SimpleNamespace(returncode=0 if said[host] else 1, stdout=f"{said[host]}\n")

        monkeypatch.setattr(begin.subprocess, "run", run)
        begin.main(str(tmp_path), str(tmp_path / "environment"))
        return (tmp_path / "environment").read_text().strip().removeprefix("KC_BEGIN=")

    return decide


@pytest.mark.parametrize(
    ("a", "b", "read_only"),
    [("1", "1", False), ("1", "0", True), ("0", "", True), ("1", "", True), ("late", "1", True), ("", "", True)],
)
def test_a_server_takes_writes_again_only_if_nobody_else_does(
    decided: Callable[..., str], tmp_path: Path, capsys: pytest.CaptureFixture[str], a: str, b: str, read_only: bool
) -> None:
    assert decided(a=a, b=b) == ("--persisted-globals-load=OFF" if read_only else "")
    assert ("It begins read only" in capsys.readouterr().out) is read_only
    (tmp_path / "servers").write_text("0 alone\na\nb\n")
    assert bool(decided(a=a, b=b)) is ("0" in (a, b)), "a silent one is no objection then"


@pytest.mark.parametrize("kept", [None, {}, {"read_only": OFF}, {"read_only": OFF, "super_read_only": ON}])
def test_a_server_that_takes_no_writes_asks_nobody(decided: Callable[..., str], tmp_path: Path, kept: dict[str, Any] | None) -> None:
    (tmp_path / "mysqld-auto.cnf").unlink()
    if kept is not None:
        (tmp_path / "mysqld-auto.cnf").write_text(json.dumps({"Version": 2, "mysql_dynamic_variables": kept}))
    assert decided() == ""


def test_a_server_without_others_is_as_it_was(decided: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "servers").write_text("0 together\n")
    assert decided() == ""


def test_one_that_answers_late_is_waited_for(begin: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "servers").write_text("60 together\na\n")
    answers = ["", "", "1"]

    def run(command: list[str], **_: object) -> SimpleNamespace:
        said = answers.pop(0)
        return SimpleNamespace(returncode=0 if said else 1, stdout=said)

    monkeypatch.setattr(begin.subprocess, "run", run)
    assert (begin.objection(), answers) == ("", [])
