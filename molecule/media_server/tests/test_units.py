"""How the services are confined and run by systemd, and what a run of the role does to them."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hands import ROOT, playbook, run, until
from media import AWS_SECRET, HOME, HOST, SERVICES, SIGNING, ask, current, processes, releases, shown, status

EXPOSURE = {"media-server": 1.5, "media-worker": 2.1}
"""The most that `systemd-analyze security` may find, of 10. The worker may have processes of another user, and the other looks less exposed."""

CAPABILITIES = {"media-server": 0, "media-worker": 0xE0}
"""CAP_KILL, CAP_SETGID and CAP_SETUID (capabilities(7))."""

UNREACHABLE = ("/root", "/etc/media-server/secrets", "/home")
OWN = {"/tmp", "/var/tmp"}  # noqa: S108 - a service has these for itself
SHARED = {"/dev/shm"}  # noqa: S108 - memory of this boot; cells' and workers' is not there
WRITABLE = {"media-server": OWN | {"/var/cache/media-server"}, "media-worker": OWN | {"/run/media-worker"}}


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_exposed_to_little(service: str) -> None:
    said = run(HOST, "systemd-analyze", "security", "--no-pager", f"{service}.service")
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", said)
    assert found
    assert float(found[1]) <= EXPOSURE[service], said


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_has_a_user_of_its_own_and_no_more_rights_than_it_needs(service: str) -> None:
    assert shown(service, "User") == service
    found = status(int(shown(service, "MainPID")))
    number = run(HOST, "id", "--user", service).strip()
    assert found["Uid"].split() == [number] * 4
    assert {int(found[name], 16) for name in ("CapPrm", "CapEff", "CapBnd")} == {CAPABILITIES[service]}
    assert (found["NoNewPrivs"], found["Seccomp"]) == ("1", "2")
    for user in (*SERVICES, "media-cell"):
        assert run(HOST, "getent", "passwd", user).strip().endswith("/usr/sbin/nologin")


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_sees_nothing_and_writes_nowhere_that_is_not_its_own(service: str) -> None:
    pid = int(shown(service, "MainPID"))
    user = run(HOST, "id", "--user", service).strip()
    inside = ["nsenter", f"--target={pid}", "--mount", "setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]
    for path in UNREACHABLE:
        assert not run(HOST, *inside, "sh", "-c", f"ls -A {path} 2>/dev/null", check=False), path
    script = "find / -xdev -type d -writable 2>/dev/null; for top in /tmp /var/tmp /run /var/cache /dev/shm; do find $top -type d -writable 2>/dev/null; done"
    found = {*run(HOST, *inside, "sh", "-c", script, check=False).split()}
    assert {path for path in found if not path.startswith("/proc/")} == WRITABLE[service] | SHARED
    # and of another's credentials it sees none
    own = run(HOST, "nsenter", f"--target={pid}", "--mount", "ls", "/run/credentials").split()
    assert own == [f"{service}.service"]


def test_no_secret_is_where_others_look() -> None:
    for service in SERVICES:
        told = run(HOST, "systemctl", "show", service) + run(HOST, "systemctl", "cat", service)
        told += run(HOST, "sh", "-c", "".join(f"cat /proc/{pid}/environ /proc/{pid}/cmdline; " for pid in processes(service)))
        told += run(HOST, "journalctl", f"--unit={service}", "--no-pager")
        for secret in (SIGNING, AWS_SECRET, "X-Amz-Signature"):
            assert secret not in told
    run(
        HOST,
        "sh",
        "-c",
        f"! grep --recursive --files-with-matches -e {SIGNING} -e {AWS_SECRET} /etc --exclude-dir=secrets {HOME}/current/media_server",
    )


def test_files_are_for_whom_they_are() -> None:
    found = run(
        HOST, "stat", "--format=%n %a %U:%G", "/etc/media-server/environment", *(f"/etc/media-server/{each}" for each in ("", "secrets"))
    )
    assert found.split("\n")[:3] == [
        "/etc/media-server/environment 640 root:media-server",
        "/etc/media-server/ 750 root:media-server",
        "/etc/media-server/secrets 700 root:root",
    ]
    secrets = run(HOST, "sh", "-c", "stat --format='%a %U:%G' /etc/media-server/secrets/*").split("\n")
    assert {*filter(None, secrets)} == {"600 root:root"}
    assert not run(HOST, "find", HOME, "(", "!", "-user", "root", "-o", "-perm", "/022", ")", "!", "-type", "l")


@pytest.mark.parametrize(("service", "seconds"), [("media-server", 30), ("media-worker", 120)])
def test_a_service_ends_when_it_is_told_to(service: str, seconds: int) -> None:
    """Within the time that systemd gives it, so that it is not killed."""
    try:
        run(HOST, "systemctl", "stop", service)
        assert shown(service, "Result") == "success"
        assert shown(service, "TimeoutStopUSec") in (f"{seconds}s", f"{seconds // 60}min")
        assert not processes(service)
    finally:
        run(HOST, "systemctl", "start", service)
    until(lambda: ask("GET", "/readyz").status_code == 200)


def test_a_service_that_is_killed_is_started_again() -> None:
    for service in SERVICES:
        before = shown(service, "MainPID")
        run(HOST, "systemctl", "kill", "--signal=KILL", service)
        until(
            lambda service=service, before=before: (
                shown(service, "ActiveState") == "active" and shown(service, "MainPID") not in ("0", before)
            )
        )
    until(lambda: ask("GET", "/readyz").status_code == 200)


@pytest.fixture
def another(tmp_path: Path) -> Iterator[Path]:
    """The program's package, to be changed; afterwards the host has this project's again."""
    source = shutil.copytree(
        ROOT / "media_server", tmp_path / "media_server", ignore=shutil.ignore_patterns("node_modules", "dist", "__pycache__")
    )
    yield source
    status, said = playbook("converge.yml")
    assert status == 0, said


def test_another_release_keeps_the_one_before(another: Path) -> None:
    seen = [current()]
    for number in (1, 2):
        with (another / "alive.py").open("a") as file:
            file.write(f"# {number}\n")
        began = shown("media-server", "ExecMainStartTimestampMonotonic")
        status, said = playbook("converge.yml", f"--extra-vars={json.dumps({'media_server_source': str(another)})}")
        assert status == 0, said
        assert releases() == {seen[-1], current()}
        assert current() not in seen
        assert shown("media-server", "ExecMainStartTimestampMonotonic") != began
        assert ask("GET", "/readyz").status_code == 200
        seen.append(current())


def test_another_certificate_is_taken_up() -> None:
    began = {service: shown(service, "ExecMainStartTimestampMonotonic") for service in SERVICES}
    run(HOST, "rm", "/etc/kc/tls/node.key")
    status, said = playbook("converge.yml")
    assert status == 0, said
    assert shown("media-server", "ExecMainStartTimestampMonotonic") != began["media-server"]
    assert ask("GET", "/readyz").status_code == 200


def test_what_is_set_wrong_is_told_at_once() -> None:
    status, said = playbook("converge.yml", "--extra-vars=media_server_port=http")
    assert status != 0
    assert "media_server_port" in said
