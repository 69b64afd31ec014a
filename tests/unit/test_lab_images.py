"""The lab's images: what goes into them, where packages come from, and what a release does with them."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from moto import mock_aws

from lab.images import recipes, sources
from lab.images.build import Builder, ImageError, Keys, mmdebstrap, mounts
from lab.images.recipes import ALONE, IMAGES, SYSTEMS, WORKLOADS
from lab.images.release import Release
from lab.images.store import OURS
from lab.settings import ROOT

APPLICATIONS = yaml.safe_load((ROOT / "inventories/common/all/applications.yml").read_text())["kc_applications"]

SOURCES = """\
Types: deb
# an older state of the archive
URIs: http://mirror.test/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb deb-src
URIs: http://mirror.test/security
Suites: bookworm-security
Components: main contrib

Types: deb-src
URIs: http://mirror.test/sources
Suites: bookworm
Components: main

Enabled: no
Types: deb
URIs: http://mirror.test/off
Suites: bookworm
Components: main
"""


@pytest.mark.parametrize(
    ("files", "lines"),
    [
        ({"sources.list": "deb http://m.test/debian bookworm main\n"}, ["deb http://m.test/debian bookworm main"]),
        (
            {"sources.list": "# deb http://m.test/old bookworm main\ndeb [signed-by=/k.gpg]  http://m.test/debian bookworm  main # ours\n"},
            ["deb [signed-by=/k.gpg] http://m.test/debian bookworm main"],
        ),
        (
            {"sources.list.d/debian.sources": SOURCES},
            [
                "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://mirror.test/debian bookworm main",
                "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://mirror.test/debian bookworm-updates main",
                "deb http://mirror.test/security bookworm-security main contrib",
            ],
        ),
        (
            {
                "sources.list": "deb http://m.test/debian bookworm main\ndeb http://m.test/debian sid main\ndeb http://x.test/ bookworm extras\n",
                "sources.list.d/cloud.list": "deb http://x.test/apt cloud-bookworm main\n",
                "sources.list.d/off.list.save": "deb http://m.test/saved bookworm main\n",
            },
            ["deb http://m.test/debian bookworm main"],
        ),
    ],
)
def test_packages_come_from_where_the_machines_own_do(files: dict[str, str], lines: list[str], tmp_path: Path) -> None:
    (tmp_path / "sources.list.d").mkdir()
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert sources.debian("bookworm", tmp_path).splitlines() == lines


def test_another_release_comes_from_where_the_machines_own_does() -> None:
    own = [
        "deb [signed-by=/k.gpg] http://m.test/debian bookworm main contrib",
        "deb [signed-by=/k.gpg] http://m.test/debian bookworm-updates main",
        "deb http://m.test/other bookworm main",
        "deb http://m.test/security bookworm-security main",
        "deb http://m.test/old-security bookworm/updates main",
    ]
    assert sources.moved("".join(f"{line}\n" for line in own), "sid").splitlines() == [
        "deb [signed-by=/k.gpg] http://m.test/debian sid main contrib",
        "deb http://m.test/other sid main",
    ]


def test_a_machine_without_debians_packages_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(LookupError, match="no sources for bookworm"):
        sources.debian("bookworm", tmp_path)
    (tmp_path / "os-release").write_text('ID=fedora\nPRETTY_NAME="Fedora 44"\n')
    with pytest.raises(LookupError, match="this is Fedora 44"):
        sources.codename(tmp_path / "os-release")
    (tmp_path / "os-release").write_text("ID=debian\nVERSION_CODENAME=bookworm\n")
    assert sources.codename(tmp_path / "os-release") == "bookworm"


def test_each_application_has_an_image_that_fits_its_task_definition() -> None:
    assert {*IMAGES} == {*APPLICATIONS}
    for name, image in IMAGES.items():
        recipe = (ROOT / image.directory / "Containerfile").read_text()
        volumes = [path for line in re.findall(r"^VOLUME (.*)$", recipe, re.M) for path in line.split()]
        assert sorted(volumes) == sorted(APPLICATIONS[name]["scratch"]), "only root can write to what is no volume"
        assert {*volumes} <= {*SYSTEMS[image.base].scratch}, "a volume has the owner that its directory has in the image"
        assert re.findall(r"^USER (.*)$", recipe, re.M) == [f"{recipes.USER}:{recipes.USER}"]
        assert "RUN" not in recipe, "no step of a build needs a network or a shell"


def test_an_image_is_known_by_all_that_goes_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recipes, "ROOT", tmp_path)
    work = tmp_path / IMAGES["php-api"].directory
    work.mkdir(parents=True)
    (work / "entry").write_text("one")
    image, seen = IMAGES["php-api"], []

    def key() -> str:
        return image.key("base")

    seen.append(key())
    (work / "node_modules").mkdir()
    (work / "node_modules" / "x").write_text("what tools leave behind is no part of it")
    assert key() == seen[0]
    (work / "entry").write_text("two")
    seen.append(key())
    (work / "entry").chmod(0o755)
    seen.append(key())
    (work / "entry").rename(work / "start")
    seen.append(key())
    another = tmp_path / IMAGES["reporting"].directory
    another.mkdir()
    (another / "x").write_text("another's")
    assert key() == seen[-1]
    assert len({*seen}) == len(seen)
    assert image.key("another base") not in seen


def test_names_change_with_where_packages_come_from() -> None:
    one, two = Keys("deb http://m.test bookworm main\n"), Keys("deb http://other.test trixie main\n")
    assert {*one.systems} == {*SYSTEMS} and {*one.images} == {*IMAGES}
    assert not {*one.systems.values(), *one.images.values()} & {*two.systems.values(), *two.images.values()}
    assert all(re.fullmatch(rf"{OURS}/[a-z-]+:[0-9a-f]{{12}}", name) for name in (*one.systems.values(), *one.images.values()))
    assert (one.of("web"), one.of("php-api")) == (one.systems["web"], one.images["php-api"])


@pytest.mark.parametrize(
    "changes",
    [{"finish": ""}, {"finish": "build.py"}, {"release": "sid"}, {"instructions": ("USER 1",)}, {"held": ()}, {"held_release": "sid"}],
)
def test_a_system_is_known_by_all_that_it_is(changes: dict[str, Any]) -> None:
    node, own = SYSTEMS["node"], "deb http://m.test/debian bookworm main\n"
    assert node.key(own) != dataclasses.replace(node, **changes).key(own)


def test_a_system_has_its_user_and_what_it_may_write_to() -> None:
    command = mmdebstrap(SYSTEMS["php"], ['Acquire::http::Proxy "http://p.test";'], "")
    assert "--include=usr-is-merged,ca-certificates,wget,systemd-standalone-tmpfiles,nginx,php8.2-fpm,php8.2-mysql" in command
    assert '--aptopt=Acquire::http::Proxy "http://p.test";' in command
    hooks = [word.partition("=")[2] for word in command if word.startswith("--customize-hook=")]
    assert hooks[0] == "echo app:x:10001:10001::/nonexistent:/usr/sbin/nologin >> $1/etc/passwd"
    assert hooks[2:] == ["chown 10001:10001 $1/tmp", "chown 10001:10001 $1/run"]


def test_a_node_is_finished_by_its_script_and_has_nobody_of_the_applications() -> None:
    script, own = str(ROOT / "lab/images/node.sh"), "deb http://m.test/debian bookworm main\n"
    for name, more, held in (("node", "", "clickhouse-server"), ("node-mysql", own.replace("bookworm", "sid"), "mysql-server-core")):
        (hook,) = [word.partition("=")[2] for word in mmdebstrap(SYSTEMS[name], [], own) if word.startswith("--customize-hook=")]
        assert shlex.split(hook)[:5] == ["sh", script, "$1", more, held]
    assert ALONE == ("node", "node-mysql", "mysql")


def test_what_is_mounted_where_a_system_was_being_made_is_found_innermost_first() -> None:
    mountinfo = "".join(
        f"1 2 0:5 / {point} rw - proc proc rw\n" for point in ("/", "/l/tmp/a/proc", "/l/tmp/a/proc/sys", "/l/tmpfs", r"/l/tmp/b\040c")
    )
    assert mounts(Path("/l/tmp"), mountinfo) == ["/l/tmp/b c", "/l/tmp/a/proc/sys", "/l/tmp/a/proc"]


def test_without_its_tools_it_says_what_installs_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ImageError, match=r"no podman, runc, mmdebstrap, npm, setpriv: `make packages`"):
        Builder(tmp_path, print).make(["php-api"])


def test_the_front_ends_packages_are_pinned_and_name_no_registry() -> None:
    for file in WORKLOADS.glob("*/package.json"):
        about = json.loads(file.read_text())
        for name, version in {**about.get("dependencies", {}), **about.get("devDependencies", {})}.items():
            assert re.fullmatch(r"\d+\.\d+\.\d+", version), f"{file.parent.name}: {name} {version}"
    lock = json.loads((WORKLOADS / "package-lock.json").read_text())
    for name, about in lock["packages"].items():
        assert about.get("link") or "resolved" not in about, name
        assert about.get("link") or "node_modules" not in name or about["integrity"].startswith("sha512-"), name


@pytest.fixture
def release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Release]:
    """A release of two images to two regions, of which only the first one stands."""
    manifest = json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": {}, "layers": []})
    digest = f"sha256:{hashlib.sha256(manifest.encode()).hexdigest()}"
    images = {name: {"digest": digest, "image": f"{OURS}/{name}:0a1b2c3d4e5f"} for name in ("react-spa", "reporting")}
    others = {"svelte-spa": {"digest": f"sha256:{'0' * 64}", "image": "localhost/somebodys/own"}}
    (tmp_path / "images.json").write_text(json.dumps({**images, **others}))
    (tmp_path / "images").mkdir()
    for name in images:
        (tmp_path / "images" / f"{name}.manifest.json").write_text(manifest)
    static = tmp_path / "root" / "srv" / "www" / "static" / "react-spa"
    static.mkdir(parents=True)
    (static / "index-AbCdEf12.js").write_text("let it;")

    @contextmanager
    def files(name: str) -> Iterator[Path]:
        assert name == f"{OURS}/react-spa:0a1b2c3d4e5f", "of the front-ends only"
        yield tmp_path / "root"

    monkeypatch.setattr("lab.images.store.files", files)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "none")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "none")
    with mock_aws():
        ecr = boto3.client("ecr", "eu-central-1")
        for name in ("kc/lab/react-spa", "kc/lab/reporting", "kc/lab/other"):
            ecr.create_repository(repositoryName=name, imageTagMutability="IMMUTABLE")
        s3 = boto3.client("s3", "eu-central-1")
        for name in ("kc-lab-static-123456789012-eu-central-1", "kc-lab-media-123456789012-eu-central-1"):
            s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        yield Release(tmp_path, boto3.client, ["eu-central-1", "eu-west-1"])


def test_a_release_puts_what_is_missing_once(release: Release) -> None:
    put = release.release()
    assert len(put) == 4, put
    assert release.release() == []
    ecr: Any = boto3.client("ecr", "eu-central-1")
    wanted = json.loads((release.home / "images.json").read_text())["reporting"]["digest"]
    details = ecr.describe_images(repositoryName="kc/lab/reporting")["imageDetails"]
    assert [(one["imageDigest"], one["imageTags"]) for one in details] == [(wanted, [wanted[7:19]])]
    assert ecr.describe_images(repositoryName="kc/lab/other")["imageDetails"] == []
    s3: Any = boto3.client("s3", "eu-central-1")
    script = s3.get_object(Bucket="kc-lab-static-123456789012-eu-central-1", Key="static/react-spa/index-AbCdEf12.js")
    assert script["ContentType"] == "text/javascript" and script["CacheControl"] == "public, max-age=31536000, immutable"
    page = s3.get_object(Bucket="kc-lab-static-123456789012-eu-central-1", Key="static/errors/unavailable.html")
    assert page["ContentType"] == "text/html" and page["CacheControl"] == "public, max-age=300"
    assert "Contents" not in s3.list_objects_v2(Bucket="kc-lab-media-123456789012-eu-central-1")


def test_an_image_that_was_built_again_is_put_beside_the_old_one(release: Release) -> None:
    release.release()
    images = json.loads((release.home / "images.json").read_text())
    manifest = json.dumps(
        {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": {"size": 1}, "layers": []}
    )
    (release.home / "images" / "reporting.manifest.json").write_text(manifest)
    images["reporting"]["digest"] = f"sha256:{hashlib.sha256(manifest.encode()).hexdigest()}"  # of the same name: the same went in
    (release.home / "images.json").write_text(json.dumps(images))
    assert release.release() == [f"kc/lab/reporting@{images['reporting']['digest'][:19]} in eu-central-1"]
    assert len(boto3.client("ecr", "eu-central-1").describe_images(repositoryName="kc/lab/reporting")["imageDetails"]) == 2


def test_without_images_nothing_is_released(tmp_path: Path) -> None:
    assert Release(tmp_path, lambda *_: pytest.fail("asks AWS"), ["eu-central-1"]).release() == []


@pytest.mark.parametrize(
    ("installed", "words", "asked"),
    [
        (["podman"], [], "install -y -qq --no-install-recommends npm"),
        (["podman", "nodejs, nodejs-dev, npm (= 1)"], [], ""),
        (["podman", "npm"], ["tests"], "install -y -qq --no-install-recommends chromium"),
    ],
)
def test_only_packages_that_are_missing_are_installed(installed: list[str], words: list[str], asked: str, tmp_path: Path) -> None:
    for name, text in {"lab": "# what for\npodman\nnpm  # builds\n", "tests": "chromium\n"}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "packages.txt").write_text(text)
    programs = tmp_path / "bin"
    programs.mkdir()
    known = "".join(f"installed, {line}\\n" for line in installed) + "config-files, chromium, \\n"
    for name, does in {"dpkg-query": f"printf '{known}'", "apt-get": f'echo "$@" >> {tmp_path}/asked', "id": "echo 0"}.items():
        (programs / name).write_text(f"#!/bin/sh\n{does}\n")
        (programs / name).chmod(0o755)
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "packages").write_text((ROOT / "tools" / "packages").read_text())
    environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}
    done = subprocess.run(["sh", "tools/packages", *words], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert ((tmp_path / "asked").read_text().strip() if (tmp_path / "asked").exists() else "").replace(
        "-o DPkg::Lock::Timeout=300 ", ""
    ) == asked
