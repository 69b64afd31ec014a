"""The whole platform on this machine: what users see through DNS, edge and load balancers, and what becomes of it in a disaster."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, expect

from lab.settings import ROOT
from lab.site import Site, addresses
from lab.video import Backend
from lab.world.behaviour import World
from lab.world.net import OWNER, USER, ip
from tests.media.pages import played
from tests.media.videos import SECONDS, frames, made
from tests.world.chromium import Visit, chromium
from tests.world.conftest import Lab
from tests.world.load import Load
from tests.world.media import LOADED, Viewer
from tests.world.mysql import Instance
from tests.world.nodes import application, seat, secret
from tests.world.platform import Platform as Network

pytestmark = [pytest.mark.world, pytest.mark.xdist_group("world")]

HOME, STANDBY, DOMAIN = "me-west-1", "eu-central-1", "kc-lab.test"
ORIGIN = f"origin.{DOMAIN}"
FRONTS = {"app": "react-spa", "learn": "svelte-spa"}

READINESS = """
import json, os, sys
from kc.mysql.connection import Access, Node, Server
from kc.mysql.info import facts, pair
source, replica, user, ca = sys.argv[1:]
access = Access(user, os.environ["KC_PASSWORD"], ca, timeout=10)
with Server(Node.parse(source, 3306), access) as first, Server(Node.parse(replica, 3306), access) as second:
    found = pair(second, first, "kc")
    print(json.dumps({**facts(found), "objections": [one.name for one in found.against("", 10)]}))
"""
"""What `kc_mysql_info` tells of a replica (host or host:port) and its source, asked from a node."""

Until = Callable[..., Any]


class Platform:
    """The platform as its users have it."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.ca = lab.home / "world" / "ca" / "ca.pem"
        self._sites: dict[str, Site] = {}

    def get(self, host: str, path: str) -> tuple[int, Any]:
        """Get a page by the name of its host, found by DNS; JSON as data."""
        return self.ask("GET", host, path)

    def enrol(self, course: str, learner: str) -> int:
        """Enrol somebody, and return the status of the answer."""
        return self.ask("POST", "api", "/enrolments", {"course": course, "learner": learner})[0]

    def ask(self, method: str, host: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Ask something by the name of its host, found by DNS; JSON as data."""
        if host not in self._sites:
            self._sites[host] = Site(self.lab.home / "world", host, seconds=10)
        answer = self._sites[host].ask(method, path, json=body)
        return answer.status_code, answer.json() if answer.headers["Content-Type"] == "application/json" else answer.content

    def mysql(self, region: str, until: Until) -> Instance:
        """The instance `main` of a region."""
        return Instance(Network(self.lab, {}), until, "kc-lab-main", region)

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


def served_after_reload(visited: Visit, region: str) -> bool:
    """Whether the page, asked for anew, comes from a region: each worker of the edge keeps its own last answer of the DNS for a minute."""
    visited.page.reload()
    expect(visited.page.locator(f"[data-region={region}]")).to_be_visible()
    return True


@pytest.mark.parametrize("host", FRONTS)
def test_a_user_sees_the_courses_and_the_region_that_serves_them(host: str, browser: BrowserContext) -> None:
    visited = shows(browser, host, HOME)
    visited.shoot(f"platform-{FRONTS[host]}")
    visited.page.close()


def test_a_second_run_changes_nothing(platform: Platform) -> None:
    assert "Done: nothing to change" in platform.lab.play("site.yml")


def test_every_application_answers_by_its_name(platform: Platform) -> None:
    assert platform.get("reports", "/health") == (200, {"status": "ok", "region": HOME})
    assert platform.get("media", "/readyz")[0] == 200
    assert platform.get("api", "/health")[1]["region"] == HOME


def sent(platform: Platform, file: Path) -> tuple[Backend, str]:
    """Have a video of the platform's sent, and wait until it can be played; return its asset, and whoever sent it."""
    backend = Backend(World.of(platform.lab.settings))
    *_, asset = backend.send(file, "A moving picture")
    assert asset["state"] == "ready", asset["reason"]
    return backend, asset["id"]


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("film") / "film.mp4")


def test_a_video_goes_in_and_plays_for_who_was_let_in(platform: Platform, film: Path, tmp_path: Path, browser: BrowserContext) -> None:
    backend, asset = sent(platform, film)
    session = backend.session(asset)
    viewer = Viewer(backend.site, session["token"])
    assert frames(viewer.load(tmp_path), "v", *LOADED) == frames(film, "v")
    master = viewer.offers["aes128"]["hls"]
    assert viewer.get(master, cookies="").status_code == 403, "the edge gives nothing to strangers"
    _, other = sent(platform, film)
    assert viewer.get(master.replace(asset, other)).status_code == 403, "nor another asset's"

    visited = Visit(browser, session["play"])
    for offered, player in (("AES-128, HLS", "hls.js"), ("ClearKey, DASH", "Shaka Player"), ("ClearKey, HLS", "Shaka Player")):
        visited.page.get_by_label(offered).check()
        visited.page.get_by_label(player).check()
        expect(visited.page.get_by_text(f"{player}: {offered}.")).to_be_visible()
        end = played(visited.page.locator("video"), rate=4)
        assert end["seconds"] == pytest.approx(SECONDS, abs=0.2)
        assert end["frames"] > SECONDS and end["audio"] > 0
    visited.shoot("platform-video")
    assert visited.problems == []
    visited.page.close()


def test_users_do_all_that_they_do_and_what_was_acknowledged_is_there(platform: Platform, film: Path, tmp_path: Path) -> None:
    _, asset = sent(platform, film)
    record = tmp_path / "record.jsonl"
    platform.lab.run("load", "--record", str(record), "--seconds", "30", "--asset", asset, "--video", "0.2", "--upload", "0.1")
    assert "0 missing, 0 could not be asked for" in platform.lab.run("load", "check", "--record", str(record))
    report = json.loads(record.with_suffix(".report.json").read_text())
    assert {kind for kind, about in report["kinds"].items() if about["answered"]} == {
        *("page", "read", "write", "report", "start", "segment", "upload")
    }
    assert [each["region"] for each in report["regions"]] == [HOME]


def test_while_a_regions_s3_and_kms_do_not_answer_the_others_play(platform: Platform, film: Path, tmp_path: Path) -> None:
    """Nobody does anything about it: keys and segments come from where the asset was replicated to."""
    backend, asset = sent(platform, film)
    session = backend.session(asset)["token"]
    assert platform.lab.run("api", HOME, "stop") == f"{HOME}'s API does not answer"
    try:
        begun = frames(Viewer(backend.site, session).load(tmp_path, segments=1), "v", *LOADED)
    finally:
        platform.lab.run("heal")
    assert begun and begun == frames(film, "v")[: len(begun)]


def test_an_enrolment_is_in_the_other_regions_replica(platform: Platform, until: Until) -> None:
    assert platform.get("api", "/health")[1]["database"] == "ok"
    assert platform.get("api", "/courses")[1]["source"] == "database"
    assert [platform.enrol("spreadsheets", "amal") for _ in range(2)] == [201, 201], "a second time changes nothing"
    assert [one["course"] for one in platform.get("api", "/enrolments?learner=amal")[1]["enrolments"]] == ["spreadsheets"]
    app = secret(platform.lab, "mysql-app")
    with application(platform.lab, STANDBY) as here:
        who = {"namespace": here.namespace, "user": app["username"], "password": app["password"]}
        replica = platform.mysql(STANDBY, until)
        found = "SELECT course, region FROM knowledgecity.enrolments WHERE learner = 'amal'"
        until(lambda: replica.ask(found, **who) == [{"course": "spreadsheets", "region": HOME}])
        assert replica.refusal("DELETE FROM knowledgecity.enrolments", **who) == 1290, "it only reads"


def test_the_database_is_restored_to_a_second_beside_the_one_that_is_there(platform: Platform, until: Until) -> None:
    assert platform.enrol("spreadsheets", "before") == 201
    at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=1)
    until(lambda: datetime.now(UTC) > at)
    assert platform.enrol("spreadsheets", "after") == 201
    told = ("playbooks/mysql_restore.yml", "-e", f"at={at:%Y-%m-%dT%H:%M:%SZ}")
    platform.lab.play(*told)
    app = secret(platform.lab, "mysql-app")
    with application(platform.lab, HOME) as here:
        restored = Instance(Network(platform.lab, {}), until, f"kc-lab-main-at-{at:%Y%m%d-%H%M%S}", HOME)
        found = "SELECT learner FROM knowledgecity.enrolments WHERE learner IN ('before', 'after')"
        asked = {"namespace": here.namespace, "user": app["username"], "password": app["password"]}
        assert until(lambda: restored.ask(found, **asked)) == [{"learner": "before"}]
    platform.lab.play(*told, "-e", "state=absent")
    names = {each["DBInstanceIdentifier"] for each in platform.lab.client("rds", HOME).describe_db_instances()["DBInstances"]}
    assert names == {"kc-lab-main", "kc-lab-acme-main"}


def test_the_replica_is_seconds_behind(platform: Platform, tmp_path: Path, until: Until) -> None:
    admin = secret(platform.lab, "mysql-admin")
    with seat(platform.lab, f"clickhouse-1.{HOME}", tmp_path) as here:
        source, replica = (platform.mysql(region, until).endpoint for region in (HOME, STANDBY))
        asked = ("-c", READINESS, source, replica, admin["username"], str(platform.ca))

        def ready() -> Any:
            found = json.loads(here.run(*asked, password=admin["password"]))
            assert found["objections"] == []  # `relay_log` comes and goes: what came within the last moment is not applied yet
            return found

        found = until(ready)
    assert [(channel["tls"], channel["verified"]) for channel in found["server"]["channels"]] == [(True, True)]
    assert 0 <= found["lag"]["seconds"] < 10


def test_a_client_of_the_shared_instance_sees_its_own_only(platform: Platform, until: Until) -> None:
    bloom, app = secret(platform.lab, "mysql-bloom"), secret(platform.lab, "mysql-app")
    source = platform.mysql(HOME, until)
    with application(platform.lab, HOME) as here, contextlib.ExitStack() as held:
        who = {"namespace": here.namespace, "user": bloom["username"], "password": bloom["password"]}
        until(lambda: source.ask("SELECT 1", **who))  # a new host is let in within seconds
        assert source.ask("SHOW DATABASES", **who) == [{"Database": name} for name in ("bloom", "information_schema", "performance_schema")]
        source.ask("CREATE TABLE IF NOT EXISTS bloom.t (id INT PRIMARY KEY)", **who)
        assert source.refusal("SELECT 1 FROM knowledgecity.courses", **who) in (1044, 1142)
        assert source.refusal("CREATE DATABASE bloom2", **who) == 1044
        assert source.refusal("SET GLOBAL max_connections = 1", **who) == 1227
        assert source.refusal("SELECT 1", **who, plain=True) in (1045, 3159)
        assert source.refusal("SELECT 1", **{**who, "password": app["password"]}) == 1045
        for _ in range(3):
            held.enter_context(source.connect(**who))
        assert source.refusal("SELECT 1", **who) == 1226, "one more than it may have"


def test_events_of_one_region_are_counted_in_the_other(platform: Platform, tmp_path: Path, until: Until) -> None:
    operator = secret(platform.lab, "clickhouse-admin")
    with seat(platform.lab, f"clickhouse-1.{HOME}", tmp_path) as here:
        there = f"clickhouse-2.{STANDBY}"
        filled = ["-m", "lab.data", "--node", f"{here.node}.kc-lab.internal", "--ca", str(here.ca), "--rows", "2000"]
        assert here.run(*filled, password=operator["password"]).startswith("2000 events")
        until(lambda: here.ask(there, operator, "SELECT count() FROM reporting.events") == [[2000]])
        assert here.ask(there, operator, "SELECT countMerge(events) FROM reporting.daily") == [[2000]]
        here.run(*filled, password=operator["password"])
        assert here.ask(there, operator, "SELECT count() FROM reporting.events") == [[2000]], "the same rows are there once"
    status, report = platform.get("reports", "/reports/courses")
    assert (status, report["region"], sum(course["events"] for course in report["courses"])) == (200, HOME, 2000)


def test_a_database_that_was_dropped_is_restored(platform: Platform, tmp_path: Path) -> None:
    operator = secret(platform.lab, "clickhouse-admin")
    nodes = [f"clickhouse-{number}.{region}" for region in (HOME, STANDBY) for number in (1, 2)]
    sums = "SELECT count(), sum(cityHash64(moment, region, course, learner, kind, seconds)) FROM reporting.events"
    counted = "SELECT day, course, countMerge(events), sumMerge(seconds) FROM reporting.daily GROUP BY day, course ORDER BY day, course"
    with seat(platform.lab, f"clickhouse-1.{HOME}", tmp_path) as here:
        before = [here.ask(nodes[0], operator, statement) for statement in (sums, counted)]
        said = platform.lab.play("playbooks/backup.yml", "-e", "cluster=platform")
        for node in nodes:
            assert here.ask(node, operator, "DROP DATABASE reporting") == []
        restored = platform.lab.play("playbooks/restore.yml", "-e", "confirm=lab")
        assert "reporting.events" in restored
        for node in nodes:
            assert [here.ask(node, operator, statement) for statement in (sums, counted)] == before
    assert before[0][0][0] > 0
    taken = {
        each["DBSnapshotIdentifier"]
        for each in platform.lab.client("rds", HOME).describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]
    }
    assert [each in said for each in taken] == [True], "of the platform's instance, and of no client's"
    assert platform.get("reports", "/reports/courses")[0] == 200


def test_nobody_comes_in_without_tls_or_with_anothers_account(platform: Platform, tmp_path: Path) -> None:
    operator, acme = secret(platform.lab, "clickhouse-admin"), secret(platform.lab, "clients/acme/clickhouse-admin")
    ours, theirs = f"clickhouse-2.{HOME}", f"acme-clickhouse-1.{HOME}"
    wrong = 192, 193, 194, 516
    with seat(platform.lab, f"clickhouse-1.{HOME}", tmp_path) as here:
        assert here.reaches(ours, 9440)
        assert [port for port in (9000, 8123, 9009, 2181) if here.reaches(ours, port)] == []
        assert here.ask(theirs, acme, "SELECT 1") == [[1]]
        assert int(here.ask(theirs, operator, "SELECT 1")) in wrong
        assert int(here.ask(ours, acme, "SELECT 1")) in wrong
        assert int(here.ask(ours, {"username": "default", "password": ""}, "SELECT 1")) in (*wrong, 195)


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
    at_home = addresses(ORIGIN)
    platform.lab.run("cut", HOME)
    try:
        # three looks at 10 s, and the minute that resolvers and the edge keep an answer
        until(lambda: addresses(ORIGIN) != at_home, patience=120)
        until(lambda: platform.region == STANDBY, patience=180)
        until(lambda: served_after_reload(visited, STANDBY), patience=180)
        visited.shoot("platform-failover")
        platform.switch(1)
        until(lambda: platform.check("kc-lab-standby-takes-over").startswith("Failure"), patience=120)
    finally:
        platform.lab.run("heal")
    until(lambda: platform.check(f"kc-lab-origin-{HOME}").startswith("Success"), patience=120)
    assert addresses(ORIGIN) != at_home, "the latch keeps the secondary although the primary is well"
    assert platform.region == STANDBY
    platform.switch(0)
    until(lambda: addresses(ORIGIN) == at_home, patience=180)
    until(lambda: platform.region == HOME, patience=180)


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
    until(lambda: platform.region == HOME, patience=300)
    until(lambda: platform.lab.run("doctor") == "nothing is wrong", patience=300)
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
