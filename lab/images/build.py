"""Makes the images that are missing: systems from Debian packages by mmdebstrap, front-ends by npm, images by podman.

podman's store is the cache: a base system or an image is there under a hash of all that goes in, or it is made. So every lab
on a machine shares them, what was broken off is made again, and what is there costs nothing.
"""

from __future__ import annotations

import fcntl
import functools
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from .. import podman
from ..files import write
from . import sources, store
from .recipes import BASES, FRONT_END, IMAGES, LEFT_OUT, USER, WORKLOADS, Base, Image

LOCK = Path("/run/kc-lab.images.lock")
"""One builds at a time on a machine, the others wait and then find what they need."""

SIDE_BY_SIDE = 2
KEPT = 4
"""Versions of an image that stay: other labs, and the way back, may need them."""

TOOLS = ("podman", "runc", "mmdebstrap", "npm", "setpriv")


class ImageError(Exception):
    """Something that the user can act on."""


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
        self.say = say

    def make(self, applications: Sequence[str]) -> dict[str, store.Stored]:
        """Make what is missing of these applications' images, and write `images.json`. Returns the images.

        Raises:
            ImageError: It can't be done here, or something failed.
        """
        self._check()
        keys = self._keys()
        with self.alone():
            there = store.stored()
            wanted = [IMAGES[name] for name in applications]
            missing = [image for image in wanted if keys.images[image.application] not in there]
            if missing:
                self._clean()
                bases = {image.base: BASES[image.base] for image in missing if keys.bases[image.base] not in there}
                preparing: list[Callable[[], None]] = [
                    functools.partial(self._base, base, keys.bases[base.name]) for base in bases.values()
                ]
                if any(image.built for image in missing):
                    preparing.insert(0, self.packages)
                self._all(preparing)
                self._all(
                    [functools.partial(self._image, image, keys.images[image.application], keys.bases[image.base]) for image in missing]
                )
                there = store.stored()
            made = {image.application: there[keys.images[image.application]] for image in wanted}
            self._write(made)
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

    def _base(self, base: Base, name: str) -> None:
        began = time.monotonic()
        archive = self.home / "tmp" / f"{base.name}.tar"
        listed = archive.with_suffix(".list")
        listed.write_text(self.sources)
        self._run(f"base-{base.name}", [*mmdebstrap(base, sources.settings()), self.release, str(archive), str(listed)])
        podman.podman("import", "--quiet", str(archive), name)
        archive.unlink()
        store.forget_older(name.rpartition(":")[0], 2)
        self.say(f"{base.name} system: {time.monotonic() - began:.0f} s")

    # --- front-ends

    def packages(self) -> None:
        """Lay out the front-ends' sources, with the packages that the lock names."""
        began = time.monotonic()
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
        mark, lock = work / "node_modules" / ".complete", (work / "package-lock.json").read_text()
        if not mark.exists() or mark.read_text() != lock:
            self._run("npm", ["npm", "ci", "--no-progress"], work)  # takes an older node_modules away first
            mark.write_text(lock)
            self.say(f"front-ends' packages: {time.monotonic() - began:.0f} s")

    # --- images

    def _image(self, image: Image, name: str, base: str) -> None:
        began = time.monotonic()
        context = self.home / "tmp" / image.application
        shutil.copytree(WORKLOADS / image.directory, context, ignore=shutil.ignore_patterns(*LEFT_OUT))
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


class Keys:
    """The names that images have in podman's store, by what goes into them now."""

    def __init__(self, sources: str) -> None:
        hashes = {name: base.key(sources) for name, base in BASES.items()}
        self.bases = {name: f"{store.OURS}/base-{name}:{key}" for name, key in hashes.items()}
        self.images = {name: f"{store.OURS}/{name}:{image.key(hashes[image.base])}" for name, image in IMAGES.items()}


def mmdebstrap(base: Base, apt: Sequence[str]) -> list[str]:
    """Return the command that makes a base system, but for its release, target and sources."""
    user = f"{USER}:{USER}"
    hooks = [
        f"echo app:x:{user}::/nonexistent:/usr/sbin/nologin >> $1/etc/passwd",
        f"echo app:x:{USER}: >> $1/etc/group",
        *(f"chown {user} $1{path}" for path in base.scratch),
    ]
    left_out = ("doc", "info", "locale", "man")
    return [
        "mmdebstrap",
        "--variant=essential",
        f"--include={','.join(base.packages)}",
        "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr",
        *(f"--aptopt={line}" for line in (*apt, 'Acquire::Languages "none";')),
        "--dpkgopt=force-unsafe-io",
        *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in left_out),
        *(f"--customize-hook={hook}" for hook in hooks),
    ]


def mounts(directory: Path, mountinfo: str) -> list[str]:
    """Return what is mounted below a directory, the innermost first (proc(5), /proc/[pid]/mountinfo)."""
    points = [line.split()[4].replace(r"\040", " ") for line in mountinfo.splitlines()]
    return [point for point in reversed(points) if point.startswith(f"{directory}/")]
