"""What the images are made of, as data, and what they are known by: a hash of all that goes in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..settings import ROOT

WORKLOADS = ROOT / "lab" / "workloads"
USER = 10001
"""Who runs in every image: `user` of the platform's applications (module_utils/kc/applications.py)."""

TMP = "/tmp"  # noqa: S108 - in an image, where nobody else is
LEFT_OUT = {"node_modules", "dist", "__pycache__"}
"""What tools leave in a workload's directory; it is no part of it."""


@dataclass(frozen=True)
class Base:
    """A system from Debian packages, below several images.

    Attributes:
        name: Short name.
        packages: Of this machine's own Debian release.
        scratch: Paths that belong to the user: images declare them as volumes, and Fargate mounts these as they are here.
    """

    name: str
    packages: tuple[str, ...]
    scratch: tuple[str, ...] = (TMP,)

    def key(self, sources: str) -> str:
        """Return its hash; `sources` is where packages come from (`sources.debian`)."""
        return _hash([self.name, sorted(self.packages), self.scratch, USER, sources, VERSION])


# usr-is-merged and systemd-standalone-tmpfiles are the small ones of what else would bring Perl and systemd along; ECS
# asks a container for its health with wget.
COMMON = ("usr-is-merged", "ca-certificates", "wget")
BASES = {
    base.name: base
    for base in (
        Base("web", (*COMMON, "nginx")),
        Base("php", (*COMMON, "systemd-standalone-tmpfiles", "nginx", "php8.2-fpm", "php8.2-mysql"), (TMP, "/run")),
        Base("python", (*COMMON, "python3-starlette", "python3-uvicorn", "python3-clickhouse-driver")),
    )
}
VERSION = 1
"""Of the way in which systems are made (build.py): counted up, all are made anew."""


@dataclass(frozen=True)
class Image:
    """An application's image.

    Attributes:
        application: Its name in the inventory.
        base: Name of its base.
        directory: Of its Containerfile, below `lab/workloads/`.
        built: Whether the front-end of its name is built and goes in as `www`.
    """

    application: str
    base: str
    directory: str
    built: bool = False

    @property
    def sources(self) -> Sequence[Path]:
        """The files and directories that it is made from."""
        parts = [self.directory, *((*FRONT_END, self.application) if self.built else ())]
        return [WORKLOADS / part for part in parts]

    def key(self, base: str) -> str:
        """Return its hash; `base` is that of its base."""
        return _hash([self.application, base, dict(digests(self.sources))])


FRONT_END = ("package.json", "package-lock.json", ".npmrc", "tsconfig.json", "catalogue")
"""What both front-ends are built with."""

IMAGES = {
    image.application: image
    for image in (
        Image("react-spa", "web", "spa", built=True),
        Image("svelte-spa", "web", "spa", built=True),
        Image("php-api", "php", "php-api"),
        Image("reporting", "python", "reporting"),
        Image("media-server", "python", "media"),
        Image("media-worker", "python", "media"),
    )
}


def digests(paths: Iterable[Path]) -> Iterable[tuple[str, str]]:
    """Return each file below the paths, as (path below `lab/workloads/`, mode and hash)."""
    for top in paths:
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            if path.is_file() and not LEFT_OUT & {*path.parts}:
                executable = "x" if path.stat().st_mode & 0o100 else "-"
                yield str(path.relative_to(WORKLOADS)), f"{executable}{hashlib.sha256(path.read_bytes()).hexdigest()}"


def _hash(what: object) -> str:
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:12]
