"""readiness.yml and status.yml themselves, as a user runs them, on a platform that site.yml has made; its nodes are no machines here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.integration.conftest import Standing
from tests.integration.playbooks import Run
from tests.integration.test_site import named


@pytest.mark.xdist_group("standing")
def test_what_is_told_of_a_platform_without_machines(standing: Standing, tmp_path: Path) -> None:
    play, client = standing.play, standing.client
    report = tmp_path / "report.json"

    def ready() -> tuple[Run, dict[str, list[tuple[str, str]]]]:
        done = play("playbooks/readiness.yml", "-e", f"report={report}", "-e", "drift_seconds=200")
        found: dict[str, list[tuple[str, str]]] = {}
        for each in json.loads(report.read_text())["findings"]:
            found.setdefault(each["check"], []).append((each["verdict"], each["says"]))
        return done, found

    done, found = ready()
    bad = {check: says for check, findings in found.items() for verdict, says in findings if verdict != "ok"}
    assert {*bad} == {"replica", "clickhouse", "images", "backups", "drill"}, bad
    assert "no node of eu-central-1 answers" in bad["replica"] and "no node of eu-central-1 answers" in bad["clickhouse"]
    assert "the image of media-server, media-worker" in bad["images"]
    assert done.status == 2, "what blocks is a failure"
    assert "eu-central-1 could NOT take over from me-west-1: 55 of 100" in done.output

    ec2 = client("ec2", "eu-central-1")
    groups = ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": ["kc-lab-data"]}])["SecurityGroups"]
    everyone = {"IpProtocol": "tcp", "FromPort": 3306, "ToPort": 3306, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    opened = {"GroupId": named(groups, "kc-lab-data")["GroupId"], "IpPermissions": [everyone]}
    ec2.authorize_security_group_ingress(**opened)
    client("ssm", "eu-central-1").put_parameter(Name="/kc/lab/state/role", Value="primary", Type="String", Overwrite=True)
    _, found = ready()
    assert found["drift"][0][0] != "ok", "two primaries: nobody plans then"
    assert found["roles"][0][0] == "fail" and "both say that they are primary" in found["roles"][0][1]

    client("ssm", "eu-central-1").put_parameter(Name="/kc/lab/state/role", Value="secondary", Type="String", Overwrite=True)
    _, found = ready()
    assert found["drift"] == [("fail", "update security_group_rules kc-lab-data (eu-central-1)")]
    assert found["roles"] == [("ok", "me-west-1 is primary")]

    ec2.revoke_security_group_ingress(**opened)
    told = play("playbooks/status.yml", "-e", f"report={report}")
    status = json.loads(report.read_text())
    assert told.status == 0, told.output
    assert (status["primary"], status["since"], status["degraded"]) == ("me-west-1", "", [])
    assert [line.split(":")[1].strip() for line in status["untold"]] == ["mysql", "mysql", "clickhouse", "clickhouse"]
