"""An AWS in memory for the plan engine: it allows duplicates, forgets answers, lags behind and refuses as EC2 does."""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from kc.errors import KcError
from kc.model import Kind, Live
from kc.scope import Scope

SCOPE = Scope("kc", "lab", "123456789012", "r1", "unit")

Fault = Literal["refused", "failed", "lost", "down"]
"""What happens to a call: refused for good (a missing permission), a 500 before it did anything, a 500 after it did
its work, or this and every later call gets no answer."""


@dataclass
class Thing:
    """Something that stands in the cloud."""

    id: str
    kind: str
    region: str
    name: str
    attrs: dict[str, Any]
    seen_from: float = 0.0


@dataclass
class Cloud:
    """What stands, and what happens to calls.

    Attributes:
        faults: Fault by number of the call, the first call being 1.
        lag: Seconds until a list shows what was made.
        clock: Seconds slept so far.
    """

    faults: dict[int, Fault] = field(default_factory=dict)
    lag: float = 0.0
    things: list[Thing] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    clock: float = 0.0
    calls: int = 0
    down: bool = False
    lock: threading.RLock = field(default_factory=threading.RLock)
    ids: Iterable[int] = field(default_factory=itertools.count)

    def call(self, what: str, act: Callable[[], Any]) -> Any:
        """Carry `act` out as one call to AWS."""
        with self.lock:
            self.calls += 1
            fault = self.faults.get(self.calls)
            self.down = self.down or fault == "down"
            if self.down:
                raise KcError(f"{what} got no answer", code="EndpointConnectionError", transient=True)
            if fault == "refused":
                raise KcError(f"{what} answered AccessDenied", code="AccessDenied")
            if fault == "failed":
                raise KcError(f"{what} answered InternalError", code="InternalError", transient=True)
            result = act()
            self.log.append(what)
            if fault == "lost":
                raise KcError(f"{what} got no answer", code="ReadTimeoutError", transient=True)
            return result

    def heal(self) -> None:
        """No more faults."""
        self.faults, self.down, self.calls = {}, False, 0

    def add(self, kind: str, region: str, name: str, attrs: Mapping[str, Any]) -> Thing:
        """Make something, whether or not one like it stands."""
        thing = Thing(f"{kind}-{next(iter(self.ids))}", kind, region, name, dict(attrs), self.clock + self.lag)
        self.things.append(thing)
        return thing

    def count(self) -> Counter[tuple[str, str, str]]:
        """Return how many of each stand."""
        return Counter((thing.kind, thing.region, thing.name) for thing in self.things)

    def picture(self) -> dict[tuple[str, str, str], Any]:
        """Return what stands with ids written as names, so that two clouds can be compared."""
        names = {thing.id: f"<{thing.kind} {thing.name} {thing.region}>" for thing in self.things}

        def named(value: Any) -> Any:
            if isinstance(value, dict):
                return {key: named(item) for key, item in value.items()}
            if isinstance(value, list):
                return sorted((named(item) for item in value), key=str)
            return names.get(value, value) if isinstance(value, str) else value

        return {(thing.kind, thing.region, thing.name): named(thing.attrs) for thing in self.things}


class FakeAws:
    """The session's interface over a `Cloud`; nobody really sleeps."""

    def __init__(self, cloud: Cloud, region: str = "r1") -> None:
        self.cloud = cloud
        self.region = region

    def at(self, region: str) -> FakeAws:
        return FakeAws(self.cloud, region)

    def progress(self, text: str) -> None:
        self.cloud.told.append(text)

    def sleep(self, seconds: float) -> None:
        with self.cloud.lock:
            self.cloud.clock += seconds

    def stop(self) -> None:
        self.cloud.told.append("stop")


class FakeKind(Kind):
    """A kind whose things hold whatever attributes they are given.

    An attribute in `late` is set by a call of its own after the creating one. What an immutable attribute of
    another thing points at can't be deleted.
    """

    name = "thing"
    late: frozenset[str] = frozenset()

    def read(self, aws: FakeAws, scope: Scope) -> dict[str, Live]:
        cloud = aws.cloud

        def listed() -> list[Thing]:
            return [each for each in cloud.things if (each.kind, each.region) == (self.name, aws.region) and each.seen_from <= cloud.clock]

        found = cloud.call(f"list {self.name} {aws.region}", listed)
        return {each.name: Live(dict(each.attrs), {"id": each.id, "arn": f"arn:{each.name}"}) for each in found}

    def create(self, aws: FakeAws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        cloud = aws.cloud
        first = {key: value for key, value in want.items() if key not in self.late}
        thing = cloud.call(f"create {self.name} {name}", lambda: cloud.add(self.name, aws.region, name, first))
        live = Live(first, {"id": thing.id, "arn": f"arn:{name}"})
        self.update(aws, scope, name, live, want, frozenset(want) & self.late)
        return Live(dict(want), live.outputs)

    def update(self, aws: FakeAws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        assert not changed & self.immutable - self.late, f"{self.name} {name} was told to change {changed} in place"
        for attr in sorted(changed):

            def put(attr: str = attr) -> None:
                thing = self._thing(aws, live)
                # as AWS's tagging calls do: what is not named stays
                thing.attrs[attr] = {**thing.attrs.get(attr, {}), **want[attr]} if attr == "tags" else want[attr]

            aws.cloud.call(f"set {attr} of {self.name} {name}", put)

    def delete(self, aws: FakeAws, scope: Scope, name: str, live: Live) -> None:
        cloud = aws.cloud

        def drop() -> None:
            users = [each for each in cloud.things if live.id in each.attrs.get("in", [])]
            if users:
                raise KcError(f"{live.id} is used by {users[0].id}", code="DependencyViolation")
            cloud.things[:] = [each for each in cloud.things if each.id != live.id]

        cloud.call(f"delete {self.name} {name}", drop)

    def _thing(self, aws: FakeAws, live: Live) -> Thing:
        return next(each for each in aws.cloud.things if each.id == live.id)


def kind_of(kind: str, base: type[FakeKind] = FakeKind, **members: Any) -> FakeKind:
    """Return a kind called `kind` with these class members."""
    made: FakeKind = type(kind.title(), (base,), {"name": kind, **members})()
    return made
