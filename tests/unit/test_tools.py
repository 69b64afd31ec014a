"""The project's own tools and the filter that prints drift."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.loading import loaded

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("named", "used", "installed", "problem"),
    [
        ({"amazon.aws": "1.0"}, {"amazon.aws"}, {"amazon.aws": "1.0"}, None),
        ({}, {"amazon.aws"}, {"amazon.aws": "1.0"}, "amazon.aws is used, but requirements.yml does not name it"),
        ({"amazon.aws": "1.0"}, set(), {"amazon.aws": "1.0"}, "amazon.aws is named in requirements.yml, but nothing uses it"),
        ({"amazon.aws": "1.0"}, {"amazon.aws"}, {"amazon.aws": "2.0"}, "amazon.aws is 2.0, requirements.yml says 1.0"),
        ({"amazon.aws": "1.0"}, {"amazon.aws"}, {}, "amazon.aws is not installed, requirements.yml says 1.0"),
    ],
)
def test_collections(named: dict[str, str], used: set[str], installed: dict[str, str], problem: str | None) -> None:
    assert loaded("tools/requirements.py").problems(named, used, installed) == ([problem] if problem else [])


def change(action: str, before: Any, after: Any) -> dict[str, Any]:
    return {"action": action, "kind": "bucket", "name": "kc-lab-media", "region": "me-west-1", "before": before, "after": after}


@pytest.mark.parametrize(
    ("given", "lines"),
    [
        (change("create", None, {"a": 1}), ["storage: create bucket kc-lab-media (me-west-1)"]),
        (change("delete", {"a": 1}, None), ["storage: delete bucket kc-lab-media (me-west-1)"]),
        (
            change("update", {"a": 1, "b": [2]}, {"a": 3, "b": []}),
            [
                "storage: update bucket kc-lab-media (me-west-1): a is 1, wanted 3",
                "storage: update bucket kc-lab-media (me-west-1): b is [2], wanted []",
            ],
        ),
        (change("replace", {"a": 1, "b": 2}, {"a": 1, "b": 3}), ["storage: replace bucket kc-lab-media (me-west-1): b is 2, wanted 3"]),
    ],
)
def test_drift_is_printed_a_line_a_difference(given: dict[str, Any], lines: list[str]) -> None:
    assert loaded("plugins/filter/kc.py").kc_plan_lines({"storage": {"me-west-1": [given]}}) == lines


def test_bootstrap_says_what_is_missing_in_one_line(tmp_path: Path) -> None:
    """A python that is too old, on a machine where nothing has been made yet."""
    for directory in ("tools", "media_server"):
        (tmp_path / directory).mkdir()
    (tmp_path / "tools/bootstrap").write_text((ROOT / "tools/bootstrap").read_text())
    for name in ("requirements.txt", "requirements-dev.txt", "media_server/requirements.txt", "constraints.txt"):
        (tmp_path / name).write_text("")
    old = tmp_path / "python"
    old.write_text(
        f'#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.9.2" && exit 0\ncase "$2" in *version_info*) exit 1;; esac\nexec {sys.executable} "$@"\n'
    )
    old.chmod(0o755)
    done = subprocess.run(["sh", "tools/bootstrap"], cwd=tmp_path, env={**os.environ, "PYTHON": str(old)}, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == "bootstrap: Python 3.9.2 is too old: install Python 3.11 or newer, or set PYTHON\n"
    assert not (tmp_path / ".venv").exists()


@pytest.mark.parametrize(
    ("instances", "asked", "says"),
    [
        (
            "i-0abc",
            "ssm start-session --region me-west-1 --target i-0abc --document-name AWS-StartSSHSession --parameters portNumber=22",
            "",
        ),
        ("", "", "node_way: no instance kc-prod-keeper-1 runs in me-west-1"),
        ("None", "", "node_way: no instance kc-prod-keeper-1 runs in me-west-1"),
        ("i-0abc\ti-0def", "", "node_way: several instances are called kc-prod-keeper-1 in me-west-1"),
    ],
)
def test_the_way_to_a_node(tmp_path: Path, instances: str, asked: str, says: str) -> None:
    """The AWS CLI is a stand-in that prints: Session Manager is AWS's own."""
    aws = tmp_path / "aws"
    aws.write_text(f"#!/bin/sh\n[ $1 = ec2 ] && printf '%s\\n' '{instances}' || echo \"$*\"\n")
    aws.chmod(0o755)
    command = [ROOT / "tools/node_way", "me-west-1", "kc-prod-keeper-1", "22"]
    done = subprocess.run(command, env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, capture_output=True, text=True, timeout=10)
    assert done.stdout.strip() == asked
    assert says in done.stderr
    assert (done.returncode == 0) is bool(asked)


PLAN = json.dumps({"runs": [{"plan": [change("delete", {}, None)]}, {"plan": []}]})


@pytest.mark.parametrize(
    ("done", "plan_file", "found"),
    [
        ({"rc": 0, "stdout": "ok"}, '{"runs": []}', {"plan": [], "rc": 0, "msg": ""}),
        ({"rc": 2, "stdout": ""}, PLAN, {"plan": [change("delete", {}, None)], "rc": 2, "msg": ""}),
        ({"rc": 2, "stdout": "x\n[ERROR]: no answer\nfatal: y"}, '{"runs": []}', {"plan": [], "rc": 2, "msg": "[ERROR]: no answer"}),
        ({"rc": 4, "stdout": "fatal: y"}, "", {"msg": "fatal: y"}),
        ({"msg": "Job reached maximum time limit of 45 seconds."}, "", {"msg": "Job reached maximum time limit of 45 seconds."}),
        ({}, "", {"msg": "it did not end"}),
    ],
)
def test_a_run_in_check_mode_is_a_plan_or_a_reason(done: dict[str, Any], plan_file: str, found: dict[str, Any]) -> None:
    assert loaded("plugins/filter/kc.py").kc_drifted(done, plan_file) == found
