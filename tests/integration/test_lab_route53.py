"""What the lab's behaviours route53 and cloudwatch make of the API's state, without networks."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.error import URLError

import dns.message
import dns.query
import pytest

from lab.behaviours.cloudwatch import CloudWatch
from lab.behaviours.dns.snapshot import BALANCERS
from lab.behaviours.route53 import Route53
from lab.processes import Process
from lab.settings import ROOT, Settings
from lab.world.behaviour import World, logger
from tests import ports

REGION = "eu-central-1"
Client = Callable[..., Any]


class Lab:
    """A lab's AWS that behaviours tell what they see, and a world without networks beside it."""

    def __init__(self, home: Path) -> None:
        port = ports.free()
        self.home = home
        (home / "world").mkdir()
        settings = dataclasses.replace(Settings.load(), port=port, home=home)
        net: Any = SimpleNamespace(owned=False)
        self.world = World(settings, home / "world", ("me-west-1", REGION), net)
        self.aws = self._start()
        self.route53 = self.behaviour(Route53)

    def _start(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "lab.aws", "--port", str(self.world.settings.port), "--state", str(self.home), "--world"]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert process.stdout and process.stdout.readline().startswith("listening on")
        return process

    def behaviour(self, kind: Any) -> Any:
        return kind(self.world, logger(self.world.home, kind.name))

    def client(self, service: str, region: str = REGION) -> Any:
        return self.world.client(service, region)

    def addresses(self, name: str) -> list[str]:
        query = dns.message.make_query(name, "A")
        found = dns.query.udp(query, "127.0.0.1", port=self.world.settings.dns_port, timeout=5).answer
        return [each.to_text() for each in (found[-1] if found else [])]

    def record(self, zone: str, **about: Any) -> None:
        batch = {"Changes": [{"Action": "UPSERT", "ResourceRecordSet": {"Type": "A", **about}}]}
        self.client("route53").change_resource_record_sets(HostedZoneId=zone, ChangeBatch=batch)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    made = Lab(tmp_path)
    yield made
    made.route53.down()
    made.aws.kill()
    made.aws.wait()


def test_names_are_answered_while_the_aws_is_down_and_after_a_restart_of_the_world(lab: Lab) -> None:
    zone = lab.client("route53").create_hosted_zone(Name="example.test", CallerReference="1")["HostedZone"]["Id"]
    lab.record(zone, Name="a.example.test", TTL=30, ResourceRecords=[{"Value": "192.0.2.1"}])
    lab.route53.look()
    assert lab.addresses("A.example.test") == ["192.0.2.1"]
    served = json.loads((lab.world.home / "dns.pid").read_text())
    lab.record(zone, Name="a.example.test", TTL=30, ResourceRecords=[{"Value": "192.0.2.2"}])
    lab.route53.look()
    assert lab.addresses("a.example.test") == ["192.0.2.2"]

    lab.aws.kill()
    lab.aws.wait()
    again = lab.behaviour(Route53)
    with pytest.raises(URLError):
        again.look()
    assert lab.addresses("a.example.test") == ["192.0.2.2"]
    assert json.loads((lab.world.home / "dns.pid").read_text()) == served  # it was taken over

    Process(**served).stop()
    with pytest.raises(URLError):
        again.look()
    assert lab.addresses("a.example.test") == ["192.0.2.2"]


def test_an_alias_is_as_healthy_as_each_target_group_of_its_load_balancer(lab: Lab) -> None:
    ec2, elb, client = lab.client("ec2"), lab.client("elbv2"), lab.client("route53")
    vpc = ec2.create_vpc(CidrBlock="10.11.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.11.{number}.0/24", AvailabilityZone=f"{REGION}{letter}")["Subnet"]["SubnetId"]
        for number, letter in enumerate("ab")
    ]
    balancer = elb.create_load_balancer(Name="web", Subnets=subnets, Type="application")["LoadBalancers"][0]
    for name, path in (("one", ""), ("two", "/two")):
        group = elb.create_target_group(Name=name, Protocol="HTTP", Port=80, VpcId=vpc, TargetType="ip")["TargetGroups"][0]
        forward = [{"Type": "forward", "TargetGroupArn": group["TargetGroupArn"]}]
        if not path:
            listener = elb.create_listener(LoadBalancerArn=balancer["LoadBalancerArn"], Protocol="HTTP", Port=80, DefaultActions=forward)
        else:
            condition = [{"Field": "path-pattern", "Values": [path]}]
            elb.create_rule(ListenerArn=listener["Listeners"][0]["ListenerArn"], Priority=1, Conditions=condition, Actions=forward)
    (lab.world.home / BALANCERS).write_text(json.dumps({balancer["DNSName"]: ["10.11.0.9"]}))
    zone = client.create_hosted_zone(Name="example.test", CallerReference="1")["HostedZone"]["Id"]
    target = {"HostedZoneId": balancer["CanonicalHostedZoneId"], "DNSName": balancer["DNSName"], "EvaluateTargetHealth": True}
    lab.record(zone, Name="o.example.test", SetIdentifier="1", Failover="PRIMARY", AliasTarget=target)
    spare = [{"Value": "192.0.2.9"}]
    lab.record(zone, Name="o.example.test", SetIdentifier="2", Failover="SECONDARY", TTL=60, ResourceRecords=spare)
    lab.route53.look()
    assert lab.addresses("o.example.test") == ["192.0.2.9"]
    health = {name: [{"TargetHealth": {"State": "healthy"}}] for name in ("one", "two")}
    groups = {each["TargetGroupArn"]: each["TargetGroupName"] for each in elb.describe_target_groups()["TargetGroups"]}
    elb.describe_target_health = lambda TargetGroupArn: {"TargetHealthDescriptions": health[groups[TargetGroupArn]]}
    lab.route53.look()
    assert lab.addresses("o.example.test") == ["10.11.0.9"]
    health["two"] = [{"TargetHealth": {"State": "draining"}}]
    lab.route53.look()
    assert lab.addresses("o.example.test") == ["192.0.2.9"]


def put(lab: Lab, value: float, minutes_ago: int, **more: Any) -> None:
    at = time.time() // 60 * 60 - 60 * minutes_ago
    lab.client("cloudwatch").put_metric_data(Namespace="N", MetricData=[{"MetricName": "M", "Value": value, "Timestamp": at, **more}])


def test_alarms_are_what_their_data_make(lab: Lab) -> None:
    client = lab.client("cloudwatch")
    alarm = {"Namespace": "N", "MetricName": "M", "Statistic": "Maximum", "Period": 60, "EvaluationPeriods": 1}
    rule = {**alarm, "Threshold": 1.0, "ComparisonOperator": "GreaterThanOrEqualToThreshold", "TreatMissingData": "breaching"}
    client.put_metric_alarm(AlarmName="own", **rule)
    client.put_metric_alarm(AlarmName="other", **{**rule, "Dimensions": [{"Name": "A", "Value": "1"}]})
    client.put_metric_alarm(AlarmName="silent", **{**rule, "MetricName": "never"})
    behaviour = lab.behaviour(CloudWatch)

    def states() -> dict[str, str]:
        behaviour.look()
        return {each["AlarmName"]: each["StateValue"] for each in client.describe_alarms()["MetricAlarms"]}

    assert set(states().values()) == {"INSUFFICIENT_DATA"}
    put(lab, 0, 1, Dimensions=[{"Name": "A", "Value": "1"}])
    assert states() == {"own": "INSUFFICIENT_DATA", "other": "OK", "silent": "INSUFFICIENT_DATA"}
    put(lab, 3, 1)
    assert states() == {"own": "ALARM", "other": "OK", "silent": "INSUFFICIENT_DATA"}
    client.put_metric_alarm(AlarmName="own", **{**rule, "AlarmDescription": "put again"})
    assert client.describe_alarms(AlarmNames=["own"])["MetricAlarms"][0]["StateValue"] == "ALARM"
    client.put_metric_alarm(AlarmName="own", **{**rule, "Threshold": 9.0})
    assert states()["own"] == "OK"


def test_periods_begin_at_multiples_of_their_length_and_old_points_are_condensed(lab: Lab) -> None:
    client = lab.client("cloudwatch")
    base = time.time() // 300 * 300

    def sums(period: int) -> list[tuple[float, float, float]]:
        found = client.get_metric_statistics(
            Namespace="N", MetricName="M", StartTime=base - 6 * 3600, EndTime=base, Period=period, Statistics=["Sum", "Maximum"]
        )["Datapoints"]
        return [(each["Timestamp"].timestamp() - base, each["Sum"], each["Maximum"]) for each in found]

    def put(points: list[tuple[float, float]]) -> None:
        data = [{"MetricName": "M", "Value": value, "Timestamp": at} for at, value in points]
        client.put_metric_data(Namespace="N", MetricData=data)

    put([(base - 1790, 2), (base - 310, 3), (base - 290, 4), (base - 10, 5)])
    assert sums(300) == [(-1800, 2, 2), (-600, 3, 3), (-300, 9, 5)]
    old = base - 3600
    put([(base - 5 * 3600, 1), *((old - 10 * number, float(number)) for number in range(1, 500))])
    assert [each for each in sums(60) if each[0] < -3600][-1] == (-3660, 21, 6)
    assert [each for each in sums(1) if each[0] < -3600][-1] == (-3660, 21, 6)  # nothing finer than a minute is left
    assert sum(each[1] for each in sums(300)) == 14 + sum(range(1, 500))  # and the oldest is gone
    put([(time.time() // 10 * 10 - 10 * number, 1.0) for number in range(1, 3)])
    assert len(client.list_metrics(Namespace="N")["Metrics"]) == 1


def test_metrics_are_not_worth_a_save_of_the_state(lab: Lab) -> None:
    def version() -> int:
        return lab.world.changes(-1, 0)[0]

    before = version()
    put(lab, 1, 1)
    lab.world.tell("route53", {})
    assert version() == before
    lab.client("sns").create_topic(Name="topic")
    assert version() > before


def test_a_health_check_tells_what_was_seen_of_it(lab: Lab) -> None:
    client = lab.client("route53")

    def make(name: str, **config: Any) -> str:
        found: str = client.create_health_check(CallerReference=name, HealthCheckConfig=config)["HealthCheck"]["Id"]
        return found

    end = make("end", Type="TCP", IPAddress="127.0.0.1", Port=9, Regions=["us-east-1", "eu-west-1", "sa-east-1"])
    both = make("both", Type="CALCULATED", ChildHealthChecks=[end], HealthThreshold=1)
    assert client.get_health_check_status(HealthCheckId=end)["HealthCheckObservations"] == []
    lab.world.tell("route53", {end: {"text": "Success: fine", "at": 100.0, "failure": "Failure: was down", "failed": 50.0}})
    told = client.get_health_check_status(HealthCheckId=end)["HealthCheckObservations"]
    assert {each["Region"]: each["StatusReport"]["Status"] for each in told} == dict.fromkeys(
        ("us-east-1", "eu-west-1", "sa-east-1"), "Success: fine"
    )
    assert told[0]["StatusReport"]["CheckedTime"].timestamp() == 100
    (reason, *_) = client.get_health_check_last_failure_reason(HealthCheckId=end)["HealthCheckObservations"]
    assert (reason["StatusReport"]["Status"], reason["StatusReport"]["CheckedTime"].timestamp()) == ("Failure: was down", 50)
    with pytest.raises(client.exceptions.InvalidInput):
        client.get_health_check_status(HealthCheckId=both)
    with pytest.raises(client.exceptions.NoSuchHealthCheck):
        client.get_health_check_last_failure_reason(HealthCheckId="00000000-0000-0000-0000-000000000000")
