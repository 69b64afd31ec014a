"""Route 53 answers: health checks look at their endpoints and metrics, and DNS is answered with what they let stand.

The names are served by a process of its own from a snapshot (`dns/`), so they are answered while the AWS, or the world,
is down.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import shutil
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..files import write
from ..processes import Slot
from ..settings import ROOT
from ..world.behaviour import Behaviour, World
from ..world.net import MACHINE, USER, region_namespace
from . import alarms
from .dns.checkers import Checkers
from .dns.health import ENDPOINTS, Seen, metric_passes, statuses
from .dns.names import Record
from .dns.server import ANSWERS
from .dns.snapshot import NAMED, SNAPSHOT, names_of, read

METRICS = 60.0
"""Seconds between two data points of the metric HealthCheckStatus (Route 53 developer guide, "Monitoring health checks
using CloudWatch")."""

REGION = "us-east-1"
"""Where Route 53's metrics are."""

PORT = 53

USERS = Path("/etc/netns") / USER / "resolv.conf"
"""What `ip netns exec` shows programs in the user's namespace as /etc/resolv.conf: they ask the lab's server."""


class Route53(Behaviour):
    """Evaluates health checks, and has DNS answered with it."""

    name = "route53"
    services = frozenset({"route53"})
    rest = 1.0

    def __init__(self, world: World, log: logging.Logger) -> None:
        super().__init__(world, log)
        self.server = Slot(world.home, "dns")
        self._file = world.home / SNAPSHOT
        self._guard = threading.RLock()
        self._snapshot: dict[str, Any] = {"zones": [], "checks": {}, "passing": {}, "balancers": {}, **read(self._file)}
        self._seen = {id: Seen(passing=passing) for id, passing in self._snapshot["passing"].items()}
        self._checkers = Checkers(self._report, self._resolve)
        self._measured = 0.0

    def look(self) -> None:
        self._serve()
        if self.world.net.owned and not USERS.exists():
            USERS.parent.mkdir(parents=True, exist_ok=True)
            USERS.write_text(f"nameserver {MACHINE}\n")
        self._check()  # what is known already is checked while the AWS is down
        try:
            zones = self._zones()
            self._keep(zones=zones, checks=self._checks(), balancers=self._balancers(zones))
            self._check()
        finally:  # what is known already is watched whatever can't be read
            self._watch()
            self._tell()
            self._measure()

    def down(self) -> None:
        standing = self.server.find(self._marks)
        if standing:
            standing.stop()
            self.server.pid_file.unlink(missing_ok=True)
        if self.world.net.owned and USERS.exists():
            shutil.rmtree(USERS.parent)

    # --- the server

    @property
    def _marks(self) -> list[str]:
        return ["lab.behaviours.dns", str(self.world.home)]

    def _serve(self) -> None:
        """Have the server running.

        Raises:
            RuntimeError: It does not start.
        """
        if self.server.find(self._marks):
            return
        listen = [f"127.0.0.1:{self.world.settings.dns_port}"]
        if self.world.net.owned:
            # a VPC's resolver is in its region, so it answers although the region is cut off
            listen += [
                f"{MACHINE}:{PORT}",
                *(f"{region_namespace(each)}/{self.world.net.uplink(each)}:{PORT}" for each in self.world.regions),
            ]
        command = [sys.executable, "-m", "lab.behaviours.dns", "--home", str(self.world.home)]
        started = self.server.start([*command, *(word for each in listen for word in ("--listen", each))], ROOT)
        while not started or self.server.log.read_text().count(ANSWERS) < len(listen):
            if not started or not started.alive:
                raise RuntimeError(f"the DNS server does not start: {self.server.last} (all of it: {self.server.log})")
            time.sleep(0.05)
        self.log.info("DNS is answered at %s (pid %s)", " and ".join(listen), started.pid)

    # --- what is wanted

    def _zones(self) -> list[dict[str, Any]]:
        client = self.world.client("route53")
        found = []
        for page in client.get_paginator("list_hosted_zones").paginate():
            for zone in page["HostedZones"]:
                pages = client.get_paginator("list_resource_record_sets").paginate(HostedZoneId=zone["Id"])
                records = [record for page in pages for record in page["ResourceRecordSets"]]
                found.append({"name": zone["Name"], "askers": self._askers(zone), "records": records})
        return found

    def _askers(self, zone: Mapping[str, Any]) -> list[str] | None:
        """Return the networks that a private zone is answered to, those of its VPCs; None for a public one."""
        if not zone["Config"]["PrivateZone"]:
            return None
        found = []
        for vpc in self.world.client("route53").get_hosted_zone(Id=zone["Id"])["VPCs"]:
            about = self.world.client("ec2", vpc["VPCRegion"]).describe_vpcs(Filters=[{"Name": "vpc-id", "Values": [vpc["VPCId"]]}])
            found += [each["CidrBlock"] for one in about["Vpcs"] for each in one["CidrBlockAssociationSet"]]
        return found

    def _checks(self) -> dict[str, Any]:
        pages = self.world.client("route53").get_paginator("list_health_checks").paginate()
        return {
            each["Id"]: {**each["HealthCheckConfig"], "Noted": each.get("CloudWatchAlarmConfiguration")}
            for page in pages
            for each in page["HealthChecks"]
        }

    def _balancers(self, zones: list[dict[str, Any]]) -> dict[str, bool]:
        """Return the health of the load balancers whose health counts for a record."""
        records = [Record.of(each) for zone in zones for each in zone["records"]]
        names = {each.alias for each in records if each.evaluate and each.alias.endswith(".elb.amazonaws.com.")}
        return {name: self._balancer(name) for name in sorted(names)}

    def _balancer(self, name: str) -> bool:
        """Whether a load balancer is healthy: each of its target groups has a healthy target.

        Route 53 developer guide, "Values for alias records", Evaluate target health: one that has none is unhealthy.
        """
        client = self.world.client("elbv2", name.split(".")[-5])
        found = [each for page in client.get_paginator("describe_load_balancers").paginate() for each in page["LoadBalancers"]]
        for balancer in found:
            if balancer["DNSName"].lower() == name.rstrip("."):
                groups = client.describe_target_groups(LoadBalancerArn=balancer["LoadBalancerArn"])["TargetGroups"]
                health = [
                    client.describe_target_health(TargetGroupArn=each["TargetGroupArn"])["TargetHealthDescriptions"] for each in groups
                ]
                return bool(health) and all(any(each["TargetHealth"]["State"] == "healthy" for each in group) for group in health)
        return False

    # --- health

    def _check(self) -> None:
        """Have the endpoints looked at, and no others."""
        checks = self._snapshot["checks"]
        self._checkers.want({id: each for id, each in checks.items() if each["Type"] in ENDPOINTS and not each.get("Disabled")})

    def _resolve(self, name: str) -> str:
        """Return a name's address as the Internet sees it."""
        if not name:
            return ""
        sets = names_of(self._snapshot, {}, *(read(self.world.home / each) for each in NAMED)).answer(name, "A", MACHINE).sets
        return sets[-1].values[0] if sets and sets[-1].type == "A" else ""

    def _report(self, id: str, passes: bool, text: str) -> None:
        """Take in what a checker saw."""
        with self._guard:
            config = self._snapshot["checks"].get(id)
            if config is None:
                return
            before = self._seen.get(id, Seen())
            self._seen[id] = before.and_now(passes, text, time.time(), config.get("FailureThreshold") or 1)
            if self._seen[id].text != before.text:
                self.log.info("check %s (%s): %s", id, config.get("FullyQualifiedDomainName") or config.get("IPAddress"), text)
            if self._seen[id].passing != before.passing:
                self._keep()

    def _watch(self) -> None:
        """Evaluate the metrics of checks. As Route 53 does, by the alarm's settings as noted down, and not by its state."""
        for id, config in self._snapshot["checks"].items():
            told = config.get("Noted")
            rule = alarms.Rule.of(told) if told and not config.get("Disabled") else None
            if rule is None:
                continue
            client = self.world.client("cloudwatch", config["AlarmIdentifier"]["Region"])
            values = alarms.values(client, told, rule, time.time())
            with self._guard:
                last = self._seen.get(id, Seen())
                state = rule.state(values) or alarms.INSUFFICIENT
                passes = metric_passes(state, config, last.passing)
                text = f"{'Success' if passes else 'Failure'}: the metric {told['MetricName']} is {state}"
                self._seen[id] = last.and_now(passes, text, time.time())
                if passes != last.passing:
                    self._keep()

    def _keep(self, **more: Any) -> None:
        """Put together what is known; the server has it at once where something changed."""
        with self._guard:
            known = {**self._snapshot, **more}
            self._seen = {id: seen for id, seen in self._seen.items() if id in known["checks"]}
            known["passing"] = {id: seen.passing for id, seen in self._seen.items()}
            known["healthy"] = statuses(known["checks"], self._seen)
            before = self._snapshot.get("healthy", {})
            for id, healthy in known["healthy"].items():
                if healthy != before.get(id, healthy):
                    self.log.info("check %s is %s", id, "healthy" if healthy else "unhealthy")
                    self._measured = 0.0
            if known != self._snapshot or not self._file.exists():
                self._snapshot = known
                write(self._file, json.dumps(known))

    # --- what is told

    def _tell(self) -> None:
        with self._guard:
            seen = {id: dataclasses.asdict(each) for id, each in self._seen.items()}
        self.world.tell(self.name, seen)

    def _measure(self) -> None:
        """Put the status of all checks as the metric that CloudWatch has of them."""
        if time.time() - self._measured < METRICS:
            return
        healthy: Mapping[str, bool] = self._snapshot["healthy"]
        points = [
            {"MetricName": "HealthCheckStatus", "Dimensions": [{"Name": "HealthCheckId", "Value": id}], "Value": float(each)}
            for id, each in healthy.items()
        ]
        self.world.measure(REGION, "AWS/Route53", points)
        self._measured = time.time()
