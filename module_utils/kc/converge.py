"""The plan engine: read everything, plan, apply in dependency order.

The data that flows through it::

    unit's builder ──> [Resource]      desired state, pure, may hold Ref's
    Kind.read      ──> {Key: Live}     what stands, in the shape of the desired state
    make_plan      ──> [Change]        pure; the same with and without check mode
    apply          ──> Outcome         what was done, what failed, what stands now
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from typing import Any

from .errors import KcError, ResourceError, UnitError
from .model import UNKNOWN, Change, Key, Kind, Live, Outcome, Resource
from .plan import Step, applied, dependencies, differing, foreseen, lookup_in, make_plan, refs, refusal, resolve, steps
from .scope import Scope

WORKERS = 16
"""Threads of one apply. Waiting threads cost nothing, and AWS's own throttling is well above it."""

SETTLING: tuple[tuple[float, ...], ...] = ((1,), (2,), (4,), (8,), (15,), (15,), (30,), (30,), (60,), (60,))
"""Pauses in seconds, one look at what stands after each, while a state error passes by itself (`Kind.settles`)."""

LOST: tuple[tuple[float, ...], ...] = ((0.5, 1.5, 3), (1, 2, 4))
"""Pauses between the looks for what a call did whose answer was lost; AWS's lists lag a few seconds behind its
acts. A group's looks all come before the call is made again."""


def _read(kind: Kind, aws: Any, scope: Scope) -> dict[str, Live]:
    try:
        return kind.read(aws, scope)
    except Exception as error:
        raise ResourceError.of(Key(kind.name, scope.region, "(all)"), error) from error


def read_live(aws: Any, scope: Scope, resources: Sequence[Resource], kinds: Sequence[Kind], regions: Sequence[str]) -> dict[Key, Live]:
    """Read, at once, every kind of the unit in every region, and what the unit looks up elsewhere."""
    jobs: dict[tuple[str, str, str, str], Kind] = {
        (kind.name, region, scope.component, scope.client): kind for kind in kinds for region in regions
    }
    wanted: set[tuple[Key, str, str]] = set()
    for resource in resources:
        whose = (resource.component, resource.client) if resource.component else (scope.component, scope.client)
        jobs[(resource.kind.name, resource.region, *whose)] = resource.kind
        wanted.add((resource.key, *whose))
    live: dict[Key, Live] = {}
    with ThreadPoolExecutor(WORKERS) as pool:
        futures = {}
        for (kind_name, region, component, client), kind in jobs.items():
            of = replace(scope.at(region, component), client=client)
            futures[(kind_name, region, component, client)] = pool.submit(_read, kind, aws.at(region), of)
        for (kind_name, region, component, client), future in futures.items():
            for name, item in future.result().items():
                key = Key(kind_name, region, name)
                ours = (component, client) == (scope.component, scope.client) and item.owner in ("", scope.region)
                if ours or (key, component, client) in wanted:
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
            lookup = lookup_in(resource, dict(self.outcome.live), set())
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
            raise refusal(key, sorted(changed & kind.immutable)[0], live, want)
        objection = kind.objection(live.attrs, want) if changed else None
        if objection:
            raise objection
        if changed:
            kind.update(self.aws.at(key.region), self.scope.at(key.region), key.name, live, want, changed)
            live.attrs = applied(live.attrs, {attr: want[attr] for attr in changed})

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
