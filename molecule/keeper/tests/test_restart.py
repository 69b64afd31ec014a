"""What a run does to members that run with older files: one after the other, and none where one is away."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from ensemble import ALL, BEGIN, WITNESS, ensemble
from hands import container, fqdn, playbook, run, until

WATCH = """
import os, threading, time
seen, written = [], []

def watch():
    while not os.path.exists("/run/watched"):
        seen.append([each.host for each in health.look(WAY, HOSTS).members if each.state == "unknown"])
        time.sleep(0.2)

def write():
    number = 0
    while not os.path.exists("/run/watched"):
        try:
            with client.Client(WAY, HOSTS) as c:
                while not os.path.exists("/run/watched"):
                    number += 1
                    c.create(f"/written-{number}")
                    written.append(number)
                    time.sleep(0.05)
        except (KcError, OSError):
            time.sleep(0.2)

threads = [threading.Thread(target=each) for each in (watch, write)]
[each.start() for each in threads]
print("watching", flush=True)
[each.join() for each in threads]
with client.Client(WAY, HOSTS) as c:
    lost = {f"written-{number}" for number in written} - set(c.children("/"))
print(json.dumps({"away": max(map(len, seen)), "written": len(written), "lost": sorted(lost)}))
"""


@contextmanager
def watched() -> Iterator[dict[str, object]]:
    """How many members are away at once, and what becomes of what is written meanwhile."""
    found: dict[str, object] = {}
    command = ["podman", "exec", "-i", container(WITNESS), "env", "PYTHONPATH=/opt/kc", "python3", "-"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as watcher:
        assert watcher.stdin
        assert watcher.stdout
        watcher.stdin.write(BEGIN + WATCH)
        watcher.stdin.close()
        assert watcher.stdout.readline() == "watching\n"
        try:
            yield found
        finally:
            run(WITNESS, "touch", "/run/watched")
            last = watcher.stdout.read()
            run(WITNESS, "rm", "/run/watched")
    found.update(json.loads(last))


def begun(host: str) -> int:
    return int(run(host, "systemctl", "show", "--property=ExecMainStartTimestampMonotonic", "--value", "kc-keeper"))


def test_members_with_older_files_are_restarted_one_at_a_time() -> None:
    leader = str(ensemble(WITNESS)["leader"])
    before = {host: begun(host) for host in ALL}
    for host in ALL:
        run(host, "touch", "/etc/kc/keeper/zoo.cfg")
    with watched() as found:
        status, output = playbook("converge.yml")
    assert status == 0, output
    after = {host: begun(host) for host in ALL}
    assert all(after[host] > before[host] for host in ALL)
    assert fqdn(max(after, key=lambda host: after[host])) == leader  # machines share a clock here
    assert (found["away"], found["lost"]) == (1, [])
    assert found["written"]


def test_one_that_does_not_come_back_ends_it() -> None:
    leader = str(ensemble(WITNESS)["leader"])
    followers = [host for host in ALL if fqdn(host) != leader]
    broken, before = followers[1], {host: begun(host) for host in ALL}
    drop = "/run/systemd/system/kc-keeper.service.d"
    run(broken, "sh", "-c", f"mkdir -p {drop} && printf '[Service]\nExecStartPre=/bin/false\n' >{drop}/broken.conf")
    for host in ALL:
        run(host, "touch", "/etc/kc/keeper/zoo.cfg")
    try:
        status, output = playbook("converge.yml", "--extra-vars=keeper_timeout=30")
        assert status != 0
        said = " ".join(output.split())
        assert re.search(f"{re.escape(fqdn(broken))} was expected to .*?, but its service ends", said), output
        assert f"{fqdn(broken)} is away, and never are two at once" in said
        assert {host for host in ALL if host != broken and begun(host) > before[host]} == {followers[0]}
        found = ensemble(WITNESS)
        assert (found["quorum"], found["leader"]) == (True, leader)
    finally:
        run(broken, "sh", "-c", f"rm -r {drop}; systemctl daemon-reload; systemctl restart kc-keeper")
    until(lambda: ensemble(WITNESS)["ready"])
    status, output = playbook("converge.yml")
    assert status == 0, output
    assert all(begun(host) > before[host] for host in ALL)


def test_check_mode_tells_who_would_be_restarted_and_restarts_nobody() -> None:
    before = {host: begun(host) for host in ALL}
    run(WITNESS, "touch", "/etc/kc/keeper/zoo.cfg")
    status, output = playbook("converge.yml", "--check")
    assert status == 0, output
    assert [line.split()[0] for line in output.splitlines() if "changed=1" in line] == [WITNESS]
    assert {host: begun(host) for host in ALL} == before


def test_a_member_that_lost_its_disk_joins_again() -> None:
    lost = next(host for host in ALL if fqdn(host) != ensemble(WITNESS)["leader"])
    run(lost, "sh", "-c", "systemctl stop kc-keeper; rm -r /var/lib/kc/keeper/*")
    status, output = playbook("converge.yml")
    assert status == 0, output
    assert ensemble(WITNESS)["ready"]


def test_members_that_lost_their_disks_never_outvote_those_that_did_not() -> None:
    for host in ALL[:3]:
        run(host, "sh", "-c", "systemctl stop kc-keeper; mv /var/lib/kc/keeper /var/lib/kc/kept")
    try:
        status, output = playbook("converge.yml", "--extra-vars=keeper_timeout=5")
        assert status != 0
        assert all(run(host, "systemctl", "is-active", "kc-keeper", check=False).strip() == "inactive" for host in ALL[:3])
        # and where somebody starts them by hand, they have no vote
        for host in ALL[:3]:
            run(host, "systemctl", "start", "kc-keeper")
        status, output = playbook("converge.yml", "--extra-vars=keeper_timeout=5", f"--limit={','.join(ALL[:3])}")
        assert status != 0
        assert "it is not known that no other has any" in " ".join(output.split())
        assert not ensemble(WITNESS)["leader"]
    finally:
        for host in ALL[:3]:
            run(host, "sh", "-c", "systemctl stop kc-keeper; rm -rf /var/lib/kc/keeper; mv /var/lib/kc/kept /var/lib/kc/keeper")
