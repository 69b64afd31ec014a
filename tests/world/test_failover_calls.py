"""A region is lost, and so are its API and us-east-1's: a failover asks neither for anything that it waits for, and calls what it foresaw.

It ends with the other region primary: a world of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.site import Site, Unreached
from tests.faults.foreseen import InstanceCall, listed, on_instances, on_the_wire
from tests.faults.recording import GLOBAL_REGION, Heard, Recorder, recorder
from tests.world.conftest import Lab

# a platform from nothing, which is another region's afterwards: ten minutes
pytestmark = [pytest.mark.world, pytest.mark.soak, pytest.mark.xdist_group("world")]

HOME, STANDBY = "me-west-1", "eu-central-1"
FAILOVER = ("playbooks/failover.yml", "-e", f"lost={HOME}", "-e", "confirm=lab")

TRIED = [("ec2", "DescribeNetworkAcls"), ("ssm", "GetParameter")]
"""What is tried in the lost region, once each: whether there is a fence to raise, and what its role flag says."""

Until = Callable[..., Any]


def serving(world: Lab) -> str:
    """Return the region that serves the API with its database, "" where none does."""
    try:
        answer = Site(world.home / "world", "api", seconds=10).ask("GET", "/courses")
    except Unreached:
        return ""
    found = answer.json() if answer.status_code == 200 else {}
    return str(found["region"]) if found.get("source") == "database" else ""


@pytest.fixture(scope="module")
def proxy(world: Lab, until: Until) -> Iterator[Recorder]:
    """A recorder in front of the AWS of a platform whose primary is lost: cut off, and silent; so is us-east-1."""
    world.run("images")
    world.play("site.yml")
    until(lambda: serving(world) == HOME, patience=180)
    with recorder(world.settings.url) as proxy:
        try:
            world.run("cut", HOME)
            for region in (HOME, GLOBAL_REGION):
                world.run("api", region, "stop")
            with proxy.silence(HOME, GLOBAL_REGION):
                yield proxy
        finally:
            world.run("heal")


def played(world: Lab, proxy: Recorder, *words: str) -> tuple[str, list[Heard]]:
    """Run the failover through the recorder; return what it printed, and the calls that came."""
    proxy.taken()
    printed = world.play(*FAILOVER, *words, KC_LAB_PORT=proxy.url.rpartition(":")[2])
    heard = proxy.taken()
    print(f"{len(heard)} calls", *(each for each in heard if each.asked.region != STANDBY or each.asked.changes), sep="\n")
    return printed, heard


def of_the_run(call: Heard) -> bool:
    """Whether a call tells of the run itself, of which a dry run has none: an entry of its journal, or the word to people at its end."""
    told = (call.asked.service, call.asked.operation)
    return told == ("sns", "Publish") or (told[0] == "s3" and told[1].startswith("PUT /") and "/runbooks/" in told[1])


def bounded(heard: list[Heard]) -> None:
    """Assert that nothing but what is tried once went to the lost region, that nobody waits for it, and nothing went to us-east-1."""
    assert [str(each) for each in heard if each.asked.region not in (HOME, STANDBY)] == []
    there = [each for each in heard if each.asked.region == HOME]
    assert [(each.asked.service, each.asked.operation) for each in there] == TRIED
    assert [(each.status, each.seconds is None) for each in there] == [(None, False)] * len(TRIED), "each was given up by who asked"


def test_a_failover_calls_what_it_foresaw_and_asks_nobody_who_is_silent(world: Lab, proxy: Recorder, until: Until, tmp_path: Path) -> None:
    foreseen, asked = played(world, proxy, "--check")
    assert [str(each) for each in asked if each.asked.changes] == [], "a dry run changes nothing"
    bounded(asked)

    done, heard = played(world, proxy, "-e", f"reports={tmp_path}")
    bounded(heard)
    made = [each.asked for each in heard if each.asked.changes and not of_the_run(each)]
    assert {each.endpoint for each in made} == {proxy.url} and {each.region for each in made} == {STANDBY}
    databases = [each for each in made if each.service == "rds"]
    # what a step before saw to already is foreseen by both: hence what is called, and not how often it is foreseen
    assert {*map(str, (each for each in made if each.service != "rds"))} == {str(on_the_wire(each)) for each in listed(foreseen)}
    assert {InstanceCall.of(each) for each in databases} == on_instances(foreseen) == on_instances(done)
    assert len(databases) == len({*map(str, databases)}), "nothing is asked of a database twice"

    assert {path.suffix for path in tmp_path.iterdir()} == {".md", ".json", ".html"}
    until(lambda: serving(world) == STANDBY, patience=300)
