"""Runs that both regions take part in, by their module, on the emulated AWS: switchover and failback."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from kc.errors import KcError
from kc.runbook.books import failback, switchover
from kc.units.dns import METRIC

from tests.integration.conftest import FLAG, Do

HOME, OTHER = "me-west-1", "eu-central-1"
Client = Callable[..., Any]
OWN = [{"Key": key, "Value": value} for key, value in {"Platform": "kc", "Environment": "lab", "Component": "mysql"}.items()]


@pytest.fixture
def switch(runbook: Callable[..., Do]) -> Do:
    return runbook(switchover, OTHER, HOME)


@pytest.fixture
def back(runbook: Callable[..., Do]) -> Do:
    return runbook(failback, OTHER, OTHER)


@pytest.fixture
def database(client: Client) -> str:
    """The former primary's instance; its parameter group."""
    rds, group = client("rds", HOME), "kc-lab-main-mysql8-4"
    rds.create_db_parameter_group(DBParameterGroupName=group, DBParameterGroupFamily="mysql8.4", Description="as site.yml has it", Tags=OWN)
    about = {
        "PubliclyAccessible": False,
        "DBInstanceClass": "db.r6g.large",
        "Engine": "mysql",
        "MasterUsername": "admin",
        "MasterUserPassword": "longer-than-this-1",
    }
    rds.create_db_instance(DBInstanceIdentifier="kc-lab-main", AllocatedStorage=20, DBParameterGroupName=group, Tags=OWN, **about)
    return group


def replicate(client: Client, of: str, to: str) -> None:
    """What S3 does."""
    for key in [each["Key"] for each in client("s3", of).list_objects_v2(Bucket=f"journals-{of}").get("Contents", [])]:
        body = client("s3", of).get_object(Bucket=f"journals-{of}", Key=key)["Body"].read()
        client("s3", to).put_object(Bucket=f"journals-{to}", Key=key, Body=body)


def role(client: Client, region: str) -> str:
    return str(client("ssm", region).get_parameter(Name=FLAG)["Parameter"]["Value"])


def rules(client: Client) -> set[tuple[int, str]]:
    acls = client("ec2", HOME).describe_network_acls(Filters=[{"Name": "tag:Name", "Values": ["kc-lab-data"]}])["NetworkAcls"]
    return {(each["RuleNumber"], each["CidrBlock"]) for each in acls[0]["Entries"] if each["RuleNumber"] < 100}


def asked(do: Do, *steps: str) -> None:
    for step in steps:
        assert do("begin", step)["due"]
        do("done", step, facts={"was": step})


def test_a_switchover_turns_the_roles_and_is_not_done_twice(switch: Do, client: Client) -> None:
    client("ecs", OTHER).create_cluster(clusterName="kc-lab")
    assert switch("open")["due"]
    asked(switch, "replica", "room", "freeze")
    assert [call["call"] for call in switch("carry", "traffic")["facts"]["calls"]] == ["cloudwatch:put_metric_data"]
    asked(switch, "lease", "promote")
    calls = [(call["region"], call["params"]["Value"]) for call in switch("carry", "roles")["facts"]["calls"]]
    assert calls == [(HOME, "secondary"), (OTHER, "primary")], "never two at once"
    asked(switch, "verify", "aside")
    switch("close")
    with pytest.raises(KcError, match=r"the regions' journals differ: eu-central-1 of run 1 up to entry 19 and me-west-1 of none"):
        switch("open")
    replicate(client, OTHER, HOME)
    again = switch("open")
    assert (again["due"], again["last"]["outcome"]) == (False, "completed")


def test_until_the_promotion_it_is_taken_back_and_tasks_take_back_what_tasks_did(switch: Do, client: Client) -> None:
    switch("open")
    asked(switch, "replica", "room", "freeze", "traffic")
    turned = {"MetricName": METRIC, "Value": 1.0, "Unit": "None", "Timestamp": datetime.now(UTC) - timedelta(minutes=2)}
    client("cloudwatch", OTHER).put_metric_data(Namespace="kc/lab", MetricData=[turned])
    foreseen = switch("undo", check=True)["facts"]
    assert ([call["params"]["MetricData"][0]["Value"] for call in foreseen["calls"]], foreseen["by_tasks"]) == ([0.0], "freeze")
    for _ in range(2):  # who was killed meanwhile does it again
        undone = switch("undo")
        assert (undone["facts"]["by_tasks"], undone["outcome"]) == ("freeze", "")
        assert undone["steps"]["traffic"] == "undone" and undone["steps"]["freeze"] == "undoing"
    with pytest.raises(KcError, match="is on its way back"):
        switch("begin", "promote")
    switch("undone", "freeze")
    ended = switch("undo")
    assert (ended["outcome"], ended["facts"]["by_tasks"], role(client, HOME)) == ("undone", "", "primary")
    again = switch("undo")
    assert (again["outcome"], again["facts"], again["changed"]) == ("undone", {"calls": [], "by_tasks": ""}, False), "killed behind its end"
    with pytest.raises(KcError, match="no run of switchover is under way"):
        switch("carry", "room")


def test_behind_the_promotion_there_is_only_forward(switch: Do) -> None:
    switch("open")
    asked(switch, "replica", "room", "freeze", "traffic", "lease")
    switch("begin", "promote")
    with pytest.raises(KcError, match=r"no way back from \(6/9\) Promote the replica"):
        switch("undo")


def test_a_returned_region_is_held_before_anybody_looks_at_it(back: Do, client: Client, database: str) -> None:
    client("ssm", HOME).put_parameter(Name=FLAG, Value="primary", Type="String", Overwrite=True)  # nobody could tell it
    foreseen = back("carry", "hold", check=True)["facts"]["calls"]
    assert back("open")["due"]
    made = back("carry", "hold")["facts"]["calls"]
    assert [call["call"].split(":")[1] for call in made] == [
        "create_network_acl_entry",
        "create_network_acl_entry",
        "put_parameter",
        "modify_db_parameter_group",
        "replace_network_acl_entry",
        "replace_network_acl_entry",
    ]
    # what comes last is foreseen as if the fence did not stand: only that it stands against other addresses is known then
    assert [call["call"] for call in made[:4]] == [call["call"] for call in foreseen[:4]]
    own = client("rds", HOME).describe_db_parameters(DBParameterGroupName=database, Source="user")["Parameters"]
    assert {each["ParameterName"]: each["ParameterValue"] for each in own} == {"read_only": "1"}
    assert (role(client, HOME), rules(client)) == ("secondary", {(1, "10.0.0.0/20")})
    asked(back, "count", "aside")
    back("carry", "open")
    assert rules(client) == set()


def test_a_held_region_stays_held_when_the_run_is_taken_back(back: Do, client: Client, database: str) -> None:
    back("open")
    back("carry", "hold")
    assert back("undo")["outcome"] == "undone"
    assert rules(client) == {(1, "10.0.0.0/20")}


def test_a_region_is_nobodys_standby_while_the_other_one_is_not_primary(runbook: Callable[..., Do]) -> None:
    do = runbook(failback, HOME, OTHER)
    with pytest.raises(KcError, match="me-west-1 is not primary, so eu-central-1 can't be its standby"):
        do("open")


def test_a_failback_is_over_once_the_switchover_behind_it_has_begun(
    back: Do, client: Client, database: str, scope_option: Callable[..., dict[str, Any]]
) -> None:
    from kc.runbook.keep import keep

    back("open")
    back("carry", "hold")
    asked(back, "count", "aside")
    back("carry", "open")
    asked(back, "rebuild", "soak")
    back("close")
    replicate(client, OTHER, HOME)
    assert back("open")["due"] is False, "it is done"
    options = {
        "bucket": f"journals-{HOME}",
        "mirror": f"journals-{OTHER}",
        "regions": [HOME, OTHER],
        "home": HOME,
        "least": {},
        "apart": [],
    }
    options |= {"takeover": True, "facts": {}, "reason": "", "untouched": False, "step": "", "scope": scope_option(HOME)}
    assert keep({**options, "do": "open"}, switchover, check=False, process=1)["epoch"] == 2
    replicate(client, HOME, OTHER)
    assert back("open")["due"] is False
    assert back("open", check=True)["due"] is False
