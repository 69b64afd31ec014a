"""The pure half of the plan engine: what differs, and in which order it is put right."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from .errors import KcError, ResourceError
from .model import UNKNOWN, Change, Key, Kind, Live, Ref, Resource, canonical


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
    order means nothing. Ids are only known here, so a list that holds Refs is put in that order here; a tuple's
    order means something, and stays.
    """
    if isinstance(value, Ref):
        return lookup(value)
    if isinstance(value, Mapping):
        return {key: resolve(item, lookup) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        items = [resolve(item, lookup) for item in value]
        return canonical(items) if isinstance(value, list) and any(True for _ in refs(value)) else items
    return value


def differing(kind: Kind, before: Mapping[str, Any], after: Mapping[str, Any]) -> frozenset[str]:
    """Return the managed attributes that differ. Tags that the inventory does not name are not ours."""
    changed = set()
    for key, want in after.items():
        if key in kind.write_once:
            continue
        have = before.get(key)
        if key == "tags" and isinstance(have, Mapping):
            have = {tag: have[tag] for tag in want if tag in have}
        if not kind.same(key, have, after):
            changed.add(key)
    return frozenset(changed)


def refusal(key: Key, attr: str, have: Live, want: Mapping[str, Any]) -> ResourceError:
    return ResourceError(
        key,
        f"`{attr}` is {have.attrs.get(attr)!r}, the inventory wants {want[attr]!r}, and AWS can't change it in place",
        hint="put the old value back in the inventory, or delete the resource by hand after moving what uses it",
    )


def applied(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
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
            kind = kinds[change.key]
            outputs = dict.fromkeys(kind.outputs_of, UNKNOWN) if kind.renews & set(change.after or {}) else old.outputs
            result[change.key] = Live(applied(old.attrs, change.after or {}), outputs, old.owner)
        else:
            result[change.key] = Live(dict(change.after or {}), dict.fromkeys(kinds[change.key].outputs_of, UNKNOWN))
    return result


def lookup_in(resource: Resource, live: Mapping[Key, Live], renewed: set[Key]) -> Callable[[Ref], Any]:
    def find(ref: Ref) -> Any:
        key = Key(ref.kind, ref.region or resource.region, ref.name)
        if key in renewed or key not in live:
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
        KcError: An attribute differs that can't be changed in place, on a kind that is never replaced; or the kind objects
            to the change.
    """
    plan: list[Change] = []
    renewed: set[Key] = set()
    left: set[Key] = set()
    desired = ordered(resources)
    for resource in desired:
        if resource.desired is None:
            continue
        if any(key in live for key in resource.unless) or left & set(needs(resource)):
            left.add(resource.key)
            continue
        want = resolve(resource.desired, lookup_in(resource, live, renewed))
        have = live.get(resource.key)
        if have is None:
            plan.append(Change("create", resource.key, None, want))
            renewed.add(resource.key)
            continue
        changed = differing(resource.kind, have.attrs, want)
        if not changed:
            continue
        if changed & resource.kind.immutable:
            if not resource.kind.replaceable or (resource.kind.keeps_data and not delete_data):
                raise refusal(resource.key, sorted(changed & resource.kind.immutable)[0], have, want)
            plan.append(Change("replace", resource.key, dict(have.attrs), want))
            renewed.add(resource.key)
            continue
        objection = resource.kind.objection(have.attrs, want)
        if objection:
            raise ResourceError.of(resource.key, objection)
        if changed & resource.kind.renews:
            renewed.add(resource.key)
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
        ids = {live[key].outputs[name] for name in ("id", "arn") if name in live[key].outputs}
        if (by_kind[key.kind][1].keeps_data and not delete_data) or held & ids:
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
