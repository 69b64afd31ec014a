"""The majority is lost with all its data: two that are left are the ensemble, and lost ones join again."""

from __future__ import annotations

import json

from ensemble import ALL, HOME, OTHER, WITNESS, ensemble, read, write
from hands import ROOT, fqdn, playbook, run, until

LOST, LEFT = [*HOME, WITNESS], OTHER


def recover(*words: str) -> tuple[int, str]:
    return playbook(str(ROOT / "playbooks" / "keeper_recover.yml"), "--extra-vars=kc_environment=molecule", *words)


def without(*hosts: str) -> str:
    return "--extra-vars=" + json.dumps({"keeper_lost": [fqdn(host) for host in hosts]})


def test_a_lost_majority() -> None:
    write(HOME[0], HOME[0], "/kept", "by the survivors")
    until(lambda: all(read(host, host, "/kept") for host in LEFT))

    status, output = recover(without(*LOST))
    assert status != 0
    assert "run it again with -e confirm=molecule" in " ".join(output.split())
    status, output = recover(without(*LOST), "--extra-vars=confirm=molecule")
    assert status != 0
    assert "there is nothing to recover" in output

    for host in LOST[:2]:
        run(host, "sh", "-c", "systemctl stop kc-keeper; rm -r /var/lib/kc/keeper/*")
    run(LOST[2], "sh", "-c", "systemctl stop kc-keeper; rm -r /var/lib/kc/keeper/*")
    until(lambda: not ensemble(LEFT[0])["leader"])
    status, output = recover(without(*LOST), "--extra-vars=confirm=molecule")
    assert status == 0, output
    assert {read(host, host, "/kept") for host in LEFT} == {"by the survivors"}
    until(lambda: write(LEFT[0], LEFT[1], "/after", "without the lost") or True)

    # whoever forgets to say who is lost, does no harm
    status, output = playbook("converge.yml", "--extra-vars=keeper_timeout=20")
    assert status != 0
    assert "of 5 members 2 have data" in " ".join(output.split())
    assert read(LEFT[0], LEFT[1], "/after") == "without the lost"

    for still in (LOST[1:], []):
        status, output = playbook("converge.yml", without(*still), "--extra-vars=keeper_together=true")
        assert status == 0, output
    assert until(lambda: ensemble(LEFT[0])["ready"])
    assert {until(lambda host=host: read(host, host, "/after")) for host in ALL} == {"without the lost"}


def test_all_members_lost_their_disks_and_began_by_themselves() -> None:
    for host in ALL:
        run(host, "sh", "-c", "systemctl stop kc-keeper; rm -r /var/lib/kc/keeper/*")
    for host in ALL:
        run(host, "systemctl", "start", "kc-keeper")  # as at boot: they wait, and write that they have no epoch
    until(lambda: all(run(host, "cat", "/var/lib/kc/keeper/version-2/currentEpoch").strip() == "-1" for host in ALL))
    status, output = playbook("converge.yml")
    assert status == 0, output
    write(HOME[0], HOME[0], "/anew", "by all")
    assert {until(lambda host=host: read(host, host, "/anew")) for host in ALL} == {"by all"}
