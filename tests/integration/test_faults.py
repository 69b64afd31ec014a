"""A fault at any call ends in a clear error or is got over; the next run completes, and nothing stands twice."""

from __future__ import annotations

import random
import re
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import botocore.retries.standard
import pytest
from kc.aws.session import Aws
from kc.unit import run

from tests.faults.proxy import FAULTS, Fault, Faults, Proxy, proxy_to
from tests.integration.census import REGIONS, SERVICES, Census, inventory_of
from tests.integration.platform import UNITS, options, prepare, unit

Result = dict[str, Any]


@pytest.fixture(scope="session")
def proxy(aws_server: str) -> Iterator[Proxy]:
    with proxy_to(aws_server) as found:
        yield found


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses between repeats are over at once; the lab has nothing to recover from."""
    monkeypatch.setattr(botocore.retries.standard.ExponentialBackoff, "delay_amount", lambda self, context: 0)
    monkeypatch.setattr(Aws, "sleep", lambda self, seconds: time.sleep(min(seconds, 0.02)))


@dataclass
class Trial:
    """One unit, converged through the proxy."""

    name: str
    params: dict[str, Any]
    proxy: Proxy
    census: Callable[[], Census]

    def run(self, faults: Faults | None = None, check: bool = False, **changed: Any) -> Result:
        self.proxy.plan(faults or Faults())
        return run(unit(self.name), {**self.params, **changed}, check=check)


@pytest.fixture
def trial(
    request: pytest.FixtureRequest,
    proxy: Proxy,
    converge: Callable[..., Result],
    scope_option: Callable[..., Any],
    client: Callable[..., Any],
) -> Trial:
    """The unit that the test is parametrised with, all it needs standing."""
    name = request.getfixturevalue("name")
    prepare(name, converge, scope_option)
    scope = scope_option()
    scope["aws"] = {**scope["aws"], "endpoint_url": proxy.url}
    services = [service for service in SERVICES if service in unit(name).services]
    return Trial(name, {**options(name), "scope": scope}, proxy, lambda: inventory_of(client, REGIONS, services))


def same_shape(check: Result, real: Result) -> None:
    """Assert that check mode tells what the run then does, in the shape in which the run tells it."""
    assert not check.get("failed"), check["msg"]
    assert check.keys() == real.keys()
    lines = [[(each["action"], each["kind"], each["name"], each["region"]) for each in result["plan"]] for result in (check, real)]
    assert lines[0] == lines[1]
    assert check["standing"] == real["standing"]
    shapes = [
        {kind: {name: sorted(outputs) for name, outputs in of.items()} for kind, of in result["outputs"].items()}
        for result in (check, real)
    ]
    assert shapes[0] == shapes[1]


@dataclass
class Undisturbed:
    """What a unit does when nothing goes wrong: calls of its first run and of its deletion, and what stands after each."""

    calls: int
    stands: Census
    absent_calls: int
    nothing: Census


@pytest.fixture
def undisturbed(trial: Trial) -> Undisturbed:
    """Measured by making the unit, which a check has told of, and taking it away again."""
    before = trial.census()
    check, result = trial.run(check=True), trial.run()
    assert not result.get("failed"), result["msg"]
    same_shape(check, result)
    calls, stands = len(trial.proxy.calls), trial.census()
    absent = trial.run(**ABSENT)
    assert not absent.get("failed"), absent["msg"]
    nothing = trial.census()
    # a certificate's validation record serves those of all regions, and goes with the zone
    assert {kind for _, kind, _ in nothing - before} <= {"record"}
    return Undisturbed(calls, stands, len(trial.proxy.calls), nothing)


ABSENT = {"state": "absent", "data": "delete"}


def assert_clear(result: Result) -> None:
    """A failure names the resource, the region, the operation and what became of it."""
    assert "exception" not in result, result["exception"]
    for error in result["errors"]:
        assert error["kind"] and error["name"] and error["region"], error
        assert re.search(r"\b[a-z0-9]+:[a-z0-9_]+ in [a-z0-9-]+ (answered \w+|got no answer)", error["message"]), error


def disturb(trial: Trial, faults: Faults, wanted: Census, **changed: Any) -> None:
    """Run with faults; then the next run completes what was begun, and the one after plans nothing."""
    disturbed = trial.run(faults, **changed)
    struck = ", ".join(map(str, trial.proxy.struck))
    try:
        if disturbed.get("failed"):
            assert_clear(disturbed)
        completed = trial.run(**changed)
        assert not completed.get("failed"), completed["msg"]
        assert trial.census() == wanted
        assert trial.run(**changed)["plan"] == []
    except Exception as error:
        error.add_note(f"{trial.name}, {changed or 'present'}: {faults} struck {struck or 'nothing'}; answer: {disturbed.get('msg', 'ok')}")
        raise


def present_and_absent(trial: Trial, usual: Undisturbed, present: Faults, absent: Faults | None = None) -> None:
    """Make the unit and take it away again, both under faults."""
    disturb(trial, present, usual.stands)
    disturb(trial, absent or Faults(), usual.nothing, **ABSENT)


@pytest.mark.parametrize("name", UNITS)
def test_a_run_that_is_disturbed_anywhere_is_completed_by_the_next(name: str, trial: Trial, undisturbed: Undisturbed) -> None:
    """Check mode tells it before. A sample that is the same in every run, of what `make soak` does whole: a lost answer or a fault that lasts, and many at once."""
    chance = random.Random(zlib.crc32(name.encode()))  # noqa: S311
    at = chance.randint(1, undisturbed.calls)
    one = chance.choice([Faults({at: "lost"}), Faults({at: chance.choice(FAULTS)}, lasting=True)])
    present_and_absent(trial, undisturbed, one, Faults(chance=0.1, seed=1))


@pytest.mark.parametrize("name", UNITS)
def test_every_service_of_a_unit_is_counted(name: str) -> None:
    assert set(unit(name).services) <= set(SERVICES)


@pytest.mark.soak
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", UNITS)
def test_every_fault_at_every_call(name: str, fault: Fault, trial: Trial, undisturbed: Undisturbed) -> None:
    for at in range(1, max(undisturbed.calls, undisturbed.absent_calls) + 1):
        present_and_absent(trial, undisturbed, Faults({at: fault}), Faults({at: fault}))


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("name", UNITS)
def test_many_faults_at_once(name: str, seed: int, trial: Trial, undisturbed: Undisturbed) -> None:
    faults = Faults(chance=0.05 + 0.02 * seed, seed=seed, lasting=seed % 3 == 0)
    present_and_absent(trial, undisturbed, faults, faults)
