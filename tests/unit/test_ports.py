"""A port that a test has is nobody else's, whether its server runs or not, until the test's process has ended."""

from __future__ import annotations

import fcntl
import subprocess
import sys
from pathlib import Path

from tests import ports

ROOT = Path(__file__).parents[2]
OTHER = "from tests import ports; ports.LOWEST, ports.HIGHEST = {lowest}, {highest}; print(ports.free(1), flush=True); input()"


def asked(lowest: int, highest: int) -> subprocess.Popen[str]:
    """Have another process look for a port."""
    command = [sys.executable, "-c", OTHER.format(lowest=lowest, highest=highest)]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def told(other: subprocess.Popen[str]) -> int:
    assert other.stdout is not None
    return int(other.stdout.readline())


def test_two_processes_have_different_ports_and_an_ended_one_has_none() -> None:
    mine = ports.free(10)
    fcntl.lockf(ports._claims(), fcntl.LOCK_UN, 1, mine + 9)
    # of ten, nine are this process's: so another one has the tenth, whatever it draws
    with asked(mine, mine + 11) as other:
        try:
            theirs = told(other)
            assert theirs == mine + 9
        finally:
            other.kill()
    with asked(mine, mine + 11) as again:
        try:
            assert told(again) == theirs
        finally:
            again.kill()


def test_a_process_gets_no_port_twice() -> None:
    found = [port for _ in range(50) for first in [ports.free(3)] for port in range(first, first + 3)]
    assert len({*found}) == len(found)
