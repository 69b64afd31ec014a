"""A failover while the lost region and us-east-1 say nothing: what goes there is tried once, and what is called was foreseen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from kc.runbook import carry
from kc.runbook.books import failover
from kc.runbook.keep import keep

from lab.settings import Settings
from tests.faults.foreseen import on_the_wire
from tests.faults.recording import GLOBAL_REGION, Recorder, recorder

LAB = Settings.load()
HERE, LOST = "eu-central-1", "me-west-1"
FLAG = "/kc/lab/state/role"
Do = Callable[..., dict[str, Any]]


@pytest.fixture
def proxy(aws_api: str) -> Iterator[Recorder]:
    with recorder(aws_api) as found:
        yield found


@pytest.fixture
def do(client: Callable[..., Any], proxy: Recorder, scope_option: Callable[..., dict[str, Any]]) -> Do:
    """Does something to a run of the failover, whose calls go through the recorder."""
    client("s3", HERE).create_bucket(Bucket="journals", CreateBucketConfiguration={"LocationConstraint": HERE})
    client("ecs", HERE).create_cluster(clusterName="kc-lab")
    for region, role in ((HERE, "secondary"), (LOST, "primary")):
        client("ssm", region).put_parameter(Name=FLAG, Value=role, Type="String")
    scope = scope_option(HERE)
    scope["aws"]["endpoint_url"] = proxy.url

    def go(what: str, step: str = "", check: bool = False, **more: Any) -> dict[str, Any]:
        about = {"bucket": "journals", "mirror": "", "regions": [LOST, HERE], "home": LOST, "least": {}, "apart": []}
        options = {**about, "takeover": True, "facts": {}, "reason": "", "untouched": False}
        return keep({**options, "scope": scope, "do": what, "step": step, **more}, failover, check=check, process=1)

    return go


def carried(do: Do, check: bool) -> list[dict[str, Any]]:
    """Go through the steps, and return the facts of those that are calls."""
    do("open", check=check)
    facts = []
    for step in failover.BOOK.names:
        if step in ("fence", "room", "roles", "traffic"):
            facts.append(do("carry", step, check=check)["facts"])
        elif not check:
            do("begin", step)
            do("done", step)
    return facts


def test_what_is_called_was_foreseen_and_nobody_who_is_silent_is_waited_for(
    do: Do, proxy: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(carry.BRIEF, "read_timeout", 0.5)
    with proxy.silence(LOST, GLOBAL_REGION):
        foreseen = carried(do, check=True)
        asked = proxy.taken()
        made = carried(do, check=False)
        heard = proxy.taken()
    assert not any(each.asked.changes for each in asked)
    calls = [call for facts in foreseen for call in facts["calls"]]
    assert {call["call"] for call in calls} == {"ssm:put_parameter", "cloudwatch:put_metric_data"}
    changing = [each.asked for each in heard if each.asked.changes and each.asked.service != "s3"]
    assert changing == [on_the_wire(call) for call in calls] == [on_the_wire(call) for facts in made for call in facts["calls"]]
    assert {each.region for each in changing} == {HERE}
    for run in (asked, heard):
        assert not [each for each in run if each.asked.region not in (HERE, LOST)]
        there = [each for each in run if each.asked.region == LOST]
        assert [(each.asked.operation, each.status) for each in there] == [("DescribeNetworkAcls", None), ("GetParameter", None)]
    assert [len(facts.get("left", [])) for facts in made] == [1, 0, 1, 0]
