"""Load balancers: an nginx each that does what listeners, rules and target groups say, and asks targets how they are."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.world.net import Host
from tests.world.conftest import Lab
from tests.world.load import Load

pytestmark = [pytest.mark.world, pytest.mark.xdist_group("world")]

REGION, DOMAIN = "me-west-1", "elb.kc-lab.test"
SERVER = Path(__file__).with_name("target.py")
Until = Callable[..., Any]


class Targets:
    """Small HTTP servers in hosts of the region, that say who they are; `ill/<name>` as a file makes one fail its health check."""

    def __init__(self, lab: Lab, subnet: str, group: str, directory: Path) -> None:
        self.lab, self.subnet, self.group, self.directory = lab, subnet, group, directory
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, address: str) -> None:
        self.lab.net.attach(Host(f"target-{name}", REGION, address, self.subnet, (self.group,)))
        self.processes[name] = subprocess.Popen(
            ["ip", "netns", "exec", f"kc-target-{name}", sys.executable, str(SERVER), name, str(self.directory)]
        )

    def ill(self, name: str, is_ill: bool) -> None:
        file = self.directory / name
        if is_ill:
            file.touch()
        else:
            file.unlink()

    def end(self) -> None:
        for name, process in self.processes.items():
            process.kill()
            process.wait()
            self.lab.net.detach(f"target-{name}")


class Made:
    """What the tests share: the load balancer, its groups, and where it is."""

    def __init__(self, lab: Lab, targets: Targets) -> None:
        self.lab, self.targets = lab, targets
        self.elb = lab.client("elbv2", REGION)
        self.groups: dict[str, str] = {}
        self.balancer: dict[str, Any] = {}

    @property
    def address(self) -> str:
        return str(json.loads((self.lab.home / "world" / "balancers.json").read_text())[self.balancer["DNSName"]][0])

    def get(self, path: str, host: str = f"app.{DOMAIN}", port: int = 443, body: bytes | None = None) -> tuple[int, dict[str, str], str]:
        """Ask the load balancer by TLS, trusting the lab's CA only (port 80: in the clear)."""
        raw = socket.create_connection((self.address, port), 10)
        context = ssl.create_default_context(cafile=str(self.lab.home / "world" / "ca" / "ca.pem"))
        with context.wrap_socket(raw, server_hostname=host) if port == 443 else raw as connection:
            client = http.client.HTTPConnection(host)
            client.sock = connection
            client.request("GET" if body is None else "POST", path, body)
            answer = client.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read().decode()

    def states(self, group: str) -> dict[str, tuple[str, str]]:
        found = self.elb.describe_target_health(TargetGroupArn=self.groups[group])["TargetHealthDescriptions"]
        return {each["Target"]["Id"]: (each["TargetHealth"]["State"], each["TargetHealth"].get("Reason") or "") for each in found}


@pytest.fixture(scope="module")
def made(world: Lab, until: Until, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    ec2, elb, acm = (world.client(service, REGION) for service in ("ec2", "elbv2", "acm"))
    vpc = ec2.create_vpc(CidrBlock="10.10.0.0/16")["Vpc"]["VpcId"]
    for name, value in (("Platform", "kc"), ("Environment", "lab")):
        ec2.create_tags(Resources=[vpc], Tags=[{"Key": name, "Value": value}])
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    table = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"][0]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.10.{number}.0/24", AvailabilityZone=f"{REGION}{zone}")["Subnet"]["SubnetId"]
        for number, zone in ((1, "a"), (2, "b"))
    ]
    group = ec2.create_security_group(GroupName="all", Description="all", VpcId=vpc)["GroupId"]
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}])
    targets = Targets(world, subnets[0], group, tmp_path_factory.mktemp("ill"))
    made = Made(world, targets)
    made.balancer = elb.create_load_balancer(Name="kc-lab-elb", Subnets=subnets, SecurityGroups=[group])["LoadBalancers"][0]
    for name in ("one", "two", "none"):
        made.groups[name] = elb.create_target_group(
            Name=f"kc-lab-{name}", Protocol="HTTP", Port=8080, VpcId=vpc, TargetType="ip", HealthCheckPath="/health",
            HealthCheckIntervalSeconds=5, HealthCheckTimeoutSeconds=2, HealthyThresholdCount=2, UnhealthyThresholdCount=2,
        )["TargetGroups"][0]["TargetGroupArn"]  # fmt: skip
        attributes = [{"Key": "deregistration_delay.timeout_seconds", "Value": "5"}]
        elb.modify_target_group_attributes(TargetGroupArn=made.groups[name], Attributes=attributes)
    certificate = acm.request_certificate(DomainName=DOMAIN, SubjectAlternativeNames=[f"*.{DOMAIN}"])["CertificateArn"]
    arn = made.balancer["LoadBalancerArn"]
    https = elb.create_listener(
        LoadBalancerArn=arn, Protocol="HTTPS", Port=443, SslPolicy="ELBSecurityPolicy-TLS13-1-2-2021-06",
        Certificates=[{"CertificateArn": certificate}],
        DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404", "ContentType": "text/plain", "MessageBody": "Not found"}}],
    )["Listeners"][0]["ListenerArn"]  # fmt: skip
    to_https = {"Protocol": "HTTPS", "Port": "443", "Host": "#{host}", "Path": "/#{path}", "Query": "#{query}", "StatusCode": "HTTP_301"}
    elb.create_listener(LoadBalancerArn=arn, Protocol="HTTP", Port=80, DefaultActions=[{"Type": "redirect", "RedirectConfig": to_https}])
    for priority, host, path, to in (
        (1, f"app.{DOMAIN}", "/two/*", "two"),
        (2, f"app.{DOMAIN}", "", "one"),
        (3, f"none.{DOMAIN}", "", "none"),
    ):
        conditions = [{"Field": "host-header", "HostHeaderConfig": {"Values": [host]}}]
        if path:
            conditions.append({"Field": "path-pattern", "PathPatternConfig": {"Values": [path]}})
        action = {"Type": "forward", "TargetGroupArn": made.groups[to]}
        elb.create_rule(ListenerArn=https, Priority=priority, Conditions=conditions, Actions=[action])
    until(lambda: world.client("ec2", REGION) and made.address)
    for number, name in enumerate(("a", "b", "c")):
        until(lambda name=name, number=number: targets.start(name, f"10.10.1.{20 + number}") or True)
        elb.register_targets(
            TargetGroupArn=made.groups["two" if name == "c" else "one"], Targets=[{"Id": f"10.10.1.{20 + number}", "Port": 8080}]
        )
    try:
        until(lambda: {state for state, _ in {**made.states("one"), **made.states("two")}.values()} == {"healthy"})
        yield made
    finally:
        targets.end()
        elb.delete_load_balancer(LoadBalancerArn=arn)


def test_rules_lead_by_host_and_path(made: Made) -> None:
    assert {made.get("/")[2] for _ in range(20)} == {"a", "b"}
    assert made.get("/two/x?y=1")[2] == "c"
    assert made.get("/")[0] == 200
    assert made.get("/", host=f"other.{DOMAIN}")[::2] == (404, "Not found")
    assert made.get("/", host=f"none.{DOMAIN}")[0] == 503, "no target"


def test_plain_http_leads_to_https(made: Made) -> None:
    status, headers, _ = made.get("/x?y=1", port=80)
    assert (status, headers["location"]) == (301, f"https://app.{DOMAIN}:443/x?y=1")


def test_targets_are_told_who_asks(made: Made) -> None:
    said = json.loads(made.get("/headers")[2])
    assert said["x-forwarded-proto"] == "https"
    assert said["x-forwarded-port"] == "443"
    assert said["x-forwarded-for"] == "198.18.0.1"
    assert said["host"] == f"app.{DOMAIN}"
    assert said["x-amzn-trace-id"].startswith("Root=1-")


def test_bodies_of_any_size_pass(made: Made) -> None:
    assert made.get("/", body=bytes(5 << 20))[::2] == (200, str(5 << 20))
    assert len(made.get("/large")[2]) == 5 << 20


def test_a_target_that_fails_its_checks_is_taken_out_and_comes_back(made: Made, until: Until) -> None:
    made.targets.ill("a", True)
    try:
        until(lambda: made.states("one")["10.10.1.20"] == ("unhealthy", "Target.ResponseCodeMismatch"))
        until(lambda: {made.get("/")[2] for _ in range(10)} == {"b"})
    finally:
        made.targets.ill("a", False)
    until(lambda: made.states("one")["10.10.1.20"] == ("healthy", ""))
    until(lambda: {made.get("/")[2] for _ in range(10)} == {"a", "b"})


def test_where_all_fail_all_are_asked(made: Made, until: Until) -> None:
    made.targets.ill("c", True)
    try:
        until(lambda: made.states("two")["10.10.1.22"][0] == "unhealthy")
        assert made.get("/two/")[2] == "c"
    finally:
        made.targets.ill("c", False)
    until(lambda: made.states("two")["10.10.1.22"][0] == "healthy")


def test_a_new_target_gets_nothing_until_it_has_passed(made: Made, until: Until) -> None:
    target = [{"Id": "10.10.1.30", "Port": 8080}]
    made.targets.ill("d", True)
    made.targets.start("d", "10.10.1.30")
    made.elb.register_targets(TargetGroupArn=made.groups["one"], Targets=target)
    until(lambda: made.states("one")["10.10.1.30"] == ("initial", "Elb.InitialHealthChecking"))
    assert {made.get("/")[2] for _ in range(10)} == {"a", "b"}
    made.targets.ill("d", False)
    until(lambda: "d" in {made.get("/")[2] for _ in range(10)})
    made.elb.deregister_targets(TargetGroupArn=made.groups["one"], Targets=target)
    until(lambda: "d" not in {made.get("/")[2] for _ in range(10)})


def test_a_target_that_no_load_balancer_leads_to_is_not_in_use(made: Made, until: Until) -> None:
    vpc = made.balancer["VpcId"]
    group = made.elb.create_target_group(Name="kc-lab-alone", Protocol="HTTP", Port=8080, VpcId=vpc, TargetType="ip")["TargetGroups"][0]
    made.groups["alone"] = group["TargetGroupArn"]
    made.elb.register_targets(TargetGroupArn=group["TargetGroupArn"], Targets=[{"Id": "10.10.1.20"}])
    until(lambda: made.states("alone") == {"10.10.1.20": ("unused", "Target.NotInUse")})


def test_a_target_that_leaves_finishes_what_it_has_begun(made: Made, until: Until) -> None:
    """Targets are replaced under load, as a rolling deployment does: register, wait, deregister, drain, stop."""
    long: list[Any] = []
    begun = [threading.Thread(target=lambda: long.append(made.get("/long")[0])) for _ in range(2)]
    with Load(lambda: made.get("/slow")[0]) as load:
        until(lambda: len(load.answers) > 25)
        for thread in begun:
            thread.start()  # one on each target
        made.elb.deregister_targets(TargetGroupArn=made.groups["one"], Targets=[{"Id": "10.10.1.20", "Port": 8080}])
        assert made.states("one")["10.10.1.20"] == ("draining", "Target.DeregistrationInProgress")
        until(lambda: "10.10.1.20" not in made.states("one"))
        made.elb.register_targets(TargetGroupArn=made.groups["one"], Targets=[{"Id": "10.10.1.20", "Port": 8080}])
        until(lambda: made.states("one")["10.10.1.20"] == ("healthy", ""))
        enough = len(load.answers) + 50
        until(lambda: len(load.answers) > enough)
    for thread in begun:
        thread.join()
    assert long == [200, 200]
    assert {*load.answers} == {200}


def test_what_it_serves_is_counted(made: Made, until: Until) -> None:
    suffix = made.groups["two"].rpartition(":")[2]

    def counted() -> float:
        now = time.time()
        points = made.lab.client("cloudwatch", REGION).get_metric_statistics(
            Namespace="AWS/ApplicationELB", MetricName="RequestCountPerTarget", Dimensions=[{"Name": "TargetGroup", "Value": suffix}],
            StartTime=now - 600, EndTime=now + 60, Period=60, Statistics=["Sum"],
        )["Datapoints"]  # fmt: skip
        return float(sum(point["Sum"] for point in points))

    before = counted()
    for _ in range(7):
        made.get("/two/")
    until(lambda: counted() >= before + 7)


def test_nginx_comes_back_and_goes_on_without_the_world(made: Made, until: Until) -> None:
    host = next(each for each in made.lab.net.hosts() if each.name.startswith("alb-"))

    def master() -> int:
        return int(json.loads((made.lab.home / "world" / "elb" / f"{host.name}.pid").read_text())["pid"])

    first = master()
    os.kill(first, signal.SIGKILL)
    until(lambda: master() != first and made.get("/")[0] == 200)
    second = master()
    status = made.lab.status()
    (world,) = (each for each in status["processes"] if each["name"] == "world")
    os.kill(world["pid"], signal.SIGKILL)
    assert made.get("/")[0] == 200
    made.lab.run("up", "--world")
    assert made.get("/")[0] == 200
    assert master() == second
    until(lambda: {state for state, _ in made.states("one").values()} == {"healthy"})


def test_other_groups_of_the_load_balancer_hold_from_then_on(made: Made, until: Until) -> None:
    """Its host is made anew for them, with the address that it had; targets are asked from there."""
    address, ec2 = made.address, made.lab.client("ec2", REGION)
    other = ec2.create_security_group(GroupName="other", Description="other", VpcId=made.balancer["VpcId"])["GroupId"]
    ec2.authorize_security_group_ingress(GroupId=other, IpPermissions=[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}])
    made.elb.set_security_groups(LoadBalancerArn=made.balancer["LoadBalancerArn"], SecurityGroups=[other])
    until(lambda: [each.groups for each in made.lab.net.hosts() if each.name.startswith("alb-")] == [(other,)])
    until(lambda: made.get("/")[0] == 200)
    assert made.address == address
    made.targets.ill("a", True)
    until(lambda: made.states("one")["10.10.1.20"][0] == "unhealthy")
    made.targets.ill("a", False)
    until(lambda: made.states("one")["10.10.1.20"][0] == "healthy")
