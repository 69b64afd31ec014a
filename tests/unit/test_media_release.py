"""A release is known by what goes in, and its archive holds that and nothing else, the same bytes whenever it is made."""

from __future__ import annotations

import subprocess
import tarfile
from pathlib import Path

import pytest
from kc.errors import KcError
from kc.media import KEPT, Target, archive, sources, version

TARGET = Target("3.11", "x86_64")


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package that needs nothing, with what tools leave beside it."""
    top = tmp_path / "media_server"
    for name in ("__init__.py", "__main__.py", "video/cut.py", "pages/node_modules/x/setup.py", "video/__pycache__/cut.py"):
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text(f"# {name}\n")
    (top / "requirements.txt").write_text("")
    (tmp_path / "constraints.txt").write_text("")
    return top


def made(package: Path, cache: Path, target: Target = TARGET) -> Path:
    return archive(package, package / "requirements.txt", package.parent / "constraints.txt", target, False, cache)


def test_an_archive_holds_the_package_and_is_the_same_whenever_it_is_made(package: Path, tmp_path: Path) -> None:
    first, second = made(package, tmp_path / "first"), made(package, tmp_path / "second")
    assert first.name == second.name
    assert first.read_bytes() == second.read_bytes()
    with tarfile.open(first) as tar:
        found = {member.name: (member.uid, member.gid, member.mtime, member.mode) for member in tar}
    assert found == {f"media_server/{name}": (0, 0, 0, 0o644) for name in ("__init__.py", "__main__.py", "video/cut.py")}


def test_an_archive_is_made_once(package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = made(package, tmp_path / "cache")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("pip was asked again"))
    assert made(package, tmp_path / "cache") == first
    (package / "video" / "cut.py").write_text("# another\n")
    assert made(package, tmp_path / "cache") != first


@pytest.mark.parametrize(
    "what", ["media_server/video/cut.py", "media_server/requirements.txt", "constraints.txt", "python", "machine", "a new file"]
)
def test_another_release_has_another_name(package: Path, what: str) -> None:
    pinned = [package / "requirements.txt", package.parent / "constraints.txt"]
    before, target = version(package, pinned, TARGET, False), TARGET
    if what == "python":
        target = Target("3.12", "x86_64")
    elif what == "machine":
        target = Target("3.11", "aarch64")
    elif what == "a new file":
        (package / "new.py").touch()
    else:
        (package.parent / what).write_text("# another\n")
    assert version(package, pinned, target, False) != before


def test_what_tools_leave_is_no_part_of_a_release(package: Path) -> None:
    before = version(package, [], TARGET, False)
    (package / "pages" / "node_modules" / "y.py").touch()
    (package / "video" / "__pycache__" / "mux.py").touch()
    assert version(package, [], TARGET, False) == before


def test_old_archives_go(package: Path, tmp_path: Path) -> None:
    cache, names = tmp_path / "cache", []
    for number in range(KEPT + 2):
        (package / "video" / "cut.py").write_text(f"# {number}\n")
        names.append(made(package, cache).name)
    assert {path.name for path in cache.glob("release-*")} <= {*names}
    assert len([*cache.glob("release-*")]) == KEPT
    assert (cache / names[-1]).exists()
    assert not [*cache.glob(".new-*")]


def test_what_is_not_there_is_told(package: Path, tmp_path: Path) -> None:
    with pytest.raises(KcError, match="does not hold the media server"):
        sources(tmp_path / "elsewhere")
    (package / "requirements.txt").write_text("./no-such-package-here\n")
    with pytest.raises(KcError, match=r"pip can't lay out what requirements\.txt pins for Python 3\.11 on x86_64: ERROR"):
        made(package, tmp_path / "cache")
    assert not [*(tmp_path / "cache").iterdir()]


def test_wheels_are_the_host_s() -> None:
    told = Target("3.11", "aarch64").pip
    assert "--platform=manylinux_2_28_aarch64" in told
    assert "--only-binary=:all:" in told
    assert not [one for one in told if "x86_64" in one]


NPM = """#!/bin/sh
set -eu
echo "$*" >>"{said}"
[ ! -e "{said}.fails" ] || {{ echo "npm error: no such package" >&2; exit 1; }}
[ "$1" != run ] || {{ mkdir dist; cp src/page dist/index.html; }}
"""


@pytest.fixture
def npm(package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program in the place of npm, and the file that tells what it was asked. What npm really builds is tried in molecule."""
    said, programs = tmp_path / "said", tmp_path / "bin"
    programs.mkdir()
    (programs / "npm").write_text(NPM.format(said=said))
    (programs / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    (package / "pages" / "src").mkdir()
    (package / "pages" / "src" / "page").write_text("one")
    return said


def with_pages(package: Path, cache: Path) -> Path:
    return archive(package, package / "requirements.txt", package.parent / "constraints.txt", TARGET, True, cache)


def test_pages_are_built_once_and_are_in_the_release(package: Path, tmp_path: Path, npm: Path) -> None:
    first = with_pages(package, tmp_path / "cache")
    with tarfile.open(first) as tar:
        assert "pages/index.html" in tar.getnames()
        assert not [name for name in tar.getnames() if "node_modules" in name or name.startswith("media_server/pages")]
    (package / "video" / "cut.py").write_text("# another\n")
    assert with_pages(package, tmp_path / "cache") != first
    assert npm.read_text().splitlines() == ["ci --no-fund --no-audit", "run build"]
    before = version(package, [], TARGET, True)
    (package / "pages" / "node_modules" / "y.js").touch()
    assert version(package, [], TARGET, True) == before != version(package, [], TARGET, False)
    (package / "pages" / "src" / "page").write_text("two")
    assert version(package, [], TARGET, True) != before
    with_pages(package, tmp_path / "cache")
    assert len(npm.read_text().splitlines()) == 4


def test_what_npm_says_is_told_and_nothing_is_left_half_made(package: Path, tmp_path: Path, npm: Path) -> None:
    failing = npm.with_name("said.fails")
    failing.touch()
    with pytest.raises(KcError, match=r"`npm ci --no-fund --no-audit` failed: npm error: no such package\. .*media_server_pages: false"):
        with_pages(package, tmp_path / "cache")
    assert not [*(tmp_path / "cache").glob("pages-*")] and not [*(tmp_path / "cache").glob("release-*")]
    failing.unlink()
    with_pages(package, tmp_path / "cache")


def test_without_npm_it_says_what_to_do(package: Path, tmp_path: Path, npm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(KcError, match=r"npm can't be run: No such file or directory\. Install npm"):
        with_pages(package, tmp_path / "cache")
