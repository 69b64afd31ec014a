"""A run of the failover by its module, on the emulated AWS: what it calls is what it foresaw, and it changes nothing that is not its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from kc.errors import KcError
from kc.runbook.books import failover

from tests.integration.conftest import FLAG, Do

HERE, LOST = "eu-central-1", "me-west-1"


@pytest.fixture
def do(runbook: Callable[..., Do]) -> Do:
    return runbook(failover, HERE, LOST)


def rules(client: Callable[..., Any]) -> set[tuple[bool, int, str]]:
    acls = client("ec2", LOST).describe_network_acls(Filters=[{"Name": "tag:Name", "Values": ["kc-lab-data"]}])["NetworkAcls"]
    return {(each["Egress"], each["RuleNumber"], each["RuleAction"]) for each in acls[0]["Entries"] if each["RuleNumber"] < 100}


def asked(do: Do, *steps: str) -> None:
    for step in steps:
        assert do("begin", step)["due"]
        do("done", step, facts={"was": step})


def test_a_fence_is_raised_as_it_was_foreseen_and_once(do: Do, client: Callable[..., Any]) -> None:
    foreseen = do("carry", "fence", check=True)
    assert foreseen["changed"] and foreseen["epoch"] == 0 and rules(client) == set()
    assert do("open")["due"] and not do("open")["changed"]
    with pytest.raises(KcError, match="not the turn of"):
        do("carry", "fence")
    asked(do, "confirm", "replica")
    made = do("carry", "fence")
    assert made["facts"]["calls"] == foreseen["facts"]["calls"] and len(made["facts"]["calls"]) == 2
    assert rules(client) == {(False, 1, "deny"), (True, 1, "deny")}
    assert do("carry", "fence")["facts"] == made["facts"], "what is done is told, and not done again"
    assert do("carry", "fence", check=True)["facts"] == {"calls": []}


def test_what_can_not_be_done_in_the_lost_region_is_told_and_stops_nothing(do: Do, client: Callable[..., Any]) -> None:
    acl = client("ec2", LOST).describe_network_acls(Filters=[{"Name": "tag:Name", "Values": ["kc-lab-data"]}])["NetworkAcls"][0]
    client("ec2", LOST).delete_network_acl(NetworkAclId=acl["NetworkAclId"])
    do("open")
    asked(do, "confirm", "replica")
    assert do("carry", "fence")["facts"]["left"] == ["the fence of me-west-1: there is no network ACL kc-lab-data in me-west-1"]


def test_a_region_that_somebody_else_made_primary_is_left_alone(do: Do, client: Callable[..., Any]) -> None:
    do("open")
    asked(do, "confirm", "replica")
    client("ssm", HERE).put_parameter(Name=FLAG, Value="primary", Type="String", Overwrite=True)
    with pytest.raises(KcError, match="eu-central-1 is `primary`, and run 1 did not make it that"):
        do("carry", "fence")
    assert rules(client) == set()
    with pytest.raises(KcError, match="did not make it that"):
        do("begin", "fence")
    client("ssm", HERE).put_parameter(Name=FLAG, Value="secondary", Type="String", Overwrite=True)
    assert do("open")["steps"]["fence"] == "waiting", "what was refused was never begun"


def test_what_was_done_is_taken_back_as_it_was_foreseen(do: Do, client: Callable[..., Any]) -> None:
    do("open")
    asked(do, "confirm", "replica")
    do("carry", "fence")
    foreseen = do("undo", check=True)
    assert foreseen["changed"] and len(rules(client)) == 2
    made = do("undo")
    assert made["facts"] == foreseen["facts"] and len(made["facts"]["calls"]) == 2
    assert rules(client) == set() and made["outcome"] == "undone"
    assert made["steps"] == {**dict.fromkeys(failover.BOOK.names, "waiting"), **dict.fromkeys(("confirm", "replica", "fence"), "undone")}
    assert do("open")["epoch"] == 2


def test_behind_the_promotion_there_is_no_way_back_but_a_run_can_be_given_up(do: Do) -> None:
    do("open")
    asked(do, "confirm", "replica", "fence", "room", "lease")
    do("begin", "promote")
    with pytest.raises(KcError, match=r"no way back from \(6/9\) Promote the replica"):
        do("undo")
    with pytest.raises(KcError, match="given up for a reason"):
        do("give_up")
    assert do("give_up", reason="the region is back")["outcome"] == "given up"
    assert do("open")["last"]["outcome"] == "given up"


def test_what_was_done_already_is_not_begun_again(do: Do, client: Callable[..., Any]) -> None:
    do("open")
    for step in failover.BOOK.names:
        asked(do, step)
        if step == "roles":
            client("ssm", HERE).put_parameter(Name=FLAG, Value="primary", Type="String", Overwrite=True)
    do("close")
    for check in (False, True):
        again = do("open", check=check)
        assert not again["due"] and again["last"]["outcome"] == "completed" and again["last"]["epoch"] == 1
    with pytest.raises(KcError, match="no run of failover is under way"):
        do("begin", "promote")


def test_a_region_that_is_primary_takes_over_from_nobody(do: Do, client: Callable[..., Any]) -> None:
    client("ssm", HERE).put_parameter(Name=FLAG, Value="primary", Type="String", Overwrite=True)
    with pytest.raises(KcError, match="eu-central-1 is primary already"):
        do("open")


def test_a_report_is_of_the_last_run(do: Do, tmp_path: Any) -> None:
    with pytest.raises(KcError, match="there is no run of failover"):
        do("report", directory=str(tmp_path))
    do("open")
    do("begin", "confirm")
    do("failed", "confirm", reason="keeper-1 reaches it still")
    names = [path.name for path in map(tmp_path.joinpath, do("report", directory=str(tmp_path))["files"])]
    assert names == ["000001-failover.md", "000001-failover.json", "000001-failover.html"]
    assert "keeper-1 reaches it still" in (tmp_path / names[0]).read_text()


def test_people_are_told_and_that_nobody_could_be_is_a_warning(do: Do, client: Callable[..., Any]) -> None:
    do("open")
    do("give_up", reason="a drill")
    assert "nobody was told: sns:publish in eu-central-1" in do("tell")["warnings"][0]
    sns, sqs = client("sns", HERE), client("sqs", HERE)
    topic = sns.create_topic(Name="kc-lab-pages")["TopicArn"]
    queue = sqs.create_queue(QueueName="people")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    assert do("tell")["changed"]
    told = json.loads(sqs.receive_message(QueueUrl=queue)["Messages"][0]["Body"])
    assert told["Subject"].startswith("lab: failover from me-west-1, to eu-central-1: given up after")
    assert told["Message"].startswith("# failover, run 1: given up")
    assert do("tell", check=True)["changed"] is False, "check mode tells nobody"
