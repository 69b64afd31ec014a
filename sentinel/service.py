"""A sentinel at work: one thread keeps its region to the lease, another watches the other region."""

from __future__ import annotations

import os
import secrets
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from cryptography import x509
from kc.aws.session import Aws
from kc.aws.ssm import STATE, text_of
from kc.errors import KcError
from kc.keeper.tls import Way
from kc.lease.ensemble import Account, Ensemble
from kc.lease.guard import Guard, clock
from kc.lease.lease import Lease
from kc.lease.region import Region

from . import probes, watch
from .notices import Notices
from .page import View
from .promotion import Promotion
from .settings import Settings
from .watch import Look, Phase

EVERY = 5.0
"""Seconds between two looks at the other region."""
KEPT = 20
"""Things that happened and are shown."""
APPROVAL = "sentinel-approval"
"""The region's parameter that an approval is written to."""


class Sentinel:
    """A sentinel.

    Args:
        settings: What it is told.
        aws: Its region's, which gives up soon.
        way: How members of the ensemble are reached.
        say: Is told what happens, a line each.
    """

    def __init__(self, settings: Settings, aws: Aws, way: Way, say: Callable[[str], None]) -> None:
        self._settings, self._aws, self._say = settings, aws, say
        self._name = f"{settings.region}-{secrets.token_hex(4)}"
        self._told: deque[str] = deque(maxlen=KEPT)
        account, ttl = Account(*settings.account), settings.limits.ttl
        self._region = Region(aws, settings.scope)
        self._held = Ensemble(way, settings.members, account, ttl)
        self._seen = Ensemble(way, settings.members, account, ttl)
        self._guard = Guard(settings.region, self._name, self._region, self._held, settings.limits, self._happened)
        self._notices = Notices(aws, settings.topic, say)
        self._state, self._look = watch.begin(clock()), Look(clock(), {}, False)
        self._lease: Lease | None = None
        self._promotion: Promotion | None = None
        self._stepped = clock()
        self._ends = _ends(settings.tls["certificate"])

    # --- the threads

    def guard(self) -> None:
        """Keep the region to the lease, for ever."""
        while True:
            self._guard.step()
            self._stepped = clock()
            time.sleep(self._guard.pause)

    def watch(self) -> None:
        """Watch the other region, for ever."""
        while True:
            began = clock()
            try:
                self.step()
            except KcError as error:
                self._happened(f"the watch: {error.message}")
            time.sleep(max(0.0, EVERY - (clock() - began)))

    def alive(self) -> bool:
        """Whether it gets on."""
        return clock() - self._stepped < 3 * self._settings.limits.ttl

    # --- a look

    def step(self) -> None:
        """Look once, and do what follows."""
        self._look = self._looked()
        made = watch.step(self._state, self._look, self._settings.policy)
        self._state = made.state
        if made.run:
            told = [name for name, reached in self._look.seen.items() if reached is not None]
            self._promotion = Promotion(self._settings, told, watch.blind(self._look))
        if made.said:
            self._happened(f"{self._settings.other}: {made.said}")
            self._notices.tell(
                f"{self._settings.scope.environment}: {self._settings.other} is {made.state.phase.value}", self._notice(made.said)
            )

    def _looked(self) -> Look:
        settings = self._settings
        seen = probes.look(
            {
                "peering": partial(probes.any_connects, settings.peers),
                "ensemble": self._in_the_ensemble,
                "origin": partial(probes.answers, settings.origin),
                "name": partial(probes.answers, settings.name),
            }
        )
        waits = self._state.phase is Phase.DETECTED
        return Look(
            clock(),
            seen,
            self._is_its_turn(),
            word=self._approval() if waits else "",
            result=self._promotion.result() if self._promotion else None,
            fresh=f"{settings.other}-{secrets.token_hex(3)}",
        )

    def _in_the_ensemble(self) -> bool | None:
        """Whether the ensemble knows of a session of the other region: of its sentinels, or of who holds its lease."""
        lease = self._lease
        other = self._settings.other
        holders = [partial(self._seen.holders, lease)] if lease is not None and lease.region == other else []
        return probes.sessions(partial(self._seen.shown, other), *holders)

    def _is_its_turn(self) -> bool:
        """Whether this task would take over: see `Look.turn`. That its own region stands is a part of it."""
        try:
            self._seen.show(self._settings.region, self._name)
            self._lease = self._seen.look()
            first = self._seen.shown(self._settings.region)[:1] == [self._name]
        except KcError:
            self._lease = None
            return False
        other = self._lease is not None and self._lease.region == self._settings.other
        return other and first and probes.any_connects(self._settings.own)

    def _approval(self) -> str:
        try:
            return text_of(self._aws, self._approved_by)
        except KcError:
            return ""

    @property
    def _approved_by(self) -> str:
        """The parameter that an approval is written to."""
        return f"/{self._settings.scope.path}{STATE}{APPROVAL}"

    # --- telling

    def _notice(self, said: str) -> str:
        scope, state = self._settings.scope, self._state
        text = f"{said}.\n\nSeen from {scope.region} at {_now()}, by the sentinel {self._name}."
        if state.phase is Phase.DETECTED and self._settings.policy.mode == watch.APPROVAL:
            text += (
                f"\n\nTo have it taken over:\n  aws ssm put-parameter --region {scope.region} --overwrite --type String"
                f" --name {self._approved_by} --value {state.detection}"
            )
        return text

    def _happened(self, text: str) -> None:
        if not self._told or self._told[0].partition(" ")[2] != text:  # what goes wrong at each beat is said once
            self._told.appendleft(f"{_now()} {text}")
            self._say(text)

    def view(self) -> View:
        """Return what is shown."""
        settings, guard, memory = self._settings, self._guard, self._guard.memory
        lease = guard.seen.lease or self._lease
        return View(
            settings.region,
            settings.other,
            settings.policy.mode,
            lease=lease.region if lease else "",
            epoch=lease.epoch if lease else 0,
            holding=guard.seen.holding,
            confirmed=guard.since,
            memory=memory.state if memory else "",
            phase=self._state.phase,
            seen=self._look.seen,
            turn=self._look.turn,
            detection=self._state.detection if self._state.phase is Phase.DETECTED else "",
            certificate=(self._ends - datetime.now(UTC)).total_seconds(),
            told=tuple(self._told),
        )

    def close(self) -> None:
        """End its sessions."""
        for session in (self._held, self._seen):
            session.close()

    def run(self) -> None:
        """Begin both threads."""
        for work in (self.guard, self.watch):
            threading.Thread(target=_whole, args=(work,), daemon=True).start()


def _whole(work: Callable[[], None]) -> None:
    """Work; a defect ends the process, and ECS starts another: neither thread goes on without the other."""
    try:
        work()
    finally:
        traceback.print_exc()
        os._exit(70)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _ends(certificate: str) -> datetime:
    return x509.load_pem_x509_certificate(certificate.encode()).not_valid_after_utc
