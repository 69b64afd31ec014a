"""A release of the media server as one archive: the package, what it needs of PyPI, and its pages, as a host without a network takes it.

An archive is known by a hash of all that goes in, so that it is made once, copied once, and told from another by its name.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .errors import KcError

PACKAGE = "media_server"
LIBRARIES = "lib"
PAGES = "pages"
"""Where npm builds pages from, below the package's directory; and in a release, what it built."""

LEFT_OUT = {"__pycache__", "node_modules", PAGES}
"""Of the package's directory: what tools leave there, and what npm builds pages from."""

UNTOLD = {"node_modules", "dist"}
"""What npm leaves where it builds pages."""

GLIBC = range(36, 16, -1)
"""Minor versions of glibc 2 whose wheels a host runs: up to Debian 12's (PEP 600)."""

KEPT = 3
"""Archives, and directories of libraries and of pages, that stay in the cache."""


@dataclass(frozen=True)
class Target:
    """What a release is made for.

    Attributes:
        python: Version of the host's Python, as `3.11`.
        machine: Its processor, as `uname -m` tells it.
    """

    python: str
    machine: str

    @property
    def pip(self) -> list[str]:
        """Options of pip: wheels for the host, whatever runs here; nothing of what is installed is built or run."""
        platforms = [f"manylinux_2_{minor}_{self.machine}" for minor in GLIBC] + [f"manylinux2014_{self.machine}"]
        only = ["--only-binary=:all:", "--implementation=cp", f"--python-version={self.python}", "--no-compile"]
        return [*only, *(f"--platform={platform}" for platform in platforms)]


def sources(directory: Path) -> list[Path]:
    """Return the package's files.

    Raises:
        KcError: It is not there.
    """
    found = [path for path in sorted(directory.rglob("*.py")) if not LEFT_OUT & {*path.relative_to(directory).parts}]
    if directory / "__main__.py" not in found:
        raise KcError(f"{directory} does not hold the media server", hint="media_server_source is the directory of its package")
    return found


def version(directory: Path, pinned: list[Path], target: Target, pages: bool) -> str:
    """Return what a release is known by."""
    files = {path.relative_to(directory).as_posix(): _digest(path) for path in sources(directory)}
    return _hash([files, _libraries_key(pinned, target), _pages_key(directory / PAGES) if pages else ""])


def archive(directory: Path, requirements: Path, constraints: Path, target: Target, pages: bool, cache: Path) -> Path:
    """Return a release's archive; made where the cache has none.

    Raises:
        KcError: pip does not find what is pinned, npm does not build the pages, or a file can't be read or written.
    """
    name = version(directory, [requirements, constraints], target, pages)
    made = cache / f"release-{name}.tar.gz"
    if not made.exists():
        found = {LIBRARIES: libraries(requirements, constraints, target, cache)}
        if pages:
            found[PAGES] = built(directory / PAGES, cache)
        with _beside(made) as beside:
            _pack(beside, directory, found)
        _forget(cache, "release-*.tar.gz")
    return made


def libraries(requirements: Path, constraints: Path, target: Target, cache: Path) -> Path:
    """Return a directory with the packages that are pinned; made where the cache has none.

    Raises:
        KcError: pip does not find what is pinned.
    """
    made = cache / f"lib-{_libraries_key([requirements, constraints], target)}"
    if not made.exists():
        cache.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _beside(made) as beside:
            named = ["--target", str(beside), "--requirement", str(requirements), "--constraint", str(constraints)]
            words = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--quiet", *target.pip, *named]
            done = subprocess.run(words, capture_output=True, text=True)
            if done.returncode:
                said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or done.stderr.splitlines()
                for_what = f"for Python {target.python} on {target.machine}"
                raise KcError(f"pip can't lay out what {requirements.name} pins {for_what}: {''.join(said[-1:])}")
        _forget(cache, "lib-*")
    return made


def built(source: Path, cache: Path) -> Path:
    """Return a directory with the pages that npm builds; made where the cache has none.

    Raises:
        KcError: There is no npm here, or it fails.
    """
    made = cache / f"pages-{_pages_key(source)}"
    if not made.exists():
        with _beside(made) as beside, tempfile.TemporaryDirectory(prefix=".npm-", dir=cache) as scratch:
            work = Path(shutil.copytree(source, Path(scratch) / PAGES, ignore=shutil.ignore_patterns(*UNTOLD)))
            for words in (["npm", "ci", "--no-fund", "--no-audit"], ["npm", "run", "build"]):
                _npm(words, work)
            shutil.copytree(work / "dist", beside)
        _forget(cache, "pages-*")
    return made


def _npm(words: list[str], work: Path) -> None:
    hint = "install npm where playbooks run, or leave the pages out: `media_server_pages: false`"
    try:
        done = subprocess.run(words, cwd=work, capture_output=True, text=True)
    except OSError as error:
        raise KcError(f"npm can't be run: {error.strerror}", hint=hint) from None
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise KcError(f"`{' '.join(words)}` failed: {''.join(said[-1:])}", hint=hint)


def _pack(file: Path, directory: Path, found: dict[str, Path]) -> None:
    """Write an archive whose bytes are the same whenever it is made: root's files, without times."""
    members = [(f"{PACKAGE}/{path.relative_to(directory).as_posix()}", path) for path in sources(directory)]
    for place, top in found.items():
        members += [(f"{place}/{path.relative_to(top).as_posix()}", path) for path in sorted(top.rglob("*")) if path.is_file()]
    with file.open("wb") as raw, gzip.GzipFile("", "wb", 1, raw, 0) as packed, tarfile.open(fileobj=packed, mode="w") as tar:
        for name, path in members:
            about = tarfile.TarInfo(name)
            about.size, about.mode = path.stat().st_size, 0o755 if path.stat().st_mode & 0o100 else 0o644
            with path.open("rb") as content:
                tar.addfile(about, content)


@contextmanager
def _beside(made: Path) -> Iterator[Path]:
    """Give a path in a directory beside, and name what is made there once it is whole: two may make the same."""
    made.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".new-", dir=made.parent) as scratch:
        beside = Path(scratch) / made.name
        yield beside
        if not made.exists():
            beside.replace(made)


def _forget(cache: Path, pattern: str) -> None:
    """Take away the oldest of a kind."""
    for path in sorted(cache.glob(pattern), key=lambda path: path.stat().st_mtime)[:-KEPT]:
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def _libraries_key(pinned: list[Path], target: Target) -> str:
    return _hash([target.python, target.machine, *map(_digest, pinned)])


def _pages_key(source: Path) -> str:
    files = [
        path for path in sorted(source.rglob("*")) if path.is_file() and not {"node_modules", "dist"} & {*path.relative_to(source).parts}
    ]
    return _hash({path.relative_to(source).as_posix(): _digest(path) for path in files})


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise KcError(f"{path}: {error.strerror}") from error


def _hash(what: object) -> str:
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:12]
