"""Jobs in the background: begun, told of, waited for, one after the other, and heard of when they die."""

from __future__ import annotations

import fcntl
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kc import jobs
from kc.errors import KcError

SECRET = "a-password-77-xq"
TOO_LONG = 60.0
"""Seconds after which a test has failed; none comes near."""


def until(true: Callable[[], Any]) -> Any:
    """Return what `true` says once it is true."""
    end = time.monotonic() + TOO_LONG
    while time.monotonic() < end:
        found = true()
        if found:
            return found
        time.sleep(0.01)
    raise AssertionError("it never came")


def ended(path: Path, told: list[str] | None = None, limit: float = TOO_LONG) -> dict[str, Any]:
    return jobs.wait(path, (told if told is not None else []).append, limit, sleep=lambda seconds: time.sleep(0.01))


def test_a_job_works_while_its_beginner_goes_on(tmp_path: Path) -> None:
    gate, told = tmp_path / "gate", []  # type: ignore[var-annotated]

    def work(tell: jobs.Tell) -> dict[str, Any]:
        tell("create x")
        until(gate.exists)
        tell("made x")
        return {"changed": True, "plan": [1]}

    path = jobs.begin(tmp_path / "jobs", "kc-mysql", work)
    gate.touch()  # reached only because the job was not waited for
    result = ended(path, told)
    assert (result["changed"], result["plan"]) == (True, [1])
    assert result["background"]["job"] == path.name and result["background"]["seconds"] >= 0
    assert told == ["create x", "made x"]
    assert not path.exists()


def test_only_its_owner_can_read_it_and_no_option_is_in_it(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    password = SECRET
    path = jobs.begin(tmp_path / "jobs", "kc-mysql", lambda tell: {"length": len(password) if until(gate.exists) else 0})
    files = list((tmp_path / "jobs").iterdir())
    assert {oct(file.stat().st_mode & 0o777) for file in files} == {"0o600"}
    assert oct((tmp_path / "jobs").stat().st_mode & 0o777) == "0o700"
    gate.touch()
    assert ended(path)["length"] == len(SECRET)
    assert not any(SECRET in file.read_text() for file in files if file.exists())


def test_whatever_is_raised_is_heard_of(tmp_path: Path) -> None:
    def work(tell: jobs.Tell) -> dict[str, Any]:
        raise ZeroDivisionError("nothing to divide by")

    result = ended(jobs.begin(tmp_path, "kc-mysql", work))
    assert result["failed"] and "ZeroDivisionError: nothing to divide by" in result["msg"]
    assert "Traceback" in result["exception"]


def test_a_job_that_is_killed_has_failed(tmp_path: Path) -> None:
    gate, told = tmp_path / "gate", []  # type: ignore[var-annotated]

    def work(tell: jobs.Tell) -> dict[str, Any]:
        tell(str(os.getpid()))
        until(gate.exists)
        return {}

    path = jobs.begin(tmp_path, "kc-mysql", work)
    pid = until(lambda: [line["told"] for line in jobs._lines(path) if "told" in line])[0]
    os.kill(int(pid), signal.SIGKILL)
    result = ended(path, told)
    assert result["failed"] and "died without a result" in result["msg"]
    assert result["background"]["job"] == path.name


def test_jobs_of_one_name_work_one_after_the_other(tmp_path: Path) -> None:
    gate, log = tmp_path / "gate", tmp_path / "log"

    def work(name: str) -> jobs.Work:
        def go(tell: jobs.Tell) -> dict[str, Any]:
            with log.open("a") as file:
                file.write(f"{name} begins\n")
            until(gate.exists)
            with log.open("a") as file:
                file.write(f"{name} ends\n")
            return {}

        return go

    first = jobs.begin(tmp_path, "kc-mysql", work("first"))
    until(log.exists)
    second = jobs.begin(tmp_path, "kc-mysql", work("second"))
    other = jobs.begin(tmp_path, "kc-edge", lambda tell: {"other": True})
    assert ended(other)["other"], "another name does not wait"
    until(lambda: any("an earlier run still works" in line.get("told", "") for line in jobs._lines(second)))
    assert log.read_text() == "first begins\n"
    gate.touch()
    ended(second)
    ended(first)
    assert log.read_text().splitlines() == ["first begins", "first ends", "second begins", "second ends"]


def test_work_in_the_foreground_waits_for_its_turn(tmp_path: Path) -> None:
    with jobs.turn(tmp_path, "kc-mysql", pytest.fail):
        pass  # no job was ever begun
    gate, told = tmp_path / "gate", []  # type: ignore[var-annotated]
    path = jobs.begin(tmp_path, "kc-mysql", lambda tell: {"ok": bool(until(gate.exists))})
    until(lambda: list(jobs._lines(path)))

    def heard(text: str) -> None:
        told.append(text)
        gate.touch()  # only now can the job end, and the turn begin

    until(lambda: _held(tmp_path / "kc-mysql.turn"))
    with jobs.turn(tmp_path, "kc-mysql", heard):
        assert not jobs._alive(path) or list(jobs._lines(path))[-1].get("result"), "its job has done its work"
    assert told == ["an earlier run still works on this in the background: waiting for its end"]
    assert ended(path)["ok"]


def _held(lock: Path) -> bool:
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_one_that_takes_too_long_goes_on(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    path = jobs.begin(tmp_path, "kc-mysql", lambda tell: {"ok": bool(until(gate.exists))})
    with pytest.raises(KcError, match="has not ended after 0 s") as caught:
        ended(path, limit=0)
    assert "goes on by itself" in caught.value.hint
    gate.touch()
    assert ended(path)["ok"]


def test_a_job_that_was_waited_for_is_gone(tmp_path: Path) -> None:
    path = jobs.begin(tmp_path, "kc-mysql", lambda tell: {})
    ended(path)
    with pytest.raises(KcError, match="there is no job"):
        ended(path)


def test_results_that_nobody_wanted_are_removed_after_a_day(tmp_path: Path) -> None:
    old, new = (jobs.begin(tmp_path, "kc-mysql", lambda tell: {}) for _ in range(2))
    until(lambda: not jobs._alive(old) and not jobs._alive(new))
    os.utime(old, (0, 0))
    ended(jobs.begin(tmp_path, "kc-mysql", lambda tell: {}))
    assert not old.exists() and new.exists()


def test_a_job_keeps_no_pipe_open(tmp_path: Path) -> None:
    """Ansible reads its workers' pipes to their end, and so does whoever reads the playbook's output."""
    gate = tmp_path / "gate"
    read, write = os.pipe()
    os.set_inheritable(write, True)
    path = jobs.begin(tmp_path, "kc-mysql", lambda tell: {"ok": bool(until(gate.exists))})
    until(lambda: list(jobs._lines(path)))
    os.close(write)
    assert os.read(read, 1) == b"", "it has an end although the job works"
    os.close(read)
    gate.touch()
    assert ended(path)["ok"]
