"""This node's member of an ensemble: it runs with the files as they are, and serves; restarted only where nobody else is away."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import KcError
from . import health, service
from .tls import Way

PAUSE = 0.5
"""Seconds between two looks at a member that is expected."""


@dataclass
class Result:
    """What was done, or would be.

    Attributes:
        host: The member.
        changed: It was started, restarted or enabled.
        due: It serves, but with older files than those that are written: it has to be restarted, when it is its turn.
        leads: It leads.
        new: It has no data, so it has to be told whether it joins others or founds an ensemble with them.
        done: What was done.
    """

    host: str
    changed: bool = False
    due: bool = False
    leads: bool = False
    new: bool = False
    done: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Member:
    """This node's member.

    Attributes:
        host: Its name, as the others know it.
        hosts: All members.
        unit: Its systemd unit.
        files: What its process reads when it begins: files and directories.
        data: Its directory.
        way: To members.
        timeout: Seconds until it has to serve.
    """

    host: str
    hosts: Sequence[str]
    unit: str
    files: Sequence[str]
    data: Path
    way: Way
    timeout: float

    def serve(self, *, check: bool = False) -> Result:
        """Have it run and serve.

        Where it serves with older files it is left to `restart`. Where it has no data it is left to `join`: members without
        data that are a majority would lead, and have those that have data drop it.

        Raises:
            KcError: It does not begin to serve.
        """
        running = service.look(self.unit)
        serving = running.active and health.member(self.way, self.host)
        stale = running.stale(self.files)
        if serving and serving.serves:
            if stale:
                return Result(self.host, due=True, leads=serving.state == "leader")
            if running.enabled:
                return Result(self.host)
            return self._begin("enable", check)
        if blank(self.data):
            return Result(self.host, new=True)
        if running.active and not stale:
            if not check:
                self.wait(self._serves, "serve")
            return Result(self.host)
        return self._begin("restart" if running.active else "start", check)  # nobody misses one that serves nobody

    def join(self, *, found: bool, mark: str = "", check: bool = False) -> Result:
        """Have a member without data begin: with others that have none either, or with a majority that serves.

        Args:
            found: Whether no member has any data.
            mark: File below the member's data that tells it so, if it wants to be told.
            check: Only tell.

        Raises:
            KcError: Others have data, and no majority serves; or it does not begin to serve.
        """
        if not found and health.look(self.way, self.hosts).quorum is not True:
            raise KcError(
                f"{self.host} has no data, and it is not known that no other has any: it only joins members of which a majority serves",
                hint="bring back those that have data; if a majority is lost for good: playbooks/keeper_recover.yml",
            )
        if found and mark and not check:
            # one that began by itself has written an epoch with which it can't found anything
            service.systemctl("stop", self.unit)
            if blank(self.data):
                shutil.rmtree(self.data / "version-2", ignore_errors=True)
            service.own(self.unit, self.data, mark)
        return self._begin("found" if found else "join", check)

    def restart(self, *, joining: Sequence[str] = (), together: bool = False, check: bool = False) -> Result:
        """Restart it, and wait until it is back, but only where all others are there.

        Args:
            joining: Members that are not there yet, because they have no data.
            together: Whether all members with data are restarted side by side: the only way into a longer list of members that
                those that have data are just a majority of.
            check: Only tell.

        Raises:
            KcError: Another one is away, or those that have data would be no majority, or this one does not come back.
        """
        majority = len(self.hosts) // 2 + 1
        present = [host for host in self.hosts if host not in joining]
        ensemble = health.look(self.way, self.hosts)
        here = next(each for each in ensemble.members if each.host == self.host)
        away = [host for host in health.away(ensemble, self.host) if host in present]
        if here.serves and away and not together:
            raise KcError(
                f"{self.host} is not restarted: {' and '.join(away)} {'is' if len(away) == 1 else 'are'} away, and never are two at once",
                hint="bring back what is away, then run this again",
            )
        if here.serves and joining and len(present) - (not together) < majority:
            raise KcError(
                f"{self.host} is not restarted: of {len(self.hosts)} members {len(present)} have data, "
                f"and {majority} have to be there{'' if together else ' besides it'}",
                hint="see `The majority is lost for good` in docs/operations/keeper.md: fewer at once, or -e keeper_together=true",
            )
        if not check:
            service.start(self.unit, again=True)
            back = self._serves if together else self._whole
            self.wait(back, "be back" if together else "be back, in step with the leader")
        return Result(self.host, changed=True, done=["restart"])

    def _serves(self) -> bool:
        return health.member(self.way, self.host).serves

    def _whole(self) -> bool:
        """Return whether it is back, and its leader has all followers in step."""
        ensemble = health.look(self.way, self.hosts)
        here = next(each for each in ensemble.members if each.host == self.host)
        leader = next((each for each in ensemble.members if each.host == ensemble.leader), None)
        return bool(
            here.serves
            and ensemble.quorum
            and leader is not None
            and leader.synced_followers is not None
            and leader.synced_followers >= sum(each.serves for each in ensemble.members) - 1
        )

    def _begin(self, what: str, check: bool) -> Result:
        if not check:
            service.start(self.unit, again=what != "enable")
            self.wait(self._serves, "serve")
        return Result(self.host, changed=True, done=[what])

    def wait(self, there: Callable[[], bool], what: str) -> None:
        """Wait until something holds.

        Raises:
            KcError: It does not in time, or the service has failed.
        """
        until = time.monotonic() + self.timeout
        while not there():
            running = service.look(self.unit)
            if running.failed or time.monotonic() > until:
                reasons = "; ".join(health.look(self.way, self.hosts).reasons)
                how = "its service ends" if running.failed else f"not within {self.timeout:g} s"
                raise KcError(
                    f"{self.host} was expected to {what}, but {how}: {reasons}; its last words: {service.last_words(self.unit)}",
                    hint=f"`journalctl --unit {self.unit}` on the node tells more",
                )
            time.sleep(PAUSE)


def blank(data: Path) -> bool:
    """Return whether a member has never been part of a majority: there is nothing that it could lose.

    ZooKeeper writes `snapshot.0` and an epoch of 0 when it founds an ensemble, or an epoch of -1 where it waits for one, and more
    once a leader is elected.
    """
    trees = [data / name for name in ("version-2", "log", "snapshots")]
    names = {file.name for tree in trees if tree.is_dir() for file in tree.iterdir()}
    epoch = data / "version-2" / "currentEpoch"
    return names <= {"snapshot.0", "acceptedEpoch", "currentEpoch"} and not (epoch.exists() and int(epoch.read_text().strip() or 0) > 0)
