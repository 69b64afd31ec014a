"""The plan engine: read everything, plan, apply in dependency order.

The data that flows through it::

    unit's builder ──> [Resource]      desired state, pure, may hold Ref's
    Kind.read      ──> {Key: Live}     what stands, in the shape of the desired state
    make_plan      ──> [Change]        pure; the same with and without check mode
    apply          ──> Outcome         what was done, what failed, what stands now

A `Ref` points at an attribute of another resource of the same unit. Until that resource stands, the Ref
resolves to `UNKNOWN`, shown as "(known after apply)"; so an empty account can be planned to the end.
"""

from __future__ import annotations

import json
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, NamedTuple

from .errors import KcError, ResourceError, UnitError
from .scope import Scope

WORKERS = 16
"""Threads of one apply. Waiting threads cost nothing, and AWS's own throttling is well above it."""

SETTLING: tuple[tuple[float, ...], ...] = ((1,), (2,), (4,), (8,), (15,), (15,), (30,), (30,), (60,), (60,))
"""Pauses in seconds, one look at what stands after each, while a state error passes by itself (`Kind.settles`)."""

LOST: tuple[tuple[float, ...], ...] = ((0.5, 1.5, 3), (1, 2, 4))
"""Pauses between the looks for what a call did whose answer was lost; AWS's lists lag a few seconds behind its
acts. A group's looks all come before the call is made again."""

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
    """Attributes that are set on creation and belong to somebody else from then on."""
    taggable: ClassVar[bool] = True
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

    def ready(self, aws: Any, name: str, live: Live) -> None:  # noqa: B027
        """Wait until others can use what was created."""

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
        after: Keys of resources that must stand first although no Ref says so.
    """

    kind: Kind
    name: str
    desired: Mapping[str, Any] | None
    region: str
    component: str = ""
    after: tuple[Key, ...] = ()

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


# --- pure part -------------------------------------------------------------------------------------------------


def refs(value: Any) -> Iterator[Ref]:
    """Yield every Ref inside `value`."""
    if isinstance(value, Ref):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from refs(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from refs(item)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (Mapping, list, tuple)):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _strings(item)


def resolve(value: Any, lookup: Callable[[Ref], Any]) -> Any:
    """Return `value` with every Ref replaced.

    Lists are compared as they are, so a builder and `read` agree on an order: that of `canonical` where the
    order means nothing. Ids are only known here, so a list that holds Refs is put in that order here.
    """
    if isinstance(value, Ref):
        return lookup(value)
    if isinstance(value, Mapping):
        return {key: resolve(item, lookup) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        items = [resolve(item, lookup) for item in value]
        return canonical(items) if any(True for _ in refs(value)) else items
    return value


def canonical(items: Iterable[Any]) -> list[Any]:
    """Return `items` in an order that depends on nothing but their values."""
    return sorted(items, key=lambda item: item if isinstance(item, str) else json.dumps(item, sort_keys=True, default=str))


def differing(kind: Kind, before: Mapping[str, Any], after: Mapping[str, Any]) -> frozenset[str]:
    """Return the managed attributes that differ. Tags that the inventory does not name are not ours."""
    changed = set()
    for key, want in after.items():
        if key in kind.write_once:
            continue
        have = before.get(key)
        if key == "tags" and isinstance(have, Mapping):
            have = {tag: have[tag] for tag in want if tag in have}
        if have != want:
            changed.add(key)
    return frozenset(changed)


def _refusal(key: Key, attr: str, have: Live, want: Mapping[str, Any]) -> ResourceError:
    return ResourceError(
        key,
        f"`{attr}` is {have.attrs.get(attr)!r}, the inventory wants {want[attr]!r}, and AWS can't change it in place",
        hint="put the old value back in the inventory, or delete the resource by hand after moving what uses it",
    )


def _applied(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a resource's attributes are once `after` is applied; tags of others stay."""
    tags = {"tags": {**(before.get("tags") or {}), **after["tags"]}} if "tags" in after else {}
    return {**before, **after, **tags}


def foreseen(plan: Sequence[Change], live: Mapping[Key, Live], resources: Sequence[Resource]) -> dict[Key, Live]:
    """Return what will stand once the plan is applied; outputs that only AWS knows are `UNKNOWN`."""
    kinds = {resource.key: resource.kind for resource in resources}
    result = dict(live)
    for change in plan:
        if change.action == "delete":
            del result[change.key]
        elif change.action == "update":
            old = live[change.key]
            result[change.key] = Live(_applied(old.attrs, change.after or {}), old.outputs, old.owner)
        else:
            result[change.key] = Live(dict(change.after or {}), dict.fromkeys(kinds[change.key].outputs_of, UNKNOWN))
    return result


def _lookup(resource: Resource, live: Mapping[Key, Live], replaced: set[Key]) -> Callable[[Ref], Any]:
    def find(ref: Ref) -> Any:
        key = Key(ref.kind, ref.region or resource.region, ref.name)
        if key in replaced or key not in live:
            return UNKNOWN
        return live[key].outputs.get(ref.attr, UNKNOWN)

    return find


def ordered(resources: Sequence[Resource]) -> list[Resource]:
    """Return the resources so that each comes after what it refers to.

    Raises:
        KcError: Two resources share an identity, a Ref points at nothing, or Refs form a circle. Each is a
            builder's mistake.
    """
    by_key: dict[Key, Resource] = {}
    for resource in resources:
        if resource.key in by_key:
            raise KcError(f"two resources are called {resource.key.kind} {resource.name} in {resource.region}")
        by_key[resource.key] = resource
    done: dict[Key, bool] = {}
    result: list[Resource] = []

    def visit(resource: Resource) -> None:
        state = done.get(resource.key)
        if state:
            return
        if state is False:
            raise KcError(f"{resource.key.kind} {resource.name} refers to itself in a circle")
        done[resource.key] = False
        for key in needs(resource):
            if key not in by_key:
                raise KcError(
                    f"{resource.key.kind} {resource.name} refers to {key.kind} {key.name} in {key.region}, which the unit does not name"
                )
            visit(by_key[key])
        done[resource.key] = True
        result.append(resource)

    for resource in resources:
        visit(resource)
    return result


def needs(resource: Resource) -> list[Key]:
    """Return the keys of what must stand before `resource`."""
    keys = [Key(ref.kind, ref.region or resource.region, ref.name) for ref in refs(resource.desired)]
    return list(dict.fromkeys([*keys, *resource.after]))


def make_plan(
    resources: Sequence[Resource],
    live: Mapping[Key, Live],
    kinds: Sequence[Kind],
    *,
    delete_data: bool = False,
) -> tuple[list[Change], list[Key]]:
    """Compare desired and live state.

    Args:
        resources: Desired state. Empty means: the unit is to be absent.
        live: What stands in the unit's scope, looked-up resources included.
        kinds: The unit's kinds, those that others build on first; decides the order of deletions.
        delete_data: Whether kinds that hold data are deleted too.

    Returns:
        The plan (creations and changes in dependency order, then deletions in reverse order of kinds), and the
        keys of what is no longer desired but kept because it holds data, or because what holds data stands on it.

    Raises:
        KcError: An attribute differs that can't be changed in place, on a kind that is never replaced.
    """
    plan: list[Change] = []
    replaced: set[Key] = set()
    desired = ordered(resources)
    for resource in desired:
        if resource.desired is None:
            continue
        want = resolve(resource.desired, _lookup(resource, live, replaced))
        have = live.get(resource.key)
        if have is None:
            plan.append(Change("create", resource.key, None, want))
            replaced.add(resource.key)
            continue
        changed = differing(resource.kind, have.attrs, want)
        if not changed:
            continue
        if changed & resource.kind.immutable:
            if not resource.kind.replaceable or (resource.kind.keeps_data and not delete_data):
                raise _refusal(resource.key, sorted(changed & resource.kind.immutable)[0], have, want)
            plan.append(Change("replace", resource.key, dict(have.attrs), want))
            replaced.add(resource.key)
            continue
        before = {key: have.attrs.get(key) for key in sorted(changed)}
        if "tags" in changed:
            tags = have.attrs.get("tags") or {}
            before["tags"] = {tag: tags[tag] for tag in want["tags"] if tag in tags}
        plan.append(Change("update", resource.key, before, {key: want[key] for key in sorted(changed)}))

    named = {resource.key for resource in desired}
    by_kind = {kind.name: (position, kind) for position, kind in enumerate(kinds)}
    extra = sorted((key for key in live if key not in named and key.kind in by_kind), key=lambda key: (-by_kind[key.kind][0], key))
    kept: list[Key] = []
    held: set[Any] = set()
    for key in extra:
        # what kept data stands on (a database's subnet group) is kept with it
        if (by_kind[key.kind][1].keeps_data and not delete_data) or held & {live[key].outputs.get("id"), live[key].outputs.get("arn")} - {
            None
        }:
            kept.append(key)
            held |= set(_strings(live[key].attrs))
        else:
            plan.append(Change("delete", key, dict(live[key].attrs), None))
    return plan, kept


class Step(NamedTuple):
    """What is done at once. A replacement is two steps, because what builds on the old one has to go in between."""

    key: Key
    removes: bool


def steps(change: Change) -> list[Step]:
    """Return a change's steps in their order."""
    return [Step(change.key, removes) for removes in {"delete": [True], "replace": [True, False]}.get(change.action, [False])]


def dependencies(plan: Sequence[Change], resources: Sequence[Resource], kinds: Sequence[Kind]) -> dict[Step, set[Step]]:
    """Return, for each step of the plan, the steps that must be done first.

    What is made waits for what it refers to. What is removed waits for every removal of the kinds that build on its
    kind: a NAT gateway goes before its subnet. What is removed for good also waits for the changes of those kinds
    (it goes after the route to it was turned elsewhere), but for those that wait themselves for a replacement
    further below.
    """
    by_key = {resource.key: resource for resource in resources}
    position = {kind.name: index for index, kind in enumerate(kinds)}
    made = {change.key for change in plan if change.action != "delete"}
    removed = {change.key for change in plan if change.action in ("delete", "replace")}
    builds_on = {key: set(_reach(by_key[key], by_key)) & made - {key} for key in made}

    def place(key: Key) -> int:
        return position.get(key.kind, -1)

    def lowest_replaced(key: Key) -> int:
        return min((place(each) for each in {key, *builds_on[key]} & removed), default=len(kinds))

    result: dict[Step, set[Step]] = {}
    for change in plan:
        mine = place(change.key)
        for step in steps(change):
            if not step.removes:
                result[step] = {Step(key, False) for key in builds_on[step.key]} | {Step(key, True) for key in {step.key} & removed}
            else:
                result[step] = {Step(key, True) for key in removed if place(key) > mine}
                if change.action == "delete":
                    result[step] |= {Step(key, False) for key in made if place(key) > mine and lowest_replaced(key) >= mine}
    return result


def _reach(resource: Resource, by_key: Mapping[Key, Resource]) -> Iterable[Key]:
    """Everything that `resource` builds on, through unchanged resources too."""
    seen: set[Key] = set()
    todo = list(needs(resource))
    while todo:
        key = todo.pop()
        if key not in seen:
            seen.add(key)
            if key in by_key:
                todo.extend(needs(by_key[key]))
    return seen


# --- the part that talks to AWS --------------------------------------------------------------------------------


def _read(kind: Kind, aws: Any, scope: Scope) -> dict[str, Live]:
    try:
        return kind.read(aws, scope)
    except Exception as error:
        raise ResourceError.of(Key(kind.name, scope.region, "(all)"), error) from error


def read_live(aws: Any, scope: Scope, resources: Sequence[Resource], kinds: Sequence[Kind], regions: Sequence[str]) -> dict[Key, Live]:
    """Read, at once, every kind of the unit in every region, and what the unit looks up elsewhere."""
    jobs: dict[tuple[str, str, str], Kind] = {(kind.name, region, scope.component): kind for kind in kinds for region in regions}
    for resource in resources:
        jobs[(resource.kind.name, resource.region, resource.component or scope.component)] = resource.kind
    wanted = {(resource.key, resource.component) for resource in resources if resource.component}
    live: dict[Key, Live] = {}
    with ThreadPoolExecutor(WORKERS) as pool:
        futures = {job: pool.submit(_read, kind, aws.at(job[1]), scope.at(job[1], job[2])) for job, kind in jobs.items()}
        for (kind_name, region, component), future in futures.items():
            for name, item in future.result().items():
                key = Key(kind_name, region, name)
                ours = component == scope.component and item.owner in ("", scope.region)
                if ours or (key, component) in wanted:
                    live[key] = item
    return live


class Apply:
    """Carries a plan out: concurrently, in dependency order, going on with what does not depend on a failure."""

    def __init__(self, aws: Any, scope: Scope, outcome: Outcome, resources: Sequence[Resource], kinds: Sequence[Kind]) -> None:
        self.aws = aws
        self.scope = scope
        self.outcome = outcome
        self.resources = {resource.key: resource for resource in resources}
        self.kinds = {kind.name: kind for kind in [*kinds, *(resource.kind for resource in resources)]}
        self.before = dependencies(outcome.plan, resources, kinds)
        self.lock = threading.Lock()

    def run(self) -> None:
        """Apply the plan.

        Raises:
            UnitError: Something failed; it names each failure, and what was left undone because of it. What was
                applied is in the outcome.
        """
        waiting = {step: change for change in self.outcome.plan for step in steps(change)}
        failed: dict[Key, ResourceError] = {}
        running: dict[Future[None], tuple[Step, Change]] = {}
        done: set[Step] = set()
        with ThreadPoolExecutor(WORKERS) as pool:
            try:
                while True:
                    for step in [step for step in waiting if self.before[step] <= done]:
                        change = waiting.pop(step)
                        running[pool.submit(self._take, step, change)] = step, change
                    if not running:
                        break
                    for future in wait(running, return_when=FIRST_COMPLETED).done:
                        step, change = running.pop(future)
                        error = future.exception()
                        if error is not None:
                            failed[change.key] = ResourceError.of(change.key, error)
                            continue
                        done.add(step)
                        if step == steps(change)[-1]:
                            self.outcome.applied.append(change)
            except BaseException:  # Ctrl-C: nothing new is begun, and nobody sleeps on
                pool.shutdown(wait=False, cancel_futures=True)
                self.aws.stop()
                raise
        if failed:
            skipped = [change for change in waiting.values() if change.key not in failed]
            raise UnitError(list(failed.values()), list(dict.fromkeys(change.line for change in skipped)))

    def _take(self, step: Step, change: Change) -> None:
        kind = self.kinds[change.key.kind]
        if step == steps(change)[0]:
            self.aws.progress(change.line)
        if step.removes:
            self._remove(kind, change)
        else:
            self._make(kind, change)

    def _want(self, key: Key) -> dict[str, Any]:
        resource = self.resources[key]
        with self.lock:
            lookup = _lookup(resource, dict(self.outcome.live), set())
        missing = next((ref for ref in refs(resource.desired) if lookup(ref) is UNKNOWN), None)
        if missing:
            raise KcError(
                f"it needs {missing.attr} of {missing.kind} {missing.name} in {missing.region or key.region}, which does not stand",
                hint="converge the unit that makes it first",
            )
        return dict(resolve(resource.desired, lookup))

    def _make(self, kind: Kind, change: Change) -> None:
        """Create or change, without ever creating twice.

        Where the answer was lost (a cut connection, a 5xx, a time-out) the call may have been carried out, and where
        a later call of `create` failed the first one was. So an error that passes is followed by a look at what
        stands, and the work goes on from there; a creating call is never repeated blindly.
        """
        key, want = change.key, self._want(change.key)
        aws, scope = self.aws.at(key.region), self.scope.at(key.region)
        found = self.outcome.live.get(key)
        settling, lost = iter(SETTLING), iter(LOST)
        while True:
            try:
                if found is None:
                    found = kind.create(aws, scope, key.name, want)
                else:
                    self._update(kind, key, found, want)
                with self.lock:
                    self.outcome.live[key] = found
                return kind.ready(aws, key.name, found)
            except KcError as error:
                # "exists already" is how some services answer to the repeat of a call whose answer was lost
                passes = settling if error.code in kind.settles else lost if error.transient or error.exists else iter(())
                pauses = next(passes, ())
                if not pauses:
                    raise
                self._pausing(change, error, pauses)
                seen = self._look(kind, key, pauses)
                if seen is None and error.exists:
                    raise
                found = seen or found

    def _update(self, kind: Kind, key: Key, live: Live, want: Mapping[str, Any]) -> None:
        changed = differing(kind, live.attrs, want)
        if changed & kind.immutable:
            raise _refusal(key, sorted(changed & kind.immutable)[0], live, want)
        if changed:
            kind.update(self.aws.at(key.region), self.scope.at(key.region), key.name, live, want, changed)
            live.attrs = _applied(live.attrs, {attr: want[attr] for attr in changed})

    def _look(self, kind: Kind, key: Key, pauses: Sequence[float]) -> Live | None:
        """Return what stands of `key` at the first look that finds it; a pause is before each."""
        for pause in pauses:
            self.aws.sleep(pause)
            found = kind.read(self.aws.at(key.region), self.scope.at(key.region)).get(key.name)
            if found is not None:
                return found
        return None

    def _remove(self, kind: Kind, change: Change) -> None:
        key = change.key
        live = self.outcome.live[key]
        settling = iter(SETTLING)
        while True:
            try:
                kind.delete(self.aws.at(key.region), self.scope.at(key.region), key.name, live)
                break
            except KcError as error:
                pauses = next(settling, ()) if error.code in kind.settles else ()
                if not pauses:
                    raise
                self._pausing(change, error, pauses)
                self.aws.sleep(sum(pauses))
        with self.lock:
            del self.outcome.live[key]

    def _pausing(self, change: Change, error: KcError, pauses: Sequence[float]) -> None:
        self.aws.progress(f"{change.line}: {error.code or error.message}, trying again in {pauses[0]:g} s")


def _require(resources: Sequence[Resource], live: Mapping[Key, Live]) -> None:
    """Stop before anything is touched where another unit's resource is missing."""
    missing = [resource for resource in resources if resource.desired is None and resource.key not in live]
    if missing:
        raise UnitError(
            [
                ResourceError(
                    resource.key, "it does not stand", hint=f"converge the unit `{resource.component}` of {resource.region} first"
                )
                for resource in missing
            ],
            [],
        )


def converge(
    aws: Any,
    scope: Scope,
    resources: Sequence[Resource],
    kinds: Sequence[Kind],
    *,
    regions: Sequence[str] = (),
    check: bool = False,
    delete_data: bool = False,
) -> Outcome:
    """Converge one unit: read, plan and, unless `check`, apply.

    Args:
        regions: Regions that the unit has resources in; the scope's own where empty.
        check: Change nothing; `live` of the outcome is then what would stand.

    Raises:
        UnitError: With `outcome` set to what was planned and done until then.
    """
    live = read_live(aws, scope, resources, kinds, regions or [scope.region])
    plan, kept = make_plan(resources, live, kinds, delete_data=delete_data)
    if check:
        return Outcome(plan=plan, live=foreseen(plan, live, resources), kept=kept)
    outcome = Outcome(plan=plan, live=live, kept=kept)
    try:
        _require(resources, live)
        Apply(aws, scope, outcome, resources, kinds).run()
    except UnitError as error:
        error.outcome = outcome
        raise
    return outcome
