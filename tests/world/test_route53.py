"""DNS fails over between regions by what health checkers see, and stays there while the switch says so."""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import dns.message
import dns.query
import dns.rcode
import pytest

from lab.world.ca import CA
from lab.world.net import MACHINE, Host, resolver
from tests.world.sockets import ANY, within

pytestmark = [pytest.mark.world, pytest.mark.xdist_group("world")]

HOME, AWAY = "me-west-1", "eu-central-1"
DOMAIN, PRIVATE, TTL = "failover.test", "nodes.internal", 5
Until = Callable[..., Any]


class Endpoint:
    """An HTTPS server on a host, with a certificate that says another name."""

    def __init__(self, host: Host, ca: CA) -> None:
        self.host = host
        self.asked: list[tuple[str | None, str]] = []
        self._files = ca.certificate(["another.test"])
        self._server: HTTPServer | None = None

    def up(self) -> None:
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                endpoint.asked.append((self.server.names.get(self.connection), self.path))  # type: ignore[attr-defined]
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        server = within(self.host.namespace, lambda: HTTPServer((ANY, 443), Handler))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self._files)
        server.names = {}  # type: ignore[attr-defined]
        context.sni_callback = lambda connection, name, _: server.names.update({connection: name})  # type: ignore[attr-defined]
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        self._server = server

    def down(self) -> None:
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


@dataclass
class Platform:
    """Two endpoints, and the names, checks and switch of `units/dns.py` for them."""

    world: Any
    endpoints: dict[str, Endpoint]
    checks: dict[str, str] = field(default_factory=dict)

    def ask(
        self, name: str, type: str = "A", namespace: str = "", server: str = MACHINE, tcp: bool = False, patience: float = 5.0
    ) -> dns.message.Message:
        """Ask from a namespace, or from the machine at its port on loopback."""
        query = dns.message.make_query(name, type)
        address, port = (server, 53) if namespace else ("127.0.0.1", self.world.settings.dns_port)
        act = dns.query.tcp if tcp else dns.query.udp
        answer: dns.message.Message = within(namespace, lambda: act(query, address, port=port, timeout=patience))
        return answer

    def origin(self, **where: Any) -> tuple[int, list[str]]:
        """Return the TTL and the addresses of the failover name."""
        (found,) = self.ask(f"Origin.{DOMAIN}", **where).answer
        return found.ttl, sorted(each.to_text() for each in found)

    def status(self, check: str, reason: bool = False) -> str:
        """Return what GetHealthCheckStatus, or GetHealthCheckLastFailureReason, says."""
        client = self.world.client("route53")
        ask = client.get_health_check_last_failure_reason if reason else client.get_health_check_status
        found = ask(HealthCheckId=self.checks[check])["HealthCheckObservations"]
        return " ".join({each["StatusReport"]["Status"] for each in found})

    def metric(self, check: str) -> float:
        """Return what CloudWatch last has of a check."""
        now = time.time()
        found = self.world.client("cloudwatch", "us-east-1").get_metric_statistics(
            Namespace="AWS/Route53",
            MetricName="HealthCheckStatus",
            Dimensions=[{"Name": "HealthCheckId", "Value": self.checks[check]}],
            StartTime=now - 300,
            EndTime=now + 60,
            Period=60,
            Statistics=["Minimum"],
        )["Datapoints"]
        return max(found, key=lambda each: each["Timestamp"])["Minimum"]

    def turn(self, value: float, periods_ago: int) -> None:
        """Turn the switch, in a period that has ended."""
        at = time.time() // 60 * 60 - 60 * periods_ago
        point = {"MetricName": "StandbyTakesOver", "Value": value, "Timestamp": at}
        self.world.client("cloudwatch", AWAY).put_metric_data(Namespace="kc/test", MetricData=[point])

    def alarm(self) -> str:
        return self.world.client("cloudwatch", AWAY).describe_alarms(AlarmNames=["switch"])["MetricAlarms"][0]["StateValue"]


def named(answer: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {tag["Value"]: one for one in answer for tag in one.get("Tags", []) if tag["Key"] == "Name"}


@pytest.fixture(scope="module")
def hosts(world: Any, until: Until) -> Iterator[dict[str, Host]]:
    world.play("playbooks/foundation.yml", "--tags", "network", "-e", "kc_network_flow_log_bucket=")
    found = {}
    for region in (HOME, AWAY):
        ec2 = world.client("ec2", region)
        subnet = named(ec2.describe_subnets()["Subnets"])["kc-lab-public-a"]
        group = named(ec2.describe_security_groups()["SecurityGroups"])["kc-lab-balancer"]["GroupId"]
        until(lambda region=region: world.net.cidr(region))
        host = Host(f"test-dns-{region}", region, world.net.free(region, subnet["CidrBlock"]), subnet["SubnetId"], (group,))
        world.net.attach(host)
        found[region] = host
    yield found
    for host in found.values():
        world.net.detach(host.name)


@pytest.fixture(scope="module")
def platform(world: Any, hosts: dict[str, Host]) -> Iterator[Platform]:
    ca = CA(world.settings.home / "world")
    made = Platform(world, {region: Endpoint(host, ca) for region, host in hosts.items()})
    for each in made.endpoints.values():
        each.up()
    client = world.client("route53")
    world.client("cloudwatch", AWAY).put_metric_alarm(
        AlarmName="switch",
        Namespace="kc/test",
        MetricName="StandbyTakesOver",
        Statistic="Maximum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1.0,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="ignore",
    )

    def check(name: str, **config: Any) -> None:
        made.checks[name] = client.create_health_check(CallerReference=name, HealthCheckConfig=config)["HealthCheck"]["Id"]

    home = f"origin-{HOME}.{DOMAIN}"
    check(
        "end", Type="HTTPS", FullyQualifiedDomainName=home, ResourcePath="/health", EnableSNI=True, RequestInterval=10, FailureThreshold=1
    )
    watched = {"Region": AWAY, "Name": "switch"}
    check("switch", Type="CLOUDWATCH_METRIC", AlarmIdentifier=watched, InsufficientDataHealthStatus="LastKnownStatus")
    check("primary", Type="CALCULATED", ChildHealthChecks=[made.checks["end"], made.checks["switch"]], HealthThreshold=2)

    zone = client.create_hosted_zone(Name=DOMAIN, CallerReference="1")["HostedZone"]["Id"]
    records: list[dict[str, Any]] = []
    for region, host in hosts.items():
        own = {"Name": f"origin-{region}.{DOMAIN}", "Type": "A"}
        records.append({**own, "TTL": TTL, "ResourceRecords": [{"Value": host.address}]})
        target = {"HostedZoneId": zone.rpartition("/")[2], "DNSName": own["Name"], "EvaluateTargetHealth": False}
        role = {"Failover": "PRIMARY", "HealthCheckId": made.checks["primary"]} if region == HOME else {"Failover": "SECONDARY"}
        records.append({"Name": f"origin.{DOMAIN}", "Type": "A", "SetIdentifier": role["Failover"].lower(), "AliasTarget": target, **role})
    change(client, zone, records)
    vpc = named(world.client("ec2", HOME).describe_vpcs()["Vpcs"])["kc-lab"]["VpcId"]
    inner = client.create_hosted_zone(
        Name=PRIVATE, CallerReference="2", HostedZoneConfig={"PrivateZone": True}, VPC={"VPCRegion": HOME, "VPCId": vpc}
    )["HostedZone"]["Id"]
    change(client, inner, [{"Name": f"db.{PRIVATE}", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "10.10.9.9"}]}])
    yield made
    for each in made.endpoints.values():
        each.down()


def change(client: Any, zone: str, records: list[dict[str, Any]]) -> None:
    batch = {"Changes": [{"Action": "CREATE", "ResourceRecordSet": each} for each in records]}
    client.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=batch)


def test_the_secondary_answers_while_the_primary_fails_and_as_long_as_the_switch_says(platform: Platform, until: Until) -> None:
    home, away = ((TTL, [platform.endpoints[region].host.address]) for region in (HOME, AWAY))
    end = platform.endpoints[HOME]
    until(lambda: platform.origin() == home)
    for where in ({"tcp": True}, {"namespace": "kc-user"}, {"namespace": "kc-user", "tcp": True}, {"namespace": "kc-edge"}):
        assert platform.origin(**where) == home
    until(lambda: platform.status("end").startswith("Success: HTTP Status Code 200"))
    assert end.asked[0] == (f"origin-{HOME}.{DOMAIN}", "/health")

    end.down()
    until(lambda: platform.origin() == away)
    until(lambda: platform.status("end").startswith("Failure"))
    until(lambda: platform.metric("primary") == 0.0)
    assert platform.origin(namespace="kc-user") == away

    platform.turn(1, periods_ago=2)
    until(lambda: platform.status("switch").startswith("Failure"))
    until(lambda: platform.alarm() == "ALARM")
    end.up()
    until(lambda: platform.status("end").startswith("Success"))
    assert platform.status("end", reason=True).startswith("Failure")
    assert platform.origin() == away

    platform.turn(0, periods_ago=1)
    until(lambda: platform.origin() == home)
    assert platform.status("switch").startswith("Success")
    until(lambda: platform.alarm() == "OK")


def test_a_region_that_is_cut_off_fails_over_and_without_the_switch_comes_back(platform: Platform, until: Until) -> None:
    home, away = ((TTL, [platform.endpoints[region].host.address]) for region in (HOME, AWAY))
    until(lambda: platform.origin() == home)
    platform.world.run("cut", HOME)
    try:
        until(lambda: platform.origin(namespace="kc-user") == away)
        until(lambda: platform.status("end").startswith("Failure: Connection timed out"))
        host = platform.endpoints[HOME].host
        at = resolver(platform.world.net.cidr(HOME))
        for tcp in (False, True):  # its own resolver goes on
            assert platform.ask(f"db.{PRIVATE}", namespace=host.namespace, server=at, tcp=tcp).answer
    finally:
        platform.world.run("heal")
    until(lambda: platform.origin() == home)


def test_programs_of_the_user_know_the_names(platform: Platform, until: Until) -> None:
    words = ["ip", "netns", "exec", "kc-user", "getent", "ahostsv4", f"origin-{AWAY}.{DOMAIN}"]
    found = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert found.split()[0] == platform.endpoints[AWAY].host.address


def test_a_calculated_check_has_no_status_of_its_own(platform: Platform) -> None:
    client = platform.world.client("route53")
    with pytest.raises(client.exceptions.InvalidInput):
        platform.status("primary")


def test_a_private_zone_is_answered_in_its_vpc_by_the_vpcs_resolver(platform: Platform, until: Until) -> None:
    home, away = (platform.endpoints[region].host for region in (HOME, AWAY))

    def address(host: Host) -> list[str]:
        at = resolver(platform.world.net.cidr(host.region))
        return [each.to_text() for found in platform.ask(f"db.{PRIVATE}", namespace=host.namespace, server=at).answer for each in found]

    until(lambda: address(home) == ["10.10.9.9"])
    assert address(away) == []
    assert platform.ask(f"db.{PRIVATE}", namespace="kc-user").rcode() == dns.rcode.NXDOMAIN
    assert platform.ask(f"db.{PRIVATE}").rcode() == dns.rcode.NXDOMAIN


def test_a_server_that_was_killed_answers_again(platform: Platform, until: Until) -> None:
    before = platform.origin()
    pid_file = platform.world.settings.home / "world" / "dns.pid"
    pid = json.loads(pid_file.read_text())["pid"]
    os.kill(pid, signal.SIGKILL)
    until(lambda: json.loads(pid_file.read_text())["pid"] != pid)
    until(lambda: platform.origin() == before)
