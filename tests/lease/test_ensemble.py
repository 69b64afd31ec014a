"""The lease on a real ensemble: three ZooKeepers, TLS both ways."""

from __future__ import annotations

import dataclasses
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kc.errors import KcError
from kc.lease.ensemble import Account, Ensemble
from kc.lease.guard import clock
from kc.lease.handing import Wish, hand
from kc.lease.lease import EXPIRED, FIRST, HANDED, RETURNED, Lease, Silent
from kc.lease.task import work

from tests.authority import Authority
from tests.faults.links import Link, Links
from tests.lease.holder import LIMITS
from tests.lease.world import ACCOUNT, TTL, World, pkcs8
from tests.servers import until

ME, OTHER = "me-west-1", "eu-central-1"
ONE = Lease(ME, 1, FIRST)
TWO = ONE.after(OTHER, EXPIRED)
RELAY = """
import socket, sys, threading
there = socket.create_connection((sys.argv[1], int(sys.argv[2])), 5)
there.settimeout(None)
def back():
    while data := there.recv(65536):
        sys.stdout.buffer.write(data); sys.stdout.buffer.flush()
threading.Thread(target=back, daemon=True).start()
while data := sys.stdin.buffer.read1(65536):
    there.sendall(data)
"""
Session = Callable[..., Ensemble]
Holder = Callable[..., tuple[subprocess.Popen[bytes], Path]]


def test_a_term_that_is_held_can_not_be_ended_and_one_that_has_ended_can_not_be_held(session: Session) -> None:
    mine, theirs = session(), session()
    assert mine.look() is None
    assert mine.lay(ONE) and not theirs.lay(ONE) and theirs.look() == mine.look() == ONE
    assert mine.take(ONE, "task-1") and mine.take(ONE, "task-1") and mine.beat(ONE, "task-1")
    assert not theirs.take(ONE, "task-1"), "the name is another session's"
    assert not theirs.swap(ONE, TWO) and theirs.look() == ONE
    assert theirs.swap(ONE, TWO, hand=True) and theirs.look() == TWO
    assert not mine.beat(ONE, "task-1") and not mine.take(ONE, "task-1")
    assert not mine.swap(ONE, ONE.after(OTHER, HANDED)), "who looked before that comes too late"


def test_a_session_that_ends_lets_go_after_its_time_and_not_before(session: Session, holder: Holder) -> None:
    process, home = holder(ME, "primary")
    until(lambda: "confirmed" in (home / "log").read_text(), "it holds the lease")
    process.kill()
    began, looks = time.monotonic(), session()
    result = hand(looks, Wish(OTHER, ME, EXPIRED, wait=4 * TTL))
    assert result["changed"] and result["lease"]["region"] == OTHER
    assert time.monotonic() - began > TTL - LIMITS.beat - 1, "a session lives for its time"


def test_who_lives_is_not_lost(session: Session, holder: Holder) -> None:
    _, home = holder(ME, "primary")
    until(lambda: "confirmed" in (home / "log").read_text(), "it holds the lease")
    with pytest.raises(KcError, match="me-west-1 holds the lease still, after 1 s: task-1 lives"):
        hand(session(), Wish(OTHER, ME, EXPIRED, wait=1))
    hand(session(), Wish(OTHER, ME, EXPIRED, wait=0, force=True, ttl=TTL))
    assert (home / "closed").exists(), "it was made to let go, and has fenced itself off meanwhile"


def test_a_region_whose_lease_was_handed_over_does_not_fence_itself(session: Session, holder: Holder) -> None:
    _, home = holder(ME, "primary")
    until(lambda: "confirmed" in (home / "log").read_text(), "it holds the lease")
    hand(session(), Wish(OTHER, ME, HANDED))
    until(lambda: "remembers handed" in (home / "log").read_text(), "it knows")
    hand(session(), Wish(ME, OTHER, RETURNED))
    until(lambda: (home / "log").read_text().rstrip().endswith("confirmed"), "it holds it again")
    assert "fences" not in (home / "log").read_text()


def test_a_process_that_was_stopped_for_longer_than_its_time_looks_before_anything_else(session: Session, holder: Holder) -> None:
    process, home = holder(ME, "primary")
    until(lambda: "confirmed" in (home / "log").read_text(), "it holds the lease")
    process.send_signal(signal.SIGSTOP)
    before = (home / "log").read_text()
    hand(session(), Wish(OTHER, ME, EXPIRED, wait=4 * TTL))
    process.send_signal(signal.SIGCONT)
    until((home / "closed").exists, "it has fenced itself off")
    until(lambda: "remembers fenced" in (home / "log").read_text(), "it knows")
    after = [line.split(" ", 1)[1] for line in (home / "log").read_text().removeprefix(before).splitlines()]
    assert after[0] == "fences" and "confirmed" not in after and "opens" not in after


def test_a_lost_majority_has_the_primary_fence_itself_and_open_when_it_is_back(world: World, holder: Holder) -> None:
    _, home = holder(ME, "primary")
    until(lambda: "confirmed" in (home / "log").read_text(), "it holds the lease")
    for each in world.members[:2]:
        each.kill()
    lost = clock()
    until((home / "closed").exists, "it fences itself off", 2 * TTL)
    [fenced] = [float(line.split()[0]) for line in (home / "log").read_text().splitlines() if "fences" in line]
    assert fenced - lost < TTL, "before its session's time is over"
    for each in world.members[:2]:
        each.start()
    until(lambda: not (home / "closed").exists(), "it opens")


def test_an_ensemble_without_majority_says_nothing(world: World, session: Session) -> None:
    mine = session()
    mine.lay(ONE)
    mine.take(ONE, "task-1")
    for each in world.members[1:]:
        each.kill()
    began = time.monotonic()
    with pytest.raises(Silent):
        while mine.beat(ONE, "task-1"):
            assert time.monotonic() - began < TTL, "nobody but a quorum says that it is held"


def test_sentinels_are_seen_for_as_long_as_they_live(session: Session) -> None:
    first, second = session(), session()
    assert first.shown(ME) == []
    for name, each in (("b", first), ("a", second), ("b", first)):
        each.show(ME, name)
    assert first.shown(ME) == second.shown(ME) == ["b", "a"]
    assert first.shown(OTHER) == []
    second.close()
    until(lambda: first.shown(ME) == ["b"], "it is gone")


def test_it_is_one_account_s(world: World, session: Session) -> None:
    session().lay(ONE)
    stranger = Ensemble(world.way(), world.names, Account("lease", "another"), TTL)
    stranger.wait(20)
    for act in (stranger.look, lambda: stranger.holders(ONE)):
        with pytest.raises(KcError, match="/lease in the ensemble is another account's"):
            act()
    stranger.close()


def test_who_has_no_certificate_of_the_platform_s_is_not_let_in(world: World, tmp_path: Path) -> None:
    other = Authority.make(tmp_path / "other")
    certificate, key = other.issue("sentinel")
    way = dataclasses.replace(world.way(), certificate=str(certificate), key=str(key))
    stranger = Ensemble(way, world.names, ACCOUNT, TTL)
    with pytest.raises(Silent, match="no member of the ensemble serves"):
        stranger.wait(2)
    stranger.close()


def params(world: World, **more: Any) -> dict[str, Any]:
    tls = {
        "certificate": world.certificate.read_text(),
        "private_key": pkcs8(world.key).decode(),
        "trusted": world.authority.ca.read_text(),
    }
    about = {"members": world.names, "port": 9281, "tls": tls, "user": ACCOUNT.user, "password": ACCOUNT.password, "via": [], "ttl": TTL}
    return {**about, "do": "look", "region": "", "other": "", "wait": 1, "force": False, **more}


def test_the_module_goes_by_way_of_a_command(world: World, session: Session) -> None:
    session().lay(ONE)
    via = [sys.executable, "-c", RELAY, "{host}", "{port}"]
    found = work(params(world, via=via), check=False)
    assert found == {"changed": False, "lease": dataclasses.asdict(ONE), "holders": []}
    taken = params(world, via=via, do="take", region=OTHER, other=ME)
    assert work(taken, check=True)["changed"] and session().look() == ONE
    assert work(taken, check=False)["lease"] == dataclasses.asdict(TWO)
    assert not work(taken, check=False)["changed"]


def test_the_module_says_what_it_lacks(world: World) -> None:
    with pytest.raises(KcError, match="`do: take` needs `region` and `other`"):
        work(params(world, do="take"), check=False)
    with pytest.raises(KcError, match="`tls` has no certificate, private_key, trusted"):
        work(params(world, tls={}), check=False)


def test_a_member_that_is_cut_off_is_left_for_another_although_it_is_asked_all_the_time(world: World) -> None:
    links = Links()
    link = Link(links, world.members[0].client)
    session = world.session([f"localhost:{link.port}", *world.names[1:]], timeout=0.5)
    try:
        session.wait(20)
        assert session.look() is None
        link.cut("both")
        with pytest.raises(Silent):
            session.look()

        def answers() -> bool:
            try:
                return session.look() is None
            except Silent:
                return False

        until(answers, "another member answers", 30)
    finally:
        link.cut("whole")
        session.close()
