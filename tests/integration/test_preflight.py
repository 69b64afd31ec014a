"""Preflight and the callback, as `ansible-playbook` runs them."""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
LAB = ROOT / "inventories" / "lab"

Play = Callable[..., subprocess.CompletedProcess[str]]


def copied(directory: Path, aws_api: str) -> Path:
    """Copy the lab's inventory, to talk to another API."""
    copy = directory / "inventories" / "copy"
    shutil.copytree(LAB, copy)
    aws = copy / "group_vars" / "all" / "aws.yml"
    lines = [f'  endpoint_url: "{aws_api}"' if "endpoint_url" in line else line for line in aws.read_text().splitlines()]
    aws.write_text("\n".join(lines) + "\n")
    return copy


def played(directory: Path, inventory: Path, playbook: str, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a playbook, given as text or as a file of the repository."""
    file = ROOT / playbook
    if "\n" in playbook:
        file = directory / "play.yml"
        file.write_text(playbook)
    command = [Path(sys.executable).parent / "ansible-playbook", "-i", inventory, file, *options]
    settings = {
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_CALLBACKS_ENABLED": "kc",
        "ANSIBLE_NOCOLOR": "1",
        "COLUMNS": "100",
    }
    return subprocess.run(
        list(map(str, command)), cwd=directory, env={**os.environ, **settings, **environment}, capture_output=True, text=True, timeout=120
    )


@pytest.fixture
def inventory(tmp_path: Path, aws_api: str) -> Path:
    """A copy of the lab's inventory that talks to the test's API."""
    return copied(tmp_path, aws_api)


@pytest.fixture
def play(tmp_path: Path, inventory: Path) -> Play:
    """Run a playbook on the copy: see `played`."""
    return functools.partial(played, tmp_path, inventory)


def replaced(file: Path, old: str, new: str) -> int:
    """Replace text in a file; the line that it is on, starting at 1."""
    text = file.read_text()
    assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in {file}"
    file.write_text(text.replace(old, new))
    return text[: text.index(old)].count("\n") + 1


def problems(result: subprocess.CompletedProcess[str]) -> list[str]:
    """The problems that the inventory check told."""
    lines = (result.stdout + result.stderr).splitlines()
    start = next(index for index, line in enumerate(lines) if "The inventory has" in line)
    return [line for line in lines[start + 1 :] if line.startswith("inventories/")]


PREFLIGHT = "playbooks/preflight.yml"


def test_the_lab_passes(play: Play) -> None:
    result = play(PREFLIGHT)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "What stands where" not in result.stdout


MISTAKES = [
    ("host_vars/me-west-1.yml", "10.10.0.0/16", "10.10.0.0/33", "kc_network_cidr: 10.10.0.0/33 is no IPv4 network"),
    ("host_vars/eu-west-1.yml", "10.12.0.0/16", "10.11.0.0/20", "kc_network_cidr: 10.11.0.0/20 overlaps 10.11.0.0/16 of eu-central-1"),
    ("group_vars/all/platform.yml", "kc_environment: lab", "kc_environment: Lab", "kc_environment: `Lab` can't begin a name"),
    ("group_vars/all/platform.yml", "kc_domain:", "kc_domian:", "kc_domian: is no variable of the platform: did you mean `kc_domain`?"),
    ("group_vars/all/common/network.yml", "kc_network_nat: zone", "kc_network_nat: true", "kc_network_nat: must be text, not `true`"),
    (
        "group_vars/all/common/network.yml",
        "data: {internet: none, acl: internal}",
        "data: {internet: none, acl: internal, nacl: x}",
        "kc_network_tiers.data.nacl: is not known here: did you mean `acl`?",
    ),
    (
        "group_vars/all/common/network.yml",
        "- {port: 80, peer: world, why: Redirected to HTTPS}",
        "- {port: 80, peer: wrld, why: Redirected to HTTPS}",
        "kc_network_security_groups.balancer.ingress[1].peer: `wrld` is no peer: did you mean `world`?",
    ),
    ("hosts.yml", "        us-east-1:", "        us-east-9:", "`us-east-9` is no AWS region: did you mean `us-east-"),
]
"""Places of an inventory, what stands there, what somebody wrote instead, and what is said of it."""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], list[str]]:
    """The places of all these mistakes in one inventory, and what preflight says of it."""
    directory = tmp_path_factory.mktemp("mistakes")
    inventory = copied(directory, "http://127.0.0.1:9")  # nobody is asked: it ends before
    places = [f"inventories/copy/{file}:{replaced(inventory / file, old, new)}: " for file, old, new, _ in MISTAKES]
    result = played(directory, inventory, PREFLIGHT)
    assert result.returncode != 0
    lines = problems(result)
    follows = {"inventories/copy:"}  # the region whose name is wrong is missing, too
    assert {line.split(" ")[0] for line in lines} - follows == {place.strip() for place in places}, "nothing else is wrong"
    return places, lines


@pytest.mark.xdist_group("mistakes")
@pytest.mark.parametrize("which", range(len(MISTAKES)), ids=[says for *_, says in MISTAKES])
def test_a_mistake_is_told_once_with_file_and_line(told: tuple[list[str], list[str]], which: int) -> None:
    places, lines = told
    found = [line for line in lines if MISTAKES[which][3] in line]
    assert [line.startswith(places[which]) for line in found] == [True], lines


def test_the_wrong_account(play: Play, inventory: Path) -> None:
    replaced(inventory / "group_vars/all/aws.yml", '"123456789012"', '"210987654321"')
    result = play(PREFLIGHT)
    assert result.returncode != 0
    assert "the credentials are for 123456789012, kc_account says 210987654321" in result.stdout + result.stderr


def test_a_quota_that_is_used_up(play: Play, client: Callable[..., Any]) -> None:
    for third in range(5):
        client("ec2", "eu-central-1").create_vpc(CidrBlock=f"10.{100 + third}.0.0/16")
    result = play(PREFLIGHT)
    assert result.returncode != 0
    assert "eu-central-1: VPCs: 1 needed, " in result.stdout + result.stderr
    assert "me-west-1: VPCs" not in result.stdout + result.stderr


PARAMETERS = """
- name: "Foundation | regions"
  hosts: regions
  tasks:
    - name: Parameters
      kc_parameters:
        scope: "{{ kc_scope }}"
        values: {log_level: info, other: hidden-value-77-xq}
"""


def table(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines() if line.startswith("  ")]


@pytest.mark.parametrize(("options", "title"), [(("--check",), "Plan: what would be done"), ((), "Done")])
def test_the_summary(play: Play, tmp_path: Path, options: tuple[str, ...], title: str) -> None:
    result = play(PARAMETERS, *options, KC_PLAN_FILE="plan.json")
    assert result.returncode == 0, result.stdout + result.stderr
    summary = result.stdout[result.stdout.index("PLAY RECAP") :]
    assert f"\n{title}" in summary
    rows = table(summary[summary.index(f"\n{title}") :])
    assert rows[1:] == [["parameters", region, "2", "-", "-", "-"] for region in ("eu-central-1", "me-west-1")] + [
        ["total", "4", "0", "0", "0"]
    ]
    assert "\nTime\n  Foundation " in summary
    assert "hidden-value-77-xq" not in summary
    assert max(map(len, summary.splitlines()[5:])) <= 100
    assert "\x1b" not in result.stdout
    written = tmp_path / "plan.json"
    assert oct(written.stat().st_mode & 0o777) == "0o600"
    data = json.loads(written.read_text())
    assert [(run["host"], run["check"], len(run["plan"])) for run in data["runs"]].count(("me-west-1", bool(options), 2)) == 1


def test_the_second_run_has_nothing_to_change(play: Play) -> None:
    play(PARAMETERS)
    result = play(PARAMETERS)
    assert "\nDone: nothing to change\n" in result.stdout
    assert ["parameters", "me-west-1", "parameter", "2"] in table(result.stdout)


FILES = """
- name: Nodes | files
  hosts: me-west-1
  gather_facts: false
  check_mode: "{{{{ kc_check | default(ansible_check_mode) }}}}"
  tasks:
    - name: Files
      ansible.builtin.copy:
        content: x
        dest: "{directory}/{{{{ item }}}}"
      loop: [one, two]
    - name: Looked at
      ansible.builtin.command: "true"
      changed_when: false
"""


def test_what_other_tasks_changed_is_told_too(play: Play, tmp_path: Path) -> None:
    plays = PARAMETERS + FILES.format(directory=tmp_path)
    first, second = play(plays), play(plays)
    assert "\n  on nodes and in databases\n    Files: me-west-1\n\n" in first.stdout
    assert "\nDone: nothing to change\n" in second.stdout


def test_a_failure_is_told_with_what_was_done(play: Play, client: Callable[..., Any]) -> None:
    client("ssm").put_parameter(Name="/kc/lab/other", Value="somebody else's", Type="String")
    result = play(PARAMETERS)
    assert result.returncode != 0
    told = result.stdout[result.stdout.index("\nFailed: parameters on me-west-1") :]
    assert "/kc/lab/other" in told
    assert "1 done before it, 1 not done" in told


def test_a_sign_of_life_while_nothing_is_shown(play: Play) -> None:
    result = play("- name: Slow\n  hosts: me-west-1\n  tasks:\n    - name: Nap\n      ansible.builtin.command: sleep 2\n", KC_QUIET="0.5")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "  still working: Nap on me-west-1 (" in result.stdout
    assert "What stands where" not in result.stdout


def roles(client: Callable[..., Any], **flags: str) -> None:
    """Write role flags, as the runbooks do; a region's hyphens are underlines here."""
    for region, role in flags.items():
        client("ssm", region.replace("_", "-")).put_parameter(Name="/kc/lab/state/role", Value=role, Type="String")


PRIMARY = (
    (ROOT / PREFLIGHT).read_text()
    + """
- name: "Told | everywhere"
  hosts: regions:witness:global
  tags: [x]
  tasks:
    - name: Every host knows
      ansible.builtin.debug:
        msg: "{{ inventory_hostname }} knows {{ kc_primary }}"

- name: "Told | primary"
  hosts: primary
  tasks:
    - name: This is it
      ansible.builtin.debug:
        msg: "it is {{ inventory_hostname }}"
      tags: [x]
"""
)


@pytest.mark.parametrize("options", [(), ("--check",), ("--tags", "x"), ("--limit", "eu-central-1")])
def test_the_region_that_is_primary_now_is_known_everywhere(play: Play, client: Callable[..., Any], options: tuple[str, ...]) -> None:
    """After a failover, whatever the inventory says of the region at home."""
    roles(client, me_west_1="secondary", eu_central_1="primary")
    result = play(PRIMARY, *options)
    assert result.returncode == 0, result.stdout + result.stderr
    hosts = {"eu-central-1"} if "--limit" in options else {"eu-central-1", "me-west-1", "eu-west-1", "us-east-1"}
    assert {f"{host} knows eu-central-1" for host in hosts} == set(re.findall(r"[\w-]+ knows [\w-]+", result.stdout))
    assert re.findall(r"it is ([\w-]+)", result.stdout) == ["eu-central-1"]
    assert "changed=0" in result.stdout and "changed=1" not in result.stdout


def test_without_flags_the_home_region_is_primary(play: Play) -> None:
    assert "it is me-west-1" in play(PRIMARY).stdout


def test_two_primaries_are_an_error_before_anything_is_touched(play: Play, client: Callable[..., Any]) -> None:
    roles(client, me_west_1="primary", eu_central_1="primary")
    result = play(PRIMARY)
    assert result.returncode != 0
    assert "eu-central-1 and me-west-1 both say that they are primary (SSM parameter /kc/lab/state/role)" in result.stdout + result.stderr
    assert "knows" not in result.stdout


def test_whoever_has_not_asked_does_not_guess(play: Play) -> None:
    result = play(
        '- name: Alone\n  hosts: me-west-1\n  tasks:\n    - name: Asked\n      ansible.builtin.debug:\n        msg: "{{ kc_primary }}"\n'
    )
    assert result.returncode != 0
    assert "which region is primary now is read by playbooks/preflight.yml" in result.stdout + result.stderr
