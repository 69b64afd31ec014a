"""Who is primary and what is degraded, on the emulated AWS; and with a region that gives no answer."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from kc.aws.session import Aws, Connection
from kc.databases import databases
from kc.runbook.carry import BRIEF, brief
from kc.runbook.run import Run, last, me
from kc.runbook.shelf import Bucket
from kc.scope import Scope
from kc.status.entry import status
from kc.unit import connection_of

from tests.integration import standby
from tests.integration.standby import BOOK, FLAG, PRIMARY, STANDBY, bucket

Client = Callable[..., Any]
SWITCH = "kc-lab-standby-takes-over"


@pytest.fixture
def options(client: Client, scope_option: Callable[..., dict[str, Any]], tmp_path: Path) -> dict[str, Any]:
    """The options of kc_status, on two regions in which nothing lacks but what servers would tell."""
    scope = scope_option(STANDBY)
    standby.stand(client, scope, tmp_path)
    standby.services(client, PRIMARY)
    for region in (PRIMARY, STANDBY):
        ec2 = client("ec2", region)
        tags = {"Platform": "kc", "Environment": "lab", "Component": "network", "Name": "kc-lab-data"}
        named = [{"ResourceType": "network-acl", "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}]
        ec2.create_network_acl(VpcId=ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"], TagSpecifications=named)
    about = {"Namespace": "kc/lab", "MetricName": "StandbyTakesOver", "Statistic": "Maximum", "Period": 60, "EvaluationPeriods": 1}
    rule = {"Threshold": 1.0, "ComparisonOperator": "GreaterThanOrEqualToThreshold"}
    client("cloudwatch", STANDBY).put_metric_alarm(AlarmName=SWITCH, **about, **rule)
    return {"scope": scope, "regions": [PRIMARY, STANDBY], "home": PRIMARY, "applications": ["api"], "told": told()}


def told() -> dict[str, Any]:
    """What RDS tells of a good pair."""
    pair = {PRIMARY: "source", STANDBY: "replica"}
    return {"databases": {region: [{"id": "kc-lab-main", "role": role, "state": "available"}] for region, role in pair.items()}}


def ask(options: dict[str, Any], aws: Aws | None = None) -> dict[str, Any]:
    return status(aws or brief(connection_of(options), STANDBY), options, datetime.now(UTC))


def turn(client: Client, to: str) -> None:
    for region in (PRIMARY, STANDBY):
        client("ssm", region).put_parameter(Name=FLAG, Value="primary" if region == to else "secondary", Type="String", Overwrite=True)


def test_where_nothing_lacks_nothing_is_degraded(options: dict[str, Any]) -> None:
    made = ask(options)
    assert (made["primary"], made["degraded"], made["untold"], made["run"]) == (PRIMARY, [], [], {})
    assert made["since"] == "", "the last run made the other region primary, which it is not any more"
    assert made["regions"][STANDBY]["services"] == {"api": {"running": 1, "wanted": 1}}


def test_since_when_is_what_the_last_run_that_changed_the_roles_says(options: dict[str, Any], client: Client) -> None:
    turn(client, STANDBY)
    client("cloudwatch", STANDBY).set_alarm_state(AlarmName=SWITCH, StateValue="ALARM", StateReason="x")
    options["told"]["databases"] = {PRIMARY: [], STANDBY: [{"id": "kc-lab-main", "role": "source", "state": "available"}]}
    made = ask(options)
    assert (made["primary"], made["by"]) == (STANDBY, "switchover, run 1")
    assert datetime.fromisoformat(made["since"]).tzinfo is not None
    assert made["degraded"] == ["me-west-1: mysql: there is no replica of kc-lab-main"]


def fenced(client: Client, options: dict[str, Any]) -> None:
    acls = client("ec2", PRIMARY).describe_network_acls(Filters=[{"Name": "tag:Name", "Values": ["kc-lab-data"]}])["NetworkAcls"]
    entry = {"RuleNumber": 1, "Protocol": "-1", "RuleAction": "deny", "Egress": False, "CidrBlock": "0.0.0.0/0"}
    client("ec2", PRIMARY).create_network_acl_entry(NetworkAclId=acls[0]["NetworkAclId"], **entry)


def under_way(client: Client, options: dict[str, Any]) -> None:
    shelf = Bucket(Aws(connection_of(options), STANDBY), bucket("journals", STANDBY))
    Run.open(shelf, last(shelf), BOOK, {"from": PRIMARY, "to": STANDBY}, me()).begin("roles")


@pytest.mark.parametrize(
    ("plant", "says"),
    [
        (lambda client, options: turn(client, ""), "no region says that it is primary"),
        (fenced, "me-west-1: fence: its data tier is fenced off from 0.0.0.0/0"),
        (under_way, "run 2 (switchover) is under way since"),
        (
            lambda client, options: client("cloudwatch", STANDBY).set_alarm_state(AlarmName=SWITCH, StateValue="ALARM", StateReason="x"),
            "eu-central-1: switch: it sends users to eu-central-1, and me-west-1 is primary",
        ),
        (
            lambda client, options: client("ecs", PRIMARY).delete_service(cluster="kc-lab", service="kc-lab-api", force=True),
            "me-west-1: services: api does not stand",
        ),
    ],
)
def test_what_is_degraded_is_named(
    plant: Callable[[Client, dict[str, Any]], Any], says: str, options: dict[str, Any], client: Client
) -> None:
    plant(client, options)
    made = ask(options)
    assert [says in line for line in made["degraded"]] == [True]
    assert made["untold"] == []


class Partly(Aws):
    """An AWS of which one region gives no answer."""

    lost: Aws

    def at(self, region: str) -> Aws:
        return self.lost if region == self.lost.region else super().at(region)


@pytest.fixture
def partly(options: dict[str, Any]) -> Iterator[Aws]:
    """AWS, where the primary takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        aws = Partly(brief(connection_of(options), STANDBY)._shared.connection, STANDBY)
        aws.lost = Aws(Connection(url, access_key_id="a", secret_access_key="b", **BRIEF), PRIMARY)
        yield aws


def test_of_a_region_that_is_lost_it_is_told_that_it_gives_no_answer(options: dict[str, Any], partly: Aws) -> None:
    options["told"] = {"databases": {STANDBY: told()["databases"][STANDBY]}, "silent": {}}
    made = ask(options, partly)
    assert made["primary"] == PRIMARY, "the other one says that it is not"
    assert len(made["untold"]) == 1 and made["untold"][0].startswith(
        "me-west-1: it gives no answer: ssm:get_parameter in me-west-1 got no answer"
    )
    assert made["degraded"] == []
    assert made["regions"][STANDBY]["role"] == "secondary"
    assert made["regions"][PRIMARY]["role"] is None


def test_databases_of_a_region_that_is_lost_are_told_as_such(options: dict[str, Any], partly: Aws) -> None:
    found, silent = databases(partly, Scope("kc", "lab", "123456789012", STANDBY, "mysql"), [PRIMARY, STANDBY])
    assert found == {STANDBY: []}
    assert "got no answer" in silent[PRIMARY]
