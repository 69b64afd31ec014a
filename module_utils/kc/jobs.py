"""Units that work in the background: begun by one task, waited for by a later one.

A job is a process of its own, forked from the one that begins it. Options and keys come to it by memory: they are in
no file and in no process list. What it tells, and in the end its result, it writes to a file that only its owner can
read; a lock on that file, which the kernel drops with the process, says whether it lives.

The process belongs to no session and no terminal: it goes on when the playbook fails or is broken off.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import secrets
import signal
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

from .errors import KcError

Tell = Callable[[str], None]
Work = Callable[[Tell], Mapping[str, Any]]

PAUSE = 0.5
"""Seconds between two looks at a job."""

KEPT = 86400
"""Seconds that the result of a job is kept which nobody waits for."""


def begin(directory: Path, name: str, work: Work) -> Path:
    """Begin `work` in the background, and return its file.

    Jobs of the same name work one after the other: one that finds another still at work waits for its end, and then
    finds done what that one did.

    Args:
        directory: Where jobs' files are; made for the owner alone where it lacks.
        name: What the job works on.
        work: Returns the result, plain data; it gets a function that tells what it does.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    _tidy(directory, name)
    path = directory / f"{name}.{secrets.token_hex(4)}"
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
    fcntl.flock(file, fcntl.LOCK_EX)  # the child inherits it, and with it the lock
    turn = os.open(directory / f"{name}.turn", os.O_RDWR | os.O_CREAT, 0o600)
    child = os.fork()
    if child == 0:
        _job(file, turn, work)
    os.close(file)
    os.close(turn)
    os.waitpid(child, 0)  # it has forked the job, and is gone
    return path


def wait(path: Path, tell: Tell, limit: float, sleep: Callable[[float], None] = time.sleep) -> dict[str, Any]:
    """Wait for a job's end, telling what it tells; return its result, and remove its file.

    The result has `background` in it: the name of its file, and the seconds that it took. A job whose process died has
    failed.

    Args:
        limit: Seconds to wait at most, counted from the job's beginning.

    Raises:
        KcError: There is no such job, or it has not ended in time (it goes on then).
    """
    told = 0
    while True:
        alive = _alive(path)  # before its last lines are read: what is dead says nothing more
        lines = list(_lines(path))
        for line in lines[told:]:
            if "told" in line:
                tell(line["told"])
        told = len(lines)
        if not alive or (lines and "result" in lines[-1]):
            path.unlink()
            died = {"failed": True, "changed": False, "msg": f"The job {path.name} died without a result. Run again: what stands is kept."}
            seconds = lines[-1]["at"] - lines[0]["at"] if lines else 0.0
            return {**(lines[-1].get("result", died) if lines else died), "background": {"job": path.name, "seconds": seconds}}
        if lines and time.time() - lines[0]["at"] > limit:
            raise KcError(
                f"the job {path.name} has not ended after {limit:.0f} s",
                hint="it goes on by itself; run again to wait for it, or raise the task's `async`",
            )
        sleep(PAUSE)


@contextmanager
def turn(directory: Path, name: str, tell: Tell) -> Iterator[None]:
    """Hold a name's turn while working on it in the foreground; where no job of this name was ever begun, nobody else has it."""
    try:
        lock = os.open(directory / f"{name}.turn", os.O_RDWR)
    except FileNotFoundError:
        yield
        return
    try:
        with _turn(lock, tell):
            yield
    finally:
        os.close(lock)


def _job(file: int, turn: int, work: Work) -> NoReturn:
    """Be the job: leave the process that began it, work, write the result. Never returns into the caller's code."""
    status = 1
    try:
        if os.fork():
            os._exit(0)
        os.setsid()
        for number in (signal.SIGINT, signal.SIGTERM):  # the handlers are those of whoever began it
            signal.signal(number, signal.SIG_DFL)
        _detach(keep={file, turn})
        logging.disable()
        _write(file, began=True)
        try:
            with _turn(turn, lambda text: _write(file, told=text)):
                result = dict(work(lambda text: _write(file, told=text)))
        except BaseException as error:  # whatever it is, whoever waits must hear of it
            message = f"{type(error).__name__}: {error}. This is a defect of the toolkit: report it with the result's `exception`."
            result = {"failed": True, "changed": False, "msg": message, "exception": traceback.format_exc()}
        _write(file, result=result)
        status = 0
    finally:
        os._exit(status)


def _detach(keep: set[int]) -> None:
    """Close every file but `keep`: a pipe that stays open keeps whoever reads it waiting."""
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    last = 3
    for number in sorted(keep):
        os.closerange(last, number)
        last = number + 1
    os.closerange(last, os.sysconf("SC_OPEN_MAX"))


@contextmanager
def _turn(lock: int, tell: Tell) -> Iterator[None]:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        tell("an earlier run still works on this in the background: waiting for its end")
        fcntl.flock(lock, fcntl.LOCK_EX)
    yield


def _write(file: int, **what: Any) -> None:
    os.write(file, json.dumps({"at": time.time(), **what}).encode() + b"\n")


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield what a job has written so far; a line that is not whole yet is left for the next look.

    Raises:
        KcError: It has no file.
    """
    try:
        text = path.read_text()
    except FileNotFoundError:
        raise KcError(f"there is no job {path.name}", hint="its result was taken already; run again") from None
    yield from (json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n"))


def _alive(path: Path) -> bool:
    """Whether the job's process lives: it holds a lock on its file."""
    with suppress(FileNotFoundError), path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _tidy(directory: Path, name: str) -> None:
    """Remove the files of jobs that ended long ago, and that nobody waited for."""
    for path in directory.glob(f"{name}.{'[0-9a-f]' * 8}"):
        if not _alive(path) and time.time() - path.stat().st_mtime > KEPT:
            path.unlink(missing_ok=True)
