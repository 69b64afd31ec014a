"""What `lab doctor` finds wrong on a machine, each with what to do."""

from __future__ import annotations

import dataclasses
import os
import re
import socket
from pathlib import Path
from typing import Any

import pytest

from lab import doctor
from lab.control import Lab
from lab.settings import Settings
from lab.world import net
from tests import ports


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    port = ports.free()
    monkeypatch.setattr(net, "OWNER", tmp_path / "owner")
    monkeypatch.setattr(net, "NETNS", tmp_path / "netns")
    (tmp_path / "lab").mkdir()
    return Lab(dataclasses.replace(Settings.load(), port=port, home=tmp_path / "lab"))


def test_a_lab_that_is_down_is_nothing_wrong(lab: Lab) -> None:
    for check in (doctor.aws, doctor.world, doctor.networks):
        assert list(check(lab)) == []


def test_another_user_than_root(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert [line for line in doctor.root(lab) if "run it as root" in line]


def test_missing_packages_are_one_command(lab: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(doctor, "PACKAGES", tmp_path / "packages.txt")
    doctor.PACKAGES.write_text("dpkg\npython3\nno-such-package-1\nno-such-package-2\n")
    assert list(doctor.packages(lab)) == ["packages are missing: apt-get install no-such-package-1 no-such-package-2"]


def test_the_list_of_packages_is_sorted_names() -> None:
    names = doctor.PACKAGES.read_text().splitlines()
    assert names == sorted(set(names))
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9.+-]+", name) for name in names)


def test_a_disk_that_is_nearly_full(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "ROOM", 1 << 60)
    assert any(line.startswith(f"the disk of {lab.home} has") for line in doctor.disk(lab))


def test_a_port_that_is_taken(lab: Lab) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", lab.settings.port))
        other.listen()
        (line,) = doctor.aws(lab)
    assert line.startswith(f"port {lab.settings.port} is taken by something that is not this lab")


def test_an_aws_that_does_not_answer(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lab, "running", lambda: type("Process", (), {"pid": 7}))
    (line,) = doctor.aws(lab)
    assert line.startswith("the AWS (pid 7) does not answer")


@pytest.mark.parametrize(
    ("health", "says"),
    [
        ({"home": "/elsewhere", "error": ""}, "is that of the lab in /elsewhere: choose another with KC_LAB_PORT"),
        ({"home": None, "error": "no space left"}, "the AWS can't save its state: no space left"),
    ],
)
def test_what_an_aws_says_of_itself(lab: Lab, monkeypatch: pytest.MonkeyPatch, health: dict[str, Any], says: str) -> None:
    monkeypatch.setattr(lab, "health", lambda: {"pid": 7, "home": health["home"] or str(lab.home), "error": health["error"]})
    assert any(says in line for line in doctor.aws(lab))


def running(lab: Lab, monkeypatch: pytest.MonkeyPatch, **behaviour: Any) -> None:
    """Have the lab look as if it ran with a behaviour in that state."""
    process = type("Process", (), {"pid": 7, "command": ["lab.aws", "--world"]})
    monkeypatch.setattr(lab, "running", lambda: process)
    monkeypatch.setattr(lab.world, "find", lambda marks: process)
    state = {"name": "vpc", "looked": 0.0, "error": "", **behaviour}
    monkeypatch.setattr(lab, "behaviours", lambda: {"pid": 7, "behaviours": [state]})


@pytest.mark.parametrize(
    ("behaviour", "says"),
    [
        ({}, None),  # has not come to an end of its first look
        ({"error": "NetError: no\nmore"}, "the behaviour vpc fails: NetError: no (all of it: "),
        ({"looked": 1.0}, "the behaviour vpc has not ended a look for "),
    ],
)
def test_a_behaviour_that_fails_or_hangs(lab: Lab, monkeypatch: pytest.MonkeyPatch, behaviour: dict[str, Any], says: str | None) -> None:
    running(lab, monkeypatch, **behaviour)
    lines = list(doctor.world(lab))
    assert lines == [] if says is None else lines[0].startswith(says)


def test_a_world_that_is_down(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    running(lab, monkeypatch)
    monkeypatch.setattr(lab.world, "find", lambda marks: None)
    (line,) = doctor.world(lab)
    assert line.startswith("the world is down")


def test_networks_of_another_lab(lab: Lab) -> None:
    net.OWNER.write_text("/elsewhere/world")
    (line,) = doctor.networks(lab)
    assert line.startswith("the networks on this machine are those of the lab in /elsewhere")


def test_namespaces_and_hosts_that_do_not_match(lab: Lab) -> None:
    world = lab.home / "world"
    (world / "hosts").mkdir(parents=True)
    (world / "hosts" / "db-1.json").write_text(
        '{"name": "db-1", "region": "me-west-1", "address": "10.10.0.9", "subnet": "s", "groups": []}'
    )
    net.OWNER.write_text(str(world))
    net.NETNS.mkdir()
    for name in ("kc-edge", "kc-user", "kc-me-west-1", "kc-eu-central-1", "kc-eu-west-1", "kc-stray", "other"):
        (net.NETNS / name).touch()
    assert [line.partition(":")[0] for line in doctor.networks(lab)] == [
        "networks stand although the lab is down",
        "the namespace kc-router is gone",
        "the host kc-db-1 has no namespace",
        "the namespace kc-stray is nobody's",
    ]
