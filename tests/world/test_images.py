"""The images run as ECS runs them (read-only root, no capabilities, not root), answer, and are built once."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lab.images.build import Builder
from lab.images.recipes import IMAGES
from lab.images.store import OURS, stored
from lab.podman import PodmanError, podman
from lab.settings import ROOT

from .workloads import APPLICATIONS, EDGE, Container, assets, lab_images

pytestmark = [pytest.mark.world, pytest.mark.xdist_group("world")]


@pytest.mark.parametrize("application", IMAGES)
def test_it_runs_with_nothing_that_it_does_not_need(application: str, start: Callable[..., Any]) -> None:
    container = start(application)
    assert container.run("id", "-u").strip() == container.run("id", "-g").strip() == "10001"
    status = container.run("cat", "/proc/1/status")
    assert {name: int(value, 16) for name, value in re.findall(r"^(Cap\w+):\t(\w+)", status, re.M)} == dict.fromkeys(
        ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"), 0
    )
    writable = container.run("sh", "-c", "for d in / /srv /etc /var/log /run /tmp; do touch $d/x 2>/dev/null && echo $d; done; true")
    assert sorted(writable.split()) == sorted(APPLICATIONS[application]["scratch"])


@pytest.mark.parametrize("application", IMAGES)
def test_it_says_that_it_is_well_and_ends_when_asked(application: str, start: Callable[..., Any], until: Callable[..., Any]) -> None:
    container = start(application)
    health = APPLICATIONS[application]["health"]
    if "command" in health:
        until(lambda: container.run(*health["command"]) is not None)  # else it raises
    else:  # as kc's services ask: curl where an image has it, else wget
        container.run("sh", "-c", f"wget -q -O /dev/null http://127.0.0.1:8080{health['path']}")
    podman("stop", "--time=20", container.id)
    assert container.inspect("{{.State.ExitCode}}") == "0"


@pytest.mark.parametrize("application", [name for name, image in IMAGES.items() if image.built])
def test_a_front_end_serves_its_page_and_what_it_names(application: str, start: Callable[..., Any]) -> None:
    container = start(application)
    status, headers, page = container.ask("GET", "/")
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert headers["cache-control"] == "max-age=0, s-maxage=60"
    names = assets(page)
    assert {Path(name).suffix for name in names} == {".js", ".css", ".svg"}
    for name in names:
        # where the edge takes files from the bucket, and under a name that changes with what is in it
        assert re.fullmatch(rf"/static/{application}/\w+-[\w-]{{8}}\.\w+", name), name
        status, headers, _ = container.ask("GET", name)
        assert (status, headers["cache-control"]) == (200, "public, max-age=31536000, immutable")
    assert container.ask("GET", "/courses/of/mine")[2] == page, "its own paths lead to the page"
    assert container.ask("GET", "/static/none.js")[0] == 404


@pytest.mark.parametrize("application", [name for name, image in IMAGES.items() if image.built])
def test_a_front_end_keeps_to_the_edges_policy(application: str, start: Callable[..., Any]) -> None:
    policy = EDGE["kc_edge_headers"]["pages"]["csp"]
    assert "script-src" not in policy, "default-src 'self' holds for scripts: none in the page, none from elsewhere"
    container = start(application)
    page = container.ask("GET", "/")[2]
    assert re.findall(r"<script[^>]*>", page) == re.findall(r'<script type="module" crossorigin src="/static/[^"]+">', page)
    assert not re.search(r"<script[^>]*>[^<]|\son\w+=|javascript:", page)
    for name in assets(page):
        text = container.ask("GET", name)[2] if name.endswith((".js", ".css")) else ""
        assert not re.search(r"url\([\"']?data:font|new Function\(|\beval\(", text), name


def test_the_api_shows_courses_without_a_database_and_pretends_nothing(start: Callable[..., Any]) -> None:
    api = start("php-api", APP_REGION="me-west-1", MYSQL_HOST="main.mysql.invalid")
    assert json.loads(api.ask("GET", "/health")[2]) == {"status": "ok", "database": "absent", "region": "me-west-1"}
    status, headers, text = api.ask("GET", "/courses", Host="api.kc-lab.test", Origin="https://app.kc-lab.test")
    answer = json.loads(text)
    assert (status, answer["region"], answer["source"], len(answer["courses"])) == (200, "me-west-1", "built-in", 9)
    assert {*answer["courses"][0]} == {"id", "title", "summary", "category", "level", "hours"}
    assert (headers["access-control-allow-origin"], headers["cache-control"]) == ("https://app.kc-lab.test", "no-store")
    for method, path, body in (
        ("POST", "/enrolments", {"course": "spreadsheets", "learner": "me"}),
        ("GET", "/enrolments?learner=me", None),
    ):
        status, headers, text = api.ask(method, path, body)
        assert (status, headers["content-type"]) == (503, "application/problem+json")
        assert json.loads(text)["detail"] == "Enrolments are kept in a database, and this region has none yet."


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status"),
    [
        ("GET", "/nothing", None, {}, 404),
        ("GET", "/../etc/passwd", None, {}, 400),
        ("DELETE", "/courses", None, {}, 405),
        ("GET", "/enrolments", None, {}, 400),
        ("GET", "/enrolments?learner=a%27--", None, {}, 400),
        ("GET", "/enrolments?learner[]=a", None, {}, 400),
        ("POST", "/enrolments", {"course": "spreadsheets"}, {}, 400),
        ("POST", "/enrolments", {"course": ["spreadsheets"], "learner": "me"}, {}, 400),
        ("POST", "/enrolments", "text", {}, 400),
        ("POST", "/enrolments", {"course": "a", "learner": "b"}, {"Content_Type": "text/plain"}, 415),
        ("POST", "/enrolments", {"course": "a" * 100_000, "learner": "b"}, {}, 413),
    ],
)
def test_the_api_refuses_what_makes_no_sense(
    start: Callable[..., Any], method: str, path: str, body: Any, headers: dict[str, str], status: int
) -> None:
    answer = start("php-api").ask(method, path, body, **headers)
    assert answer[0] == status, answer
    assert "PHP" not in answer[2] and "x-powered-by" not in answer[1]


@pytest.mark.parametrize(
    ("host", "origin", "allowed"),
    [
        ("api.kc-lab.test", "https://app.kc-lab.test", True),
        ("api.kc-lab.test", "https://learn.kc-lab.test", True),
        ("api.kc-lab.test", "http://app.kc-lab.test", False),
        ("api.kc-lab.test", "https://app.elsewhere.test", False),
        ("api", "https://app.", False),
    ],
)
def test_only_our_own_pages_may_read_the_api(start: Callable[..., Any], host: str, origin: str, allowed: bool) -> None:
    status, headers, _ = start("php-api").ask("OPTIONS", "/enrolments", Host=host, Origin=origin)
    assert status == 204
    assert headers.get("access-control-allow-origin") == (origin if allowed else None)
    assert headers.get("access-control-allow-methods") == ("GET, POST" if allowed else None)


def test_the_api_ends_when_its_php_does(start: Callable[..., Any], until: Callable[..., Any]) -> None:
    api = start("php-api")
    processes = [line.split(maxsplit=1) for line in podman("top", api.id, "hpid", "args").splitlines()]
    os.kill(next(int(pid) for pid, command in processes if command.startswith("php-fpm: master")), signal.SIGKILL)
    until(lambda: api.inspect("{{.State.Status}}") == "exited")
    assert api.inspect("{{.State.ExitCode}}") == "1"


def test_reports_need_clickhouse_and_say_so(start: Callable[..., Any]) -> None:
    reporting = start("reporting", APP_REGION="me-west-1", CLICKHOUSE_HOSTS="clickhouse-1.invalid,clickhouse-2.invalid")
    assert json.loads(reporting.ask("GET", "/health")[2]) == {"status": "ok", "region": "me-west-1"}
    assert json.loads(reporting.ask("GET", "/health/clickhouse")[2]) == {"clickhouse": "absent", "region": "me-west-1"}
    status, headers, text = reporting.ask("GET", "/reports/courses")
    assert (status, headers["content-type"]) == (503, "application/problem+json")
    assert json.loads(text)["detail"] == "Reports come from ClickHouse, and this region has none yet."


def test_a_database_that_fails_is_no_database_that_is_absent(
    start: Callable[..., Any], images: dict[str, dict[str, str]], until: Callable[..., Any], request: pytest.FixtureRequest
) -> None:
    api = Container("php-api", images["php-api"]["image"], {"MYSQL_HOST": "127.0.0.1"})  # where nothing listens
    request.addfinalizer(api.remove)
    until(lambda: api.ask("GET", "/")[0] == 200)
    status, _, text = api.ask("GET", "/health")
    assert (status, json.loads(text)["database"]) == (503, "failed")
    status, headers, text = api.ask("GET", "/courses")
    assert (status, headers["retry-after"], json.loads(text)["title"]) == (503, "5", "Database failed")
    reporting = start("reporting", CLICKHOUSE_HOSTS="127.0.0.1")
    assert reporting.ask("GET", "/health")[0] == 200
    assert reporting.ask("GET", "/health/clickhouse")[0] == reporting.ask("GET", "/reports/courses")[0] == 503


def test_media_is_up_and_says_what_does_not_answer(start: Callable[..., Any]) -> None:
    media = start("media-server")
    assert media.ask("GET", "/healthz")[0] == 200
    status, _, text = media.ask("GET", "/readyz")
    assert (status, json.loads(text)["status"]) == (503, "S3 does not answer")
    status, headers, text = media.ask("GET", "/assets")
    assert (status, headers["content-type"]) == (401, "application/problem+json")


def test_media_that_is_not_told_where_things_are_says_which_setting_it_lacks(built: Path) -> None:
    image = json.loads((built / "images.json").read_text())["media-worker"]["image"]
    with pytest.raises(PodmanError, match="MEDIA_BUCKET is not set: the bucket that segments go to"):
        podman("run", "--rm", "--network=none", "--env=AWS_REGION=me-west-1", image)


def test_a_second_run_builds_nothing_and_other_labs_share_the_images(built: Path, tmp_path: Path) -> None:
    before = {name: image.id for name, image in stored().items()}
    for directory in (built, tmp_path / "other"):
        done = lab_images(directory)
        assert (done.returncode, done.stdout) == (0, "nothing to do: 9 images built already\n")
    assert (built / "images.json").read_text() == (tmp_path / "other" / "images.json").read_text()
    assert {name: image.id for name, image in stored().items()} == before


def test_a_digest_is_that_of_the_manifest(built: Path, images: dict[str, dict[str, str]]) -> None:
    assert {*images} == {*IMAGES}, "a node is no application"
    for application, about in images.items():
        manifest = (built / "images" / f"{application}.manifest.json").read_bytes()
        assert about["digest"] == f"sha256:{hashlib.sha256(manifest).hexdigest()}" == stored()[about["image"]].digest


def test_what_was_broken_off_is_made_by_the_next_run(built: Path, images: dict[str, dict[str, str]], until: Callable[..., Any]) -> None:
    name = images["react-spa"]["image"]
    podman("rmi", "--force", name)
    command = [sys.executable, "-m", "lab", "images", "react-spa"]
    environment = {**os.environ, "KC_LAB_DIR": str(built)}
    broken = subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True)
    until(lambda: (built / "images" / "tmp" / "react-spa").exists())
    os.kill(broken.pid, signal.SIGKILL)
    broken.wait()
    assert name not in stored()
    done = lab_images(built)
    assert done.returncode == 0, done.stdout + done.stderr
    again = json.loads((built / "images.json").read_text())["react-spa"]
    assert (again["image"], again["digest"]) == (name, stored()[name].digest)
    assert not [
        one
        for one in json.loads(podman("ps", "-a", "--external", "--format", "json"))
        if one["Image"].startswith(f"{OURS}/") and one["Status"] == "storage"
    ]
    images["react-spa"] = again


def test_who_is_not_root_is_told_so(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    command = ["setpriv", "--reuid=65534", "--clear-groups", sys.executable, "-m", "lab", "images"]
    environment = {**os.environ, "KC_LAB_DIR": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "lab: images are made by mmdebstrap and podman as root: run it as root, or with sudo\n"


def test_the_front_ends_own_tests_pass(built: Path) -> None:
    builder = Builder(built, print)
    with builder.alone():
        builder.packages()
    for script in ("test", "check"):
        done = subprocess.run(["npm", "run", script], cwd=built / "images" / "npm", capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
