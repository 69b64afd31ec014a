"""Runs that are killed: in a process of their own before one of their calls, or with all that they have begun."""

from __future__ import annotations

import itertools
import os
import random
import signal
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any


def killed(go: Callable[[], Any], at: int, methods: Sequence[tuple[type, str]]) -> bool:
    """Run in a process of its own that is killed before the call of one of these methods with this number; whether it came to that."""
    child = os.fork()
    if not child:
        signal.alarm(120)
        count = itertools.count()

        def counted(method: Callable[..., Any]) -> Callable[..., Any]:
            def call(*args: Any, **more: Any) -> Any:
                if next(count) == at:
                    os.kill(os.getpid(), signal.SIGKILL)
                return method(*args, **more)

            return call

        for owner, method in methods:
            setattr(owner, method, counted(getattr(owner, method)))
        try:
            go()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "it failed"
    return os.WIFSIGNALED(status)


def steps(go: Callable[[], Any], methods: Sequence[tuple[type, str]], again: Callable[[], Any], seed: int, most: int) -> Iterator[int]:
    """Yield after each kill at some number of calls, until a run came to its end; `again` takes back what was done."""
    chosen = random.Random(seed)  # noqa: S311
    at = chosen.randint(0, most)
    while killed(go, at, methods):
        yield at
        again()
        at += chosen.randint(1, most)


def children(pid: int) -> list[int]:
    """Return a process's children, by whichever of its threads."""
    return [int(word) for file in Path(f"/proc/{pid}/task").glob("*/children") for word in file.read_text().split()]


def kill_tree(pid: int) -> None:
    """Kill a process and all that it has begun, in whatever sessions: Ansible's workers have their own, and would go on."""
    there: list[int] = []
    waiting = [pid]
    while waiting:  # standing still, none begins another
        each = waiting.pop()
        with suppress(ProcessLookupError, FileNotFoundError):
            os.kill(each, signal.SIGSTOP)
            there.append(each)
            waiting += children(each)
    for each in there:
        with suppress(ProcessLookupError):
            os.kill(each, signal.SIGKILL)
