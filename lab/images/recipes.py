"""What the images are made of, as data, and what they are known by: a hash of all that goes in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..settings import ROOT
from .sources import moved

WORKLOADS = ROOT / "lab" / "workloads"
CONSTRAINTS = ROOT / "constraints.txt"
USER = 10001
"""Who runs in every image: `user` of the platform's applications (module_utils/kc/applications.py)."""

TMP = "/tmp"  # noqa: S108 - in an image, where nobody else is
LEFT_OUT = {"node_modules", "dist", "__pycache__"}
"""What tools leave in a workload's directory; it is no part of it."""


@dataclass(frozen=True)
class System:
    """A system from Debian packages: below several images, or run as it is.

    Attributes:
        name: Short name.
        packages: Debian's.
        scratch: Paths that belong to the user: images declare them as volumes, and Fargate mounts these as they are here.
            Without any it has no such user.
        finish: A script beside this file, run with the system's directory at the end.
        release: Debian's, where it is not this machine's own.
        instructions: What its image says of itself, as a Containerfile would.
        held: Packages that it has beside it, with all that it lacks for them: a repository on its own disk (node.sh).
        held_release: Theirs, where it is not its own.
    """

    name: str
    packages: tuple[str, ...]
    scratch: tuple[str, ...] = (TMP,)
    finish: str = ""
    release: str = ""
    instructions: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    held_release: str = ""

    @property
    def script(self) -> Path | None:
        """The script's file."""
        return Path(__file__).with_name(self.finish) if self.finish else None

    def sources(self, own: str) -> str:
        """Return where its packages come from, as lines of a sources.list; `own` says it of this machine's (`sources.debian`)."""
        return moved(own, self.release) if self.release else own

    def finishing(self, own: str) -> list[str]:
        """Return what its script is told after its directory: where held packages come from beside its own sources, and their names."""
        return [moved(own, self.held_release) if self.held_release else "", *self.held] if self.held else []

    def key(self, own: str) -> str:
        """Return its hash; `own` is where this machine's packages come from."""
        more = [*([self.script.read_text()] if self.script else []), *self.instructions, *self.finishing(own)]
        return _hash([self.name, sorted(self.packages), self.scratch, USER, self.sources(own), VERSION, *more])


# usr-is-merged and systemd-standalone-tmpfiles are the small ones of what else would bring Perl and systemd along; ECS
# asks a container for its health with wget.
COMMON = ("usr-is-merged", "ca-certificates", "wget")
MACHINE = (
    # what boots, as Debian's AMIs do
    *("systemd", "systemd-sysv", "dbus", "apt", "mount", "kmod", "e2fsprogs", "adduser", "login", "passwd", "netbase", "tzdata"),
    *("openssl", "perl", "procps", "iproute2", "iputils-ping"),
    # what our modules run with, and apt's
    *("python3", "python3-apt", "python3-yaml", "python3-cryptography", "python3-pymysql", "python3-boto3"),
)
SYSTEMS = {
    system.name: system
    for system in (
        System("web", (*COMMON, "nginx")),
        System("php", (*COMMON, "systemd-standalone-tmpfiles", "nginx", "php8.2-fpm", "php8.2-mysql"), (TMP, "/run")),
        System("python", (*COMMON, "python3-starlette", "python3-uvicorn", "python3-clickhouse-driver")),
        # what else it runs with comes from PyPI (`Image.requirements`)
        System("media", (*COMMON, "python3", "libseccomp2", "libstdc++6")),
        System(
            "node",
            (*COMMON, *MACHINE, "python3-clickhouse-driver", "default-jre-headless"),
            scratch=(),
            finish="node.sh",
            held=("clickhouse-server", "clickhouse-client", "zookeeper", "stunnel4", "nftables"),
        ),
        # a node of this machine's release with what MySQL needs of sid: sid's own systemd does not boot where cgroups are of version 1
        System(
            "node-mysql",
            (*COMMON, *MACHINE),
            scratch=(),
            finish="node.sh",
            held=("mysql-server-core", "mysql-client-core"),
            held_release="sid",
        ),
        # no other release has MySQL
        System(
            "mysql",
            ("mysql-server-core", "tzdata"),
            finish="mysql.sh",
            release="sid",
            instructions=(f"USER {USER}:{USER}", 'ENTRYPOINT ["mysqld"]', "EXPOSE 3306"),
        ),
    )
}
VERSION = 1
"""Of the way in which systems are made (build.py): counted up, all are made anew."""


@dataclass(frozen=True)
class Image:
    """An application's image.

    Attributes:
        application: Its name in the inventory.
        base: Name of the system that it stands on.
        directory: Of its Containerfile, in this project.
        built: Whether the front-end of its name is built and goes in as `www`.
        requirements: A file there that names packages of PyPI; they go in as `lib`, with what constraints.txt pins beside them.
        pages: A directory there that npm builds; what it builds goes in as `dist` there.
        toolkit: Whether what playbooks are made of goes in, as `toolkit`.
    """

    application: str
    base: str
    directory: str
    built: bool = False
    requirements: str = ""
    pages: str = ""
    toolkit: bool = False

    @property
    def sources(self) -> Sequence[Path]:
        """The files and directories that it is made from."""
        front_end = [WORKLOADS / part for part in (*FRONT_END, self.application)] if self.built else []
        toolkit = [ROOT / part for part in TOOLKIT] if self.toolkit else []
        return [ROOT / self.directory, *front_end, *toolkit, *([CONSTRAINTS] if self.requirements else [])]

    def key(self, base: str) -> str:
        """Return its hash; `base` is that of its base."""
        return _hash([self.application, base, dict(digests(self.sources))])


TOOLKIT = ("ansible.cfg", "inventories", "library", "module_utils", "playbooks", "plugins")
"""What a runbook is run from."""

FRONT_END = ("package.json", "package-lock.json", ".npmrc", "tsconfig.json", "catalogue")
"""What both front-ends are built with."""

IMAGES = {
    image.application: image
    for image in (
        Image("react-spa", "web", "lab/workloads/spa", built=True),
        Image("svelte-spa", "web", "lab/workloads/spa", built=True),
        Image("php-api", "php", "lab/workloads/php-api"),
        Image("reporting", "python", "lab/workloads/reporting"),
        Image("media-server", "media", "media_server", requirements="requirements.txt", pages="pages"),
        Image("media-worker", "media", "media_server", requirements="requirements.txt"),
        Image("sentinel", "media", "sentinel", requirements="requirements.txt", toolkit=True),
    )
}


ALONE = tuple(name for name in SYSTEMS if name not in {image.base for image in IMAGES.values()})
"""Systems that nothing stands on: run as they are."""

NOT_OF_THE_LAB = ("node-mysql",)
"""Systems that only scenarios of molecule run: made where they are asked for."""


def digests(paths: Iterable[Path]) -> Iterable[tuple[str, str]]:
    """Return each file below the paths, as (path in this project, mode and hash)."""
    for top in paths:
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            if path.is_file() and not LEFT_OUT & {*path.parts}:
                executable = "x" if path.stat().st_mode & 0o100 else "-"
                yield str(path.relative_to(ROOT)), f"{executable}{hashlib.sha256(path.read_bytes()).hexdigest()}"


def _hash(what: object) -> str:
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:12]
