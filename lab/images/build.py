"""Makes the images that are missing: systems from Debian packages by mmdebstrap, front-ends by npm, images by podman.

podman's store is the cache: a base system or an image is there under a hash of all that goes in, or it is made. So every lab
on a machine shares them, what was broken off is made again, and what is there costs nothing.
"""

from __future__ import annotations

import fcntl
import functools
import json
import os
import shlex
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from .. import podman
from ..files import write
from ..settings import ROOT
from . import sources, store
from .recipes import CONSTRAINTS, FRONT_END, IMAGES, LEFT_OUT, SYSTEMS, TOOLKIT, USER, WORKLOADS, Image, System

sys.path.insert(0, str(ROOT / "module_utils"))

from kc.errors import KcError
from kc.media import Target, libraries

LOCK = Path("/run/kc-lab.images.lock")
"""One builds at a time on a machine, the others wait and then find what they need."""

SIDE_BY_SIDE = 2
KEPT = 4
"""Versions of an image that stay: other labs, and the way back, may need them."""

VERSION = "import platform, sys; print('%d.%d' % sys.version_info[:2], platform.machine())"
"""A program that tells the version of its Python, and its processor."""

TOOLS = ("podman", "runc", "mmdebstrap", "npm", "setpriv")


class ImageError(Exception):
    """Something that the user can act on."""


def lay_out(parts: Sequence[str], there: Path) -> None:
    """Copy files and directories of this project; what links lead to is copied."""
    there.mkdir()
    for part in parts:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, there / part, ignore=shutil.ignore_patterns(*LEFT_OUT))
        else:
            shutil.copy(ROOT / part, there / part)


class Builder:
    """Makes images for the lab in one directory.

    Args:
        home: The lab's directory; logs, the front-ends' packages and what is being made are in `images/` there.
        say: Is told what was made.
    """

    def __init__(self, home: Path, say: Callable[[str], None]) -> None:
        self.home = home / "images"
        self.list = home / "images.json"
        self._lock = -1
        self._laying_out = threading.Lock()
        self.say = say

    def make(self, names: Sequence[str]) -> dict[str, store.Stored]:
        """Make what is missing of these, applications' images and systems, and write `images.json`. Returns them.

        Raises:
            ImageError: It can't be done here, or something failed.
        """
        self._check()
        keys = self._keys()
        with self.alone():
            there = store.stored()
            images = [IMAGES[name] for name in names if name in IMAGES and keys.images[name] not in there]
            below = dict.fromkeys((*(name for name in names if name in SYSTEMS), *(image.base for image in images)))
            systems = [SYSTEMS[name] for name in below if keys.systems[name] not in there]
            if images or systems:
                self._clean()
                preparing: list[Callable[[], None]] = [functools.partial(self._system, one, keys.systems[one.name]) for one in systems]
                if any(image.built for image in images):
                    preparing.insert(0, self.packages)
                self._all(preparing)
                self._all(
                    [functools.partial(self._image, image, keys.images[image.application], keys.systems[image.base]) for image in images]
                )
                there = store.stored()
            made = {name: there[keys.of(name)] for name in names}
            self._write({name: image for name, image in made.items() if name in IMAGES})
        return made

    def _check(self) -> None:
        if os.geteuid():
            raise ImageError("images are made by mmdebstrap and podman as root: run it as root, or with sudo")
        lacking = [tool for tool in TOOLS if not shutil.which(tool)]
        if lacking:
            raise ImageError(f"this machine has no {', '.join(lacking)}: `make packages` installs what the lab needs")

    def _keys(self) -> Keys:
        try:
            self.release = sources.codename()
            self.sources = sources.debian(self.release)
        except LookupError as error:
            raise ImageError(str(error)) from error
        return Keys(self.sources)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the machine's lock. Programs that are run have it too: one that outlives us keeps others waiting until it ends."""
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        with LOCK.open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self.say("another run builds images on this machine: waiting for its end")
                fcntl.flock(lock, fcntl.LOCK_EX)
            self._lock = lock.fileno()
            yield

    def _all(self, jobs: Sequence[Callable[[], None]]) -> None:
        """Do all jobs, some side by side.

        Raises:
            ImageError: The first one that failed.
        """
        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            for done in [pool.submit(job) for job in jobs]:
                done.result()

    def _clean(self) -> None:
        """Take away what was left by a build that was ended."""
        for container in json.loads(podman.podman("ps", "-a", "--external", "--format", "json") or "[]"):
            # only builds have containers that podman itself did not make; nobody else builds now
            if container["Status"] == "storage" and container["Image"].startswith(f"{store.OURS}/"):
                podman.podman("rm", "--force", container["Id"])
        for mount in mounts(self.home / "tmp", Path("/proc/self/mountinfo").read_text()):  # never removed through: /dev may be below
            subprocess.run(["umount", "--lazy", mount], check=True, capture_output=True)
        if (self.home / "tmp").exists():
            shutil.rmtree(self.home / "tmp")
        (self.home / "tmp").mkdir()

    # --- systems

    def _system(self, system: System, name: str) -> None:
        began = time.monotonic()
        archive = self.home / "tmp" / f"{system.name}.tar"
        listed = archive.with_suffix(".list")
        listed.write_text(system.sources(self.sources))
        command = [*mmdebstrap(system, sources.settings(), self.sources), system.release or self.release, str(archive), str(listed)]
        self._run(f"base-{system.name}", command)
        podman.podman("import", "--quiet", *(f"--change={each}" for each in system.instructions), str(archive), name)
        archive.unlink()
        store.forget_older(name.rpartition(":")[0], 2)
        self.say(f"{system.name} system: {time.monotonic() - began:.0f} s")

    # --- front-ends

    def packages(self) -> None:
        """Lay out the front-ends' sources, with the packages that the lock names."""
        (self.home / "tmp").mkdir(mode=0o700, parents=True, exist_ok=True)
        work = self.home / "npm"
        for part in (*FRONT_END, *(image.application for image in IMAGES.values() if image.built)):
            source, target = WORKLOADS / part, work / part
            if source.is_dir():
                shutil.rmtree(target / "src", ignore_errors=True)
                shutil.copytree(source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*LEFT_OUT))
            else:
                work.mkdir(exist_ok=True)
                shutil.copy2(source, target)
        self._install(work, "front-ends")

    def _install(self, work: Path, whose: str) -> None:
        """Have the packages that a directory's lock names in it."""
        began = time.monotonic()
        mark, lock = work / "node_modules" / ".complete", (work / "package-lock.json").read_text()
        if not mark.exists() or mark.read_text() != lock:
            self._run(f"npm-{whose}", ["npm", "ci", "--no-progress"], work)  # takes an older node_modules away first
            mark.write_text(lock)
            self.say(f"packages of {whose}: {time.monotonic() - began:.0f} s")

    def _pages(self, pages: Path) -> None:
        """Build pages where they lie, with the packages of the last time if their lock is the same."""
        work = self.home / "npm-pages"
        shutil.rmtree(work / "src", ignore_errors=True)
        shutil.copytree(pages, work, dirs_exist_ok=True)
        self._install(work, "pages")
        self._run("pages", ["npm", "run", "build"], work)
        shutil.copytree(work / "dist", pages / "dist")

    # --- images

    def _image(self, image: Image, name: str, base: str) -> None:
        began = time.monotonic()
        context = self.home / "tmp" / image.application
        shutil.copytree(ROOT / image.directory, context, ignore=shutil.ignore_patterns(*LEFT_OUT))
        if image.requirements:
            self._compile(context, base)
            shutil.copytree(self._libraries(context / image.requirements, base), context / "lib")
        if image.toolkit:
            lay_out(TOOLKIT, context / "toolkit")
        if image.pages:
            self._pages(context / image.pages)
        if image.built:
            work = self.home / "npm"
            self._run(image.application, ["npm", "run", "build", "--workspace", image.application], work)
            shutil.copytree(work / image.application / "dist", context / "www")
        recipe = (context / "Containerfile").read_text()
        target = ["--target", image.application] if f"AS {image.application}\n" in recipe else []
        build = ["podman", "build", "--pull=never", "--layers=false", "--network=none", "--build-arg", f"BASE={base}", *target]
        self._run(image.application, [*build, "--tag", name, str(context)])
        shutil.rmtree(context)
        store.forget_older(name.rpartition(":")[0], KEPT)
        self.say(f"{image.application}: {time.monotonic() - began:.0f} s")

    def _libraries(self, requirements: Path, base: str) -> Path:
        """Return a directory with the packages of PyPI that a file names, for a base's Python, compiled; made where it is not there."""
        about = podman.podman("run", "--rm", "--network=none", base, "python3", "-c", VERSION).split()
        with self._laying_out:  # once, where several images ask for it
            began = time.monotonic()
            try:
                found = libraries(requirements, CONSTRAINTS, Target(*about), self.home)
            except KcError as error:
                raise ImageError(str(error)) from error
            whole = found / ".compiled"
            if not whole.exists():
                self._compile(found, base)
                whole.touch()
                self.say(f"packages of {requirements.parent.name}: {time.monotonic() - began:.0f} s")
        return found

    def _compile(self, directory: Path, base: str) -> None:
        """Compile the Python below a directory as a base's Python does: an image's root is only read, and its programs start often."""
        compiling = ["python3", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", "/work"]
        self._run(
            f"compile-{directory.name}", ["podman", "run", "--rm", "--network=none", "--volume", f"{directory}:/work", base, *compiling]
        )

    def _run(self, name: str, command: Sequence[str], where: Path | None = None) -> None:
        """Run a program that ends when we do, with a log of its own.

        Raises:
            ImageError: It failed.
        """
        log = self.home / f"{name}.log"
        environment = {**os.environ, "CONTAINERS_CONF": str(podman.CONF), "TMPDIR": str(self.home / "tmp")}
        with log.open("w") as output:
            done = subprocess.run(
                ["setpriv", "--pdeathsig", "TERM", *command],
                pass_fds=(self._lock,),
                cwd=where,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        if done.returncode:
            last = [line for line in log.read_text(errors="replace").splitlines() if line.strip()][-1:]
            raise ImageError(f"{name} could not be made: {''.join(last)} (all of it: {log})")

    def _write(self, made: Mapping[str, store.Stored]) -> None:
        """Write what the inventory, ecs and a release read; applications that were not asked for keep what they had."""
        known = json.loads(self.list.read_text()) if self.list.exists() else {}
        for application, image in made.items():
            file = self.home / f"{application}.manifest.json"
            if known.get(application, {}).get("digest") != image.digest or not file.exists():
                write(file, store.manifest(image))
        images = {**known, **{name: {"digest": image.digest, "image": image.name} for name, image in made.items()}}
        if images != known:
            write(self.list, json.dumps(images, indent=2, sort_keys=True) + "\n")


def name_of(name: str) -> str:
    """Return what an application's image, or a system, of now is called in podman's store, whether it is there or not.

    Raises:
        LookupError: This machine has no Debian packages to make it of.
    """
    return Keys(sources.debian(sources.codename())).of(name)


class Keys:
    """The names that images have in podman's store, by what goes into them now."""

    def __init__(self, sources: str) -> None:
        hashes = {name: system.key(sources) for name, system in SYSTEMS.items()}
        self.systems = {name: f"{store.OURS}/base-{name}:{key}" for name, key in hashes.items()}
        self.images = {name: f"{store.OURS}/{name}:{image.key(hashes[image.base])}" for name, image in IMAGES.items()}

    def of(self, name: str) -> str:
        """Return that of an application's image, or of a system."""
        return self.images.get(name) or self.systems[name]


def mmdebstrap(system: System, apt: Sequence[str], own: str) -> list[str]:
    """Return the command that makes a system, but for its release, target and sources.

    Args:
        system: The system.
        apt: Settings of apt.
        own: Where this machine's packages come from (`sources.debian`).
    """
    user = f"{USER}:{USER}"
    accounts = (f"echo app:x:{user}::/nonexistent:/usr/sbin/nologin >> $1/etc/passwd", f"echo app:x:{USER}: >> $1/etc/group")
    told = map(shlex.quote, system.finishing(own))
    hooks = [
        *(accounts if system.scratch else ()),
        *(f"chown {user} $1{path}" for path in system.scratch),
        *([" ".join(["sh", shlex.quote(str(system.script)), '"$1"', *told])] if system.script else []),
    ]
    left_out = ("doc", "info", "locale", "man")
    return [
        "mmdebstrap",
        "--variant=essential",
        f"--include={','.join(system.packages)}",
        "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr",
        *(f"--aptopt={line}" for line in (*apt, 'Acquire::Languages "none";')),
        "--dpkgopt=force-unsafe-io",
        *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in left_out),
        "--essential-hook=mkdir -p $1/usr/share/man/man1",  # Java wants to link its manual there
        *(f"--customize-hook={hook}" for hook in hooks),
    ]


def mounts(directory: Path, mountinfo: str) -> list[str]:
    """Return what is mounted below a directory, the innermost first (proc(5), /proc/[pid]/mountinfo)."""
    points = [line.split()[4].replace(r"\040", " ") for line in mountinfo.splitlines()]
    return [point for point in reversed(points) if point.startswith(f"{directory}/")]
