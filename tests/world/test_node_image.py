"""The image of a node boots by itself, and what roles install comes from its own disk."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.podman import inspect, podman, remove
from lab.settings import ROOT

from .workloads import lab_images

pytestmark = [pytest.mark.world, pytest.mark.xdist_group("world")]


@pytest.fixture(scope="module")
def container(built: Path) -> Iterator[str]:
    """A container of it, which has no network."""
    image = lab_images(built, "--name", "node").stdout.strip()
    words = ("run", "--detach", "--systemd=always", "--tty", "--network=none", "--label=kc.test=node", image, "/sbin/init")
    container = podman(*words).strip()
    yield container
    remove(container)


@pytest.fixture(scope="module")
def node(container: str, until: Callable[..., Any]) -> Callable[..., str]:
    """Runs a command in it, once it has booted."""

    def run(*command: str) -> str:
        return podman("exec", "--env=DEBIAN_FRONTEND=noninteractive", container, *command)

    until(lambda: run("systemctl", "is-system-running", "--wait"))
    return run


def test_it_boots_whole_and_small(node: Callable[..., str]) -> None:
    assert node("systemctl", "is-system-running").strip() == "running"
    running = node("systemctl", "list-units", "--type=service", "--state=running", "--plain", "--no-legend").splitlines()
    assert sorted(line.split()[0] for line in running) == ["dbus.service", "systemd-journald.service"]
    assert node("systemctl", "list-timers", "--output=json").strip() in ("", "[]")


def test_it_has_what_modules_run_with(node: Callable[..., str]) -> None:
    node("python3", "-c", "import apt, boto3, clickhouse_driver, cryptography, yaml")
    assert "17." in node("sh", "-c", "java -version 2>&1")


def test_services_are_installed_without_a_network(node: Callable[..., str]) -> None:
    node("apt-get", "update", "--error-on=any")
    node("apt-get", "install", "--yes", "--no-install-recommends", "clickhouse-server", "clickhouse-client", "zookeeper", "stunnel4")
    listed = node("dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\n", "clickhouse-server", "zookeeper", "stunnel4")
    assert {line.split()[1] for line in listed.splitlines()} == {"installed"}
    assert node("clickhouse-client", "--version").startswith("ClickHouse client version 18.16.1")
    assert json.loads(node("systemctl", "list-units", "--failed", "--output=json")) == []


def test_what_ansible_runs_in_it_ends_with_ansible(node: Callable[..., str], container: str, until: Callable[..., Any]) -> None:
    program = Path(sys.executable).with_name("ansible")
    words = [program, "all", "-i", "node,", "-c", "kc_container", "-e", f"ansible_kc_container={container}", "-m", "raw", "-a", "sleep 600"]
    entered = f"nsenter --target={inspect(container)['Pid']} "
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as ansible:
        until(lambda: entered in running())
        children = Path(f"/proc/{ansible.pid}/task/{ansible.pid}/children").read_text().split()
        for pid in (ansible.pid, *map(int, children)):
            os.kill(pid, signal.SIGKILL)
    until(lambda: entered not in running())


def running() -> str:
    """Return the command lines of all processes."""
    return subprocess.run(["ps", "-e", "-o", "args="], capture_output=True, text=True, check=True).stdout
