"""What an ensemble says of itself, and a verdict. What could not be read is unknown, and never counted as good or as zero."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any

from ..errors import KcError
from . import words
from .tls import Way

UNKNOWN = "unknown"
FOLLOWS = {"follower", "leader"}


@dataclass
class Member:
    """What one member says of itself; None is what it does not say.

    Attributes:
        host: Its name.
        state: `leader`, `follower`, another word of its own, `waiting` where it serves nobody, or `unknown`.
        zxid: The last transaction that it has.
        committed: The last entry of its log that it knows to be agreed on (ClickHouse Keeper), where it waits.
        behind: Transactions that the leader had and it had not.
        latency: Mean of its requests, in milliseconds.
        error: Why it is unknown.
    """

    host: str
    state: str = UNKNOWN
    zxid: int | None = None
    committed: int | None = None
    behind: int | None = None
    latency: float | None = None
    outstanding: int | None = None
    connections: int | None = None
    znodes: int | None = None
    followers: int | None = None
    synced_followers: int | None = None
    version: str = ""
    error: str = ""

    @property
    def serves(self) -> bool:
        """Whether it follows or leads."""
        return self.state in FOLLOWS


@dataclass
class Ensemble:
    """The verdict.

    Attributes:
        members: As in the configuration.
        leader: Its name; "" where nobody is known to lead a majority.
        quorum: Whether a majority follows one leader; None is unknown.
        ready: Every member follows or leads, and none is behind.
        reasons: Why it is not ready.
    """

    members: list[Member]
    leader: str = ""
    quorum: bool | None = None
    ready: bool = False
    reasons: list[str] = field(default_factory=list)

    def facts(self) -> dict[str, Any]:
        """Return it as data; `unknown` stands for what is not known."""
        return {name: _plain(value) for name, value in asdict(self).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return UNKNOWN if value is None else value


def look(way: Way, hosts: Sequence[str]) -> Ensemble:
    """Ask all members at once, and return the verdict."""
    with ThreadPoolExecutor(max(len(hosts), 1)) as pool:
        members = list(pool.map(lambda host: member(way, host), hosts))
        # the leader first: what a follower has later can only be more
        leading = [each for each in members if each.state == "leader"]
        for each in leading:
            each.zxid = _zxid(way, each.host)
        following = [each for each in members if each.state == "follower"]
        for each, last in zip(following, pool.map(lambda each: _zxid(way, each.host), following), strict=True):
            each.zxid = last
    return judge(members)


def member(way: Way, host: str) -> Member:
    """Return what one member says of itself, without its last transaction."""
    try:
        answer = words.ask(way, host, "mntr")
    except KcError as error:
        return Member(host, error=error.message)
    found = read(host, answer)
    if found.state == "waiting":
        with suppress(KcError):
            found.committed = words.number(words.monitored(words.ask(way, host, "lgif")), "last_committed_log_idx")
    return found


def read(host: str, answer: str) -> Member:
    """Return what an answer to `mntr` says."""
    if not words.serving(answer):
        return Member(host, "waiting")
    told = words.monitored(answer)
    if "server_state" not in told:
        return Member(host, error=f"{host} answers `mntr` with what is no answer: {answer[:80]!r}")
    latency = told.get("avg_latency", "")
    return Member(
        host,
        told["server_state"],
        latency=float(latency) if latency.replace(".", "", 1).isdigit() else None,
        outstanding=words.number(told, "outstanding_requests"),
        connections=words.number(told, "num_alive_connections"),
        znodes=words.number(told, "znode_count"),
        followers=words.number(told, "learners") if "learners" in told else words.number(told, "followers"),
        synced_followers=words.number(told, "synced_followers"),
        version=told.get("version", "").partition("-")[0].partition(",")[0],
    )


def _zxid(way: Way, host: str) -> int | None:
    try:
        return words.zxid(words.served(words.ask(way, host, "srvr")))
    except KcError:
        return None


TERM = 32
"""Bits below the leader's term in a transaction's number (ZooKeeper, zxid); ClickHouse Keeper counts on without one."""


def behind(leader: int | None, follower: int | None) -> int | None:
    """Return how many transactions a leader had that a follower, asked after it, has not; None where that can't be told.

    A follower has all of the terms before when it begins to follow, but shows the last one's number until it gets one of this term.
    """
    if leader is None or follower is None or follower >> TERM > leader >> TERM:
        return None
    return max(0, leader - max(follower, leader >> TERM << TERM))


def judge(members: Sequence[Member]) -> Ensemble:
    """Return the verdict on what members said."""
    found = Ensemble(list(members))
    majority = len(members) // 2 + 1
    leaders = [each for each in members if each.state == "leader"]
    serving = [each for each in members if each.serves]
    if len(leaders) == 1:
        leader = leaders[0]
        for each in serving:
            each.behind = behind(leader.zxid, each.zxid)
        synced = leader.synced_followers
        if len(serving) >= majority or (synced is not None and synced + 1 >= majority):
            found.leader, found.quorum = leader.host, True
        else:
            found.reasons.append(f"{leader.host} says that it leads, but not that {majority} of {len(members)} follow")
    elif len(leaders) > 1:
        found.reasons.append(f"{' and '.join(each.host for each in leaders)} both say that they lead: one of them has not noticed yet")
    waiting = [each for each in members if each.state not in FOLLOWS and each.state != UNKNOWN]
    if found.quorum is None and len(members) - len(waiting) < majority:
        found.quorum = False
    found.reasons += [_reason(each) for each in members if not each.serves]
    if found.quorum is None:
        found.reasons.append(f"whether {majority} of {len(members)} follow one leader is unknown from here")
    elif not found.quorum:
        found.reasons.append(f"no leader that {majority} of {len(members)} follow: nothing can be written")
    found.reasons += [f"{each.host} is {each.behind} transactions behind" for each in serving if each.behind]
    found.reasons += [f"how far {each.host} is behind is unknown" for each in serving if found.leader and each.behind is None]
    found.ready = found.quorum is True and not found.reasons
    return found


def _reason(member: Member) -> str:
    if member.state == UNKNOWN:
        return f"{member.host} is unknown: {member.error}"
    if member.state == "waiting":
        return f"{member.host} runs, but neither follows nor leads"
    return f"{member.host} is {member.state}"


def away(ensemble: Ensemble, host: str) -> list[str]:
    """Return the members, but for `host`, that do not follow or lead."""
    return [each.host for each in ensemble.members if each.host != host and not each.serves]
