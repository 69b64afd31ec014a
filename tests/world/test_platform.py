"""The whole platform on this machine: what users see through DNS, edge and load balancers, and what becomes of it in a disaster."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dns.message
import dns.query
import pytest
from playwright.sync_api import BrowserContext, expect

from lab.settings import ROOT
from lab.world.net import MACHINE, OWNER, USER, ip
from tests.world.chromium import Visit, chromium
from tests.world.conftest import Lab
from tests.world.load import Load

pytestmark = [pytest.mark.world, pytest.mark.xdist_group("world")]

HOME, STANDBY, DOMAIN = "me-west-1", "eu-central-1", "kc-lab.test"
ORIGIN = f"origin.{DOMAIN}"
FRONTS = {"app": "react-spa", "learn": "svelte-spa"}

Until = Callable[..., Any]


class Platform:
    """The platform as its users have it."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.ca = lab.home / "world" / "ca" / "ca.pem"
        self._context = ssl.create_default_context(cafile=str(self.ca))

    def resolve(self, name: str) -> list[str]:
        """Ask the lab's DNS as anybody on the Internet does."""
        answer = dns.query.udp(dns.message.make_query(name, "A"), MACHINE, timeout=3)
        return [item.to_text() for rrset in answer.answer for item in rrset if item.rdtype == 1]

    def get(self, host: str, path: str) -> tuple[int, Any]:
        """Get a page by the name of its host, found by DNS; JSON as data."""
        name = f"{host}.{DOMAIN}"
        raw = socket.create_connection((self.resolve(name)[0], 443), 10)
        with self._context.wrap_socket(raw, server_hostname=name) as connection:
            client = http.client.HTTPConnection(name)
            client.sock = connection
            client.request("GET", path)
            answer = client.getresponse()
            body = answer.read()
        return answer.status, json.loads(body) if answer.headers["Content-Type"] == "application/json" else body

    @property
    def region(self) -> str:
        """The region that serves the API now, "" where none does."""
        status, courses = self.get("api", "/courses")
        return str(courses["region"]) if status == 200 else ""

    def switch(self, value: int) -> None:
        """Set the failover's switch, as the runbook does: a metric in the region that takes over."""
        data = [{"MetricName": "StandbyTakesOver", "Value": value}]
        self.lab.client("cloudwatch", STANDBY).put_metric_data(Namespace="kc/lab", MetricData=data)

    def check(self, name: str) -> str:
        """Return what Route 53 says of a health check, by its tag."""
        route53 = self.lab.client("route53")
        for one in route53.list_health_checks()["HealthChecks"]:
            tags = route53.list_tags_for_resource(ResourceType="healthcheck", ResourceId=one["Id"])["ResourceTagSet"]["Tags"]
            if {"Key": "Name", "Value": name} in tags:
                seen = route53.get_health_check_status(HealthCheckId=one["Id"])["HealthCheckObservations"]
                return str(seen[0]["StatusReport"]["Status"])
        raise AssertionError(f"there is no health check {name}")


@pytest.fixture(scope="module")
def platform(world: Lab, until: Until) -> Platform:
    """The platform of `site.yml`, from nothing."""
    world.run("images")
    world.play("site.yml")
    platform = Platform(world)
    until(lambda: platform.region == HOME)
    return platform


@pytest.fixture
def browser(platform: Platform, tmp_path: Path) -> Iterator[BrowserContext]:
    """A browser on the lab's Internet: it has the lab's DNS and the lab's CA."""
    program = tmp_path / "chromium"
    program.write_text(f'#!/bin/sh\nexec ip netns exec {USER} /usr/bin/chromium "$@"\n')
    program.chmod(0o700)
    with chromium(tmp_path / "browser", platform.ca, program=program) as context:
        yield context


def shows(browser: BrowserContext, host: str, region: str) -> Visit:
    visited = Visit(browser, f"https://{host}.{DOMAIN}/")
    expect(visited.page.get_by_role("button", name="Enrol in")).to_have_count(9)
    expect(visited.page.locator(f"[data-region={region}]")).to_be_visible()
    return visited


@pytest.mark.parametrize("host", FRONTS)
def test_a_user_sees_the_courses_and_the_region_that_serves_them(host: str, browser: BrowserContext) -> None:
    visited = shows(browser, host, HOME)
    visited.shoot(f"platform-{FRONTS[host]}")
    visited.page.close()


def test_a_second_run_changes_nothing(platform: Platform) -> None:
    assert "Done: nothing to change" in platform.lab.play("site.yml")


def test_every_application_answers_by_its_name(platform: Platform) -> None:
    assert platform.get("reports", "/health") == (200, {"status": "ok", "region": HOME})
    assert platform.get("media", "/healthz")[0] == 200
    assert platform.get("api", "/health")[1]["region"] == HOME


def test_a_rolling_deployment_loses_no_request(platform: Platform, until: Until) -> None:
    ecs = platform.lab.client("ecs", HOME)

    def tasks() -> set[str]:
        return {*ecs.list_tasks(cluster="kc-lab", serviceName="kc-lab-php-api")["taskArns"]}

    before = tasks()
    with Load(lambda: platform.get("api", "/courses")[0]) as load:
        until(lambda: len(load.answers) > 50)
        platform.lab.play("site.yml", "--tags", "services", "-e", '{"kc_services_redeploy": ["php-api"]}')
        until(lambda: tasks() and not tasks() & before)
        enough = len(load.answers) + 100
        until(lambda: len(load.answers) > enough)
    assert {*load.answers} == {200}


def test_a_region_is_lost_and_comes_back(platform: Platform, browser: BrowserContext, until: Until) -> None:
    visited = shows(browser, "app", HOME)
    at_home = platform.resolve(ORIGIN)
    platform.lab.run("cut", HOME)
    try:
        # three looks at 10 s, and the minute that resolvers and the edge keep an answer
        until(lambda: platform.resolve(ORIGIN) != at_home, patience=60)
        until(lambda: platform.region == STANDBY, patience=90)
        visited.page.reload()
        expect(visited.page.locator(f"[data-region={STANDBY}]")).to_be_visible()
        visited.shoot("platform-failover")
        platform.switch(1)
        until(lambda: platform.check("kc-lab-standby-takes-over").startswith("Failure"))
    finally:
        platform.lab.run("heal")
    until(lambda: platform.check(f"kc-lab-origin-{HOME}").startswith("Success"), patience=60)
    assert platform.resolve(ORIGIN) != at_home, "the latch keeps the secondary although the primary is well"
    assert platform.region == STANDBY
    platform.switch(0)
    until(lambda: platform.resolve(ORIGIN) == at_home, patience=180)
    until(lambda: platform.region == HOME, patience=90)


def reboot(lab: Lab) -> None:
    """Take away what a restart of the machine takes: every process, every namespace, all below /run."""
    names = lab.net.standing()
    pids = {one["pid"] for one in lab.status()["processes"] if one["pid"]}
    for name in names:
        pids |= {int(pid) for pid in ip("netns", "pids", name).split()}
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    for name in names:
        ip("netns", "del", name)
    ip("link", "del", "kc-inet", check=False)
    OWNER.unlink()


def test_after_a_restart_of_the_machine_up_brings_all_of_it_back(platform: Platform, until: Until) -> None:
    reboot(platform.lab)
    platform.lab.run("up", "--world")
    until(lambda: platform.region == HOME, patience=120)
    until(lambda: platform.lab.run("doctor") == "nothing is wrong", patience=60)
    assert "Done: nothing to change" in platform.lab.play("site.yml")


def test_a_start_that_was_broken_off_is_gone_on_with(platform: Platform, until: Until) -> None:
    platform.lab.run("down")
    for seconds in (0.3, 1.0, 2.0):
        starting = subprocess.Popen([sys.executable, "-m", "lab", "up", "--world"], cwd=ROOT, env=platform.lab.environment)
        with contextlib.suppress(subprocess.TimeoutExpired):
            starting.wait(seconds)
        starting.kill()
        starting.wait()
    platform.lab.run("up", "--world")
    until(lambda: platform.region == HOME, patience=120)
