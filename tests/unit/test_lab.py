"""The lab's parts that need no server."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab import overlay
from lab.__main__ import exports
from lab.processes import Process, Slot
from lab.settings import INVENTORY, REGION, Settings


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Settings:
    monkeypatch.setenv("KC_LAB_PORT", "5999")
    monkeypatch.setenv("KC_LAB_DIR", str(tmp_path))
    return Settings.load()


def test_settings_come_from_the_inventory_and_two_variables(settings: Settings, tmp_path: Path) -> None:
    inventory = yaml.safe_load(INVENTORY.read_text())
    assert (settings.account, settings.secret_key) == (inventory["kc_account"], inventory["kc_aws"]["secret_access_key"])
    assert (settings.url, settings.home) == ("http://127.0.0.1:5999", tmp_path)


@pytest.mark.parametrize("port", ["0", "65536", "-1", "http", "55 66"])
def test_a_port_that_is_none_is_one_clear_error(monkeypatch: pytest.MonkeyPatch, port: str) -> None:
    monkeypatch.setenv("KC_LAB_PORT", port)
    with pytest.raises(ValueError, match=f"KC_LAB_PORT is `{port}`, which is no TCP port"):
        Settings.load()


def test_exports_are_what_a_shell_reads(settings: Settings) -> None:
    told = subprocess.run(
        ["sh", "-c", 'eval "$(cat)"; env'],
        input=exports(settings),
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": os.environ["PATH"], "AWS_PROFILE": "elsewhere", "AWS_SESSION_TOKEN": "old"},
    ).stdout
    seen = dict(line.split("=", 1) for line in told.splitlines())
    assert {name: seen.get(name) for name in settings.environment} == settings.environment
    assert not set(Settings.HIDING) & set(seen)


ENDPOINTS: dict[str, Any] = {
    "partitions": [
        {
            "regions": {"me-central-1": {}, "eu-central-1": {}},
            "services": {
                "ec2": {"endpoints": {"me-central-1": {"hostname": "ec2.me-central-1.amazonaws.com"}}},
                "iam": {"endpoints": {"aws-global": {}}},
                "s3": {"endpoints": {"me-central-1": {}, "me-west-1": {"signatureVersions": ["s3v4"]}}},
                "odd": {},
            },
        }
    ]
}


def test_the_overlay_adds_the_region_where_its_model_is_and_keeps_what_botocore_knows() -> None:
    partition = overlay.endpoints(ENDPOINTS)["partitions"][0]
    assert REGION in partition["regions"]
    assert partition["services"]["ec2"]["endpoints"][REGION] == {"hostname": "ec2.me-west-1.amazonaws.com"}
    assert partition["services"]["s3"]["endpoints"][REGION] == {"signatureVersions": ["s3v4"]}
    assert REGION not in partition["services"]["iam"]["endpoints"]


DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(60)"


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """A process that sleeps, and doesn't listen to SIGTERM."""
    with subprocess.Popen([sys.executable, "-c", DEAF], stdout=subprocess.PIPE) as made:
        assert made.stdout and made.stdout.readline()
        yield made
        made.kill()


def test_a_process_is_told_from_a_later_one_with_its_pid(child: subprocess.Popen[bytes]) -> None:
    process = Process.of(child.pid)
    assert process and process.alive and process.uptime >= 0 and process.memory > 0
    assert not Process(process.pid, process.started - 1).alive
    child.kill()
    child.wait()
    assert not process.alive
    process.stop()  # is no error


def test_stop_ends_what_does_not_listen(child: subprocess.Popen[bytes]) -> None:
    process = Process.of(child.pid)
    assert process
    process.stop(patience=0.1)
    assert child.wait() == -9


@pytest.mark.parametrize("content", ["", "7", '{"pid": 1}', '{"pid": 999999999, "started": 1}', "[]"])
def test_a_stale_pid_file_is_removed(tmp_path: Path, content: str) -> None:
    slot = Slot(tmp_path, "aws")
    slot.pid_file.write_text(content)
    assert slot.find(["lab.aws"]) is None
    assert not slot.pid_file.exists()


def test_a_pid_that_is_somebody_elses_now_is_not_ours(tmp_path: Path, child: subprocess.Popen[bytes]) -> None:
    slot = Slot(tmp_path, "aws")
    process = Process.of(child.pid)
    assert process
    slot.keep(process)
    assert slot.find([DEAF]) == process
    assert slot.find(["lab.aws"]) is None
