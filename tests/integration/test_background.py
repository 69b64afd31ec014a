"""Units that begin in the background, as playbooks use them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from tests.faults.proxy import Proxy, proxy_to

ROOT = Path(__file__).parents[2]

BEGIN = """
- name: "Databases | begin"
  hosts: me-west-1
  tasks:
    - name: It begins
      kc_parameters:
        scope: "{{ kc_scope }}"
        values: {slow/value: slow}
      async: 600
      poll: 0
      register: job
"""
MEANWHILE = """
- name: "Edge | meanwhile"
  hosts: me-west-1
  tasks:
    - name: Something else
      ansible.builtin.command: "{{ ansible_playbook_python }} -c 'import urllib.request; urllib.request.urlopen(\\"{{ gate }}/open\\")'"
      changed_when: false
"""
FAIL = """
- name: "Edge | failure"
  hosts: me-west-1
  tasks:
    - name: It fails
      ansible.builtin.fail:
        msg: something else failed
"""
AWAIT = """
- name: "Compute | stands"
  hosts: me-west-1
  tasks:
    - name: It stands
      kc_await:
        job: "{{ job | default({}) }}"
"""


class Gate(Proxy):
    """An AWS that answers `PutParameter` only once somebody has asked for `/open`."""

    def __init__(self, upstream: str) -> None:
        super().__init__(upstream)
        self.opened = threading.Event()
        self.order: list[str] = []

    def forward(self, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, dict[str, str], bytes]:
        if request.path == "/open":
            self.order.append("opened")
            self.opened.set()
            return 200, {}, b""
        if (request.headers.get("X-Amz-Target") or "").endswith(".PutParameter"):
            self.order.append("asked")
            assert self.opened.wait(60), "nobody came: the playbook waits for what it only began"
            self.order.append("answered")
        return super().forward(request, body)


@pytest.fixture
def gate(aws_api: str) -> Iterator[Gate]:
    with proxy_to(aws_api, Gate) as found:
        yield found
        found.opened.set()


@pytest.fixture
def play(gate: Gate, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs plays, given as text, on the lab's inventory behind the gate."""

    def go(text: str, *options: str) -> subprocess.CompletedProcess[str]:
        file = tmp_path / "play.yml"
        file.write_text(text)
        env = {
            **os.environ,
            "KC_LAB_PORT": gate.url.rsplit(":", 1)[1],
            "KC_PLAN_FILE": str(tmp_path / "plan.json"),
            "ANSIBLE_ASYNC_DIR": str(tmp_path / "jobs"),
            "ANSIBLE_NOCOLOR": "1",
        }
        command = [Path(sys.executable).with_name("ansible-playbook"), file, "-e", f"gate={gate.url}", *options]
        return subprocess.run(list(map(str, command)), cwd=ROOT, env=env, capture_output=True, text=True, timeout=120)

    return go


def units(tmp_path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((tmp_path / "plan.json").read_text())["runs"]
    return found


def parameters(client: Callable[..., Any]) -> list[str]:
    return [one["Name"] for one in client("ssm").describe_parameters()["Parameters"]]


def test_others_go_on_until_somebody_waits(play: Any, gate: Gate, client: Any, tmp_path: Path) -> None:
    result = play(BEGIN + MEANWHILE + AWAIT)
    assert result.returncode == 0, result.stdout + result.stderr
    assert sorted(gate.order[:2]) == ["asked", "opened"] and gate.order[2:] == ["answered"]
    assert parameters(client) == ["/kc/lab/slow/value"]

    (unit,) = units(tmp_path)  # counted once
    assert (unit["unit"], unit["phase"], unit["background"], len(unit["plan"]), len(unit["applied"])) == (
        "parameters",
        "Databases",
        True,
        1,
        1,
    )
    shown = result.stdout
    stands = shown.index("TASK [It stands]")
    assert shown.index("TASK [Something else]") < stands < shown.index("  me-west-1: create parameter /kc/lab/slow/value (me-west-1)")
    assert re.search(r"Databases +\d+\.\d s   parameters in the background \d+\.\d\n", shown)
    assert "changed=1" in shown and "skipping:" not in shown
    jobs = list((tmp_path / "jobs").iterdir())
    assert [job.suffix for job in jobs] == [".turn"], "its file is gone"

    again = play(BEGIN + AWAIT)
    assert (again.returncode, units(tmp_path)[0]["plan"]) == (0, []), again.stdout
    assert "changed=0" in again.stdout


@pytest.mark.parametrize("how", [("--check",), ("-e", "kc_in_process=false")])
def test_check_mode_and_modules_do_it_at_once(play: Any, gate: Gate, tmp_path: Path, how: tuple[str, ...]) -> None:
    gate.opened.set()
    result = play(BEGIN + AWAIT, *how)
    assert result.returncode == 0, result.stdout + result.stderr
    (unit,) = units(tmp_path)
    assert (unit["phase"], unit["background"], len(unit["plan"])) == ("Databases", False, 1)
    assert "skipping:" not in result.stdout
    assert gate.order == ([] if "--check" in how else ["asked", "answered"])


def test_waiting_for_what_did_not_begin(play: Any) -> None:
    result = play(AWAIT)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "changed=0" in result.stdout


def test_it_fails_with_the_units_own_error(play: Any, gate: Gate, client: Any, tmp_path: Path) -> None:
    client("ssm").put_parameter(Name="/kc/lab/slow/value", Value="somebody else's", Type="String")
    gate.opened.set()
    result = play(BEGIN + AWAIT)
    assert result.returncode != 0
    task = result.stdout[result.stdout.index("TASK [It stands]") :]
    assert "parameter /kc/lab/slow/value (me-west-1): ssm:put_parameter in me-west-1 answered ParameterAlreadyExists" in task
    assert "\nFailed: parameters on me-west-1" in result.stdout
    (unit,) = units(tmp_path)
    assert (unit["failed"], unit["background"]) == (True, True)


def test_it_goes_on_when_the_playbook_fails_and_the_next_run_waits_for_it(play: Any, gate: Gate, client: Any, tmp_path: Path) -> None:
    failed = play(BEGIN + FAIL + AWAIT)
    assert failed.returncode != 0
    assert "Works on in the background: parameters on me-west-1." in failed.stdout
    assert parameters(client) == []

    result = play(BEGIN + MEANWHILE + AWAIT)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "an earlier run still works on this in the background: waiting for its end" in result.stdout
    assert gate.order.count("answered") == 1, "the second one found it done"
    assert units(tmp_path)[0]["plan"] == []
    assert parameters(client) == ["/kc/lab/slow/value"]
