"""Tests of a group keep to one process, as those of the live lab have to: pytest and pytest-xdist must agree on it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TESTS = """
import os
import pytest

@pytest.mark.xdist_group("one")
@pytest.mark.parametrize("number", range(8))
def test(number, pytestconfig):
    (pytestconfig.rootpath / f"{os.environ['PYTEST_XDIST_WORKER']}-{number}").touch()
"""


def test_one_process_runs_all_of_a_group(tmp_path: Path) -> None:
    (tmp_path / "test_group.py").write_text(TESTS)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-n",
        "2",
        "--dist",
        "loadgroup",
        "--rootdir",
        ".",
        "-p",
        "no:cacheprovider",
        "test_group.py",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    ran = [path.name.split("-") for path in tmp_path.glob("gw*-*")]
    assert (len(ran), len({process for process, _ in ran})) == (8, 1)
