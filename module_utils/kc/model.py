"""The words of the plan engine: key, resource, kind, what stands, change.

A `Ref` points at an attribute of another resource of the same unit. Until that resource stands, the Ref
resolves to `UNKNOWN`, shown as "(known after apply)"; so an empty account can be planned to the end.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, NamedTuple

from .errors import KcError
from .scope import Scope

Action = Literal["create", "update", "replace", "delete"]


class Key(NamedTuple):
    """Identity of a resource inside a unit."""

    kind: str
    region: str
    name: str


@dataclass(frozen=True)
class Ref:
    """An attribute of another resource, known once that one stands.

    `region` is the region of the resource that is pointed at; empty means "the same as mine".
    """

    kind: str
    name: str
    attr: str = "id"
    region: str = ""


class Unknown:
    """The value of what does not stand yet. Equal to nothing, not even itself, so it always shows as a change."""

    def __repr__(self) -> str:
        return "(known after apply)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return False

    __hash__ = None  # type: ignore[assignment]


UNKNOWN = Unknown()


class Hidden:
    """A text that is compared and used but never shown."""

    def __init__(self, value: str) -> None:
        self.value = value

    def __repr__(self) -> str:
        return "(hidden)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Hidden) and other.value == self.value

    def __hash__(self) -> int:
        return hash(self.value)


@dataclass
class Live:
    """A resource as it stands.

    Attributes:
        attrs: The managed attributes, in the shape of the desired state.
        outputs: What others may refer to (`id`, `arn`, …).
        owner: The region whose unit it belongs to, where that is not the one that it stands in.
    """

    attrs: dict[str, Any]
    outputs: dict[str, Any] = field(default_factory=dict)
    owner: str = ""

    @property
    def id(self) -> str:
        return str(self.outputs["id"])


class Kind(ABC):
    """How one kind of AWS resource is read and changed.

    A kind is stateless. `read` gets a scope and returns everything of its kind in that scope by name, so that
    one call serves a whole unit, and what the inventory no longer names is found too.
    """

    name: ClassVar[str]
    immutable: ClassVar[frozenset[str]] = frozenset()
    """Attributes that AWS can't change in place."""
    replaceable: ClassVar[bool] = False
    """Whether a change of an immutable attribute may delete and create; otherwise it is refused."""
    keeps_data: ClassVar[bool] = False
    """Whether deletion would lose data: then it is only deleted with `data: delete`."""
    write_once: ClassVar[frozenset[str]] = frozenset()
    """Attributes that are set by the creating call itself, and belong to somebody else from then on."""
    renews: ClassVar[frozenset[str]] = frozenset()
    """Attributes whose change gives it other outputs (a task definition's next revision): what refers to it follows."""
    settles: ClassVar[frozenset[str]] = frozenset()
    """AWS error codes that pass by themselves while a neighbour settles (eventual consistency)."""
    outputs_of: ClassVar[tuple[str, ...]] = ("id",)
    """Names of the outputs that others may rely on; check mode shows them for what does not stand yet."""

    @abstractmethod
    def read(self, aws: Any, scope: Scope) -> dict[str, Live]:
        """Return what stands, by name."""

    @abstractmethod
    def create(self, aws: Any, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        """Create it and return it; tagged in the creating call, so that it is found if the answer is lost."""

    def same(self, attr: str, have: Any, want: Mapping[str, Any]) -> bool:
        """Whether an attribute is as wanted, where that is more than equality (a schedule moves it, for one)."""
        return bool(have == want[attr])

    def ready(self, aws: Any, name: str, live: Live) -> None:  # noqa: B027
        """Wait until others can use what was created."""

    def objection(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> KcError | None:
        """Return why one value can't follow the other, such as a disk that would shrink; asked of what could be changed in place."""
        return None

    def update(self, aws: Any, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        """Change `changed` (keys of `want`) in place."""
        raise KcError(f"{self.name} {name} can't be changed in place: {', '.join(sorted(changed))}")

    @abstractmethod
    def delete(self, aws: Any, scope: Scope, name: str, live: Live) -> None:
        """Delete it and wait until it is gone. What is gone already is no error."""


@dataclass(frozen=True)
class Resource:
    """What the inventory wants of one resource.

    Attributes:
        desired: Attributes by name; may hold `Ref`s at any depth. None: this one is only looked up (it belongs
            to another unit, `component`), never changed.
        component: The unit it belongs to, where it is not this one.
        client: The client that a resource which is only looked up is dedicated to; most of it all clients share.
        unless: Keys of what takes this one's place: while one of them stands, this one, and what refers to it, is
            left as it is. So an instance that a failover has fenced off keeps its name from its successor.
        after: Keys of resources that must stand first although no Ref says so.
    """

    kind: Kind
    name: str
    desired: Mapping[str, Any] | None
    region: str
    component: str = ""
    after: tuple[Key, ...] = ()
    client: str = ""
    unless: tuple[Key, ...] = ()

    @property
    def key(self) -> Key:
        return Key(self.kind.name, self.region, self.name)


@dataclass
class Change:
    """One line of the plan.

    `before` and `after` hold the managed attributes; for an update only those that differ.
    """

    action: Action
    key: Key
    before: dict[str, Any] | None
    after: dict[str, Any] | None

    @property
    def line(self) -> str:
        return f"{self.action} {self.key.kind} {self.key.name} ({self.key.region})"


@dataclass
class Outcome:
    """What a run planned, did and left standing."""

    plan: list[Change]
    applied: list[Change] = field(default_factory=list)
    live: dict[Key, Live] = field(default_factory=dict)
    kept: list[Key] = field(default_factory=list)
    """What is no longer desired but holds data, and so was left."""


def canonical(items: Iterable[Any]) -> list[Any]:
    """Return `items` in an order that depends on nothing but their values."""
    return sorted(items, key=lambda item: item if isinstance(item, str) else json.dumps(item, sort_keys=True, default=str))
