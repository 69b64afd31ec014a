"""A node's machine: a container with systemd whose root filesystem is the lab's own, and outlives the container.

The root filesystem is an overlay: the system, a copy of the image that all nodes share, below what the node has written. So
`down` leaves no container, and `up` boots what was there before.
"""

from __future__ import annotations

import shutil
import subprocess
import threading
from pathlib import Path

from ...images.build import name_of
from ...images.store import files
from ...podman import PodmanError, inspect, podman, remove
from ...processes import Process
from ...world.ca import CA
from ...world.net import NETNS
from ...world.nginx import lives_in
from .api import Node
from .record import Record, Records

DATA = "/var/lib/kc"
"""Where a node has its data volume."""

MEMORY = 1536
"""MiB that a node may use; what it does not, others may."""

PATIENCE = 10
"""Seconds that a node gets to shut down."""

TRUSTED, BUNDLE = "usr/local/share/ca-certificates/aws.crt", "etc/ssl/certs/ca-certificates.crt"
"""Where a system has whom it trusts: AWS's APIs among them, as any machine does."""

IMAGE = "node"
LOG_SIZE = "10mb"


class Systems:
    """Copies of the node's image, one each version of it: an image that goes from podman's store takes no node along.

    Args:
        directory: Where they are.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._copying = threading.Lock()

    def newest(self) -> Path:
        """Return the system of today's image; it is copied if it is not there.

        Raises:
            PodmanError: The image is not built.
        """
        image = name_of(IMAGE)
        system = self.directory / image.rpartition(":")[2]
        with self._copying:
            if not system.exists():
                self._copy(image, system)
        return system

    def _copy(self, image: str, system: Path) -> None:
        if not podman("images", "--quiet", image).strip():
            raise PodmanError("the image of a node is not built: `python -m lab images node` builds it")
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial = system.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        with files(image) as source:
            subprocess.run(["cp", "--archive", str(source), str(partial)], check=True, capture_output=True)
        partial.rename(system)

    def keep(self, names: set[str]) -> None:
        """Remove the systems that no node lies on."""
        with self._copying:
            for system in self.directory.glob("*"):
                if str(system) not in names:
                    shutil.rmtree(system)


class Machine:
    """The machine of one node.

    Args:
        records: What is known of nodes.
        home: The world's directory: it marks whose container it is.
        name: The node's.
    """

    def __init__(self, records: Records, home: Path, name: str) -> None:
        self.records = records
        self.home = home
        self.name = name
        self.container = f"kc-{name}"
        self.directory = records.directory / name
        self.root = self.directory / "root"

    def serves(self, record: Record | None, node: Node) -> bool:
        """Whether it runs as the API says: on this address, with this volume, in the namespace that has its name now."""
        process = record and record.process
        if not record or not process:
            return False
        same = (record.node.address, record.node.volume) == (node.address, node.volume)
        return same and lives_in(process, node.host.namespace)

    def boot(self, node: Node, system: Path, resolver: str) -> Record:
        """Start it, on the root filesystem that it has, or on a new one.

        Raises:
            PodmanError: It does not start.
        """
        remove(self.container)
        self._mount(node, system)
        volume = self.records.volume(node.volume)
        _directory(volume)
        podman(*arguments(node, self.container, self.home, resolver, self.root, volume, self.records.log(self.name)))
        process = Process.of(int(inspect(self.container).get("Pid", 0)))
        if not process:
            raise PodmanError(f"{self.name} ended at once: look at {self.records.log(self.name)}")
        record = Record(node, str(system), process.pid, process.started)
        self.records.save(record)
        return record

    def off(self) -> None:
        """Shut it down; what it has written stays."""
        podman("stop", "--ignore", "--time", str(PATIENCE), self.container)
        remove(self.container)
        unmount(self.root)

    def destroy(self) -> None:
        """Take it away with all that it has written beside its data volume."""
        remove(self.container)
        unmount(self.root)
        shutil.rmtree(self.directory, ignore_errors=True)
        self.records.drop(self.name)

    def _mount(self, node: Node, system: Path) -> None:
        if self.root.is_mount():
            return
        for part in ("upper", "work", "root"):
            _directory(self.directory / part)
        options = f"lowerdir={system},upperdir={self.directory / 'upper'},workdir={self.directory / 'work'}"
        done = subprocess.run(["mount", "-t", "overlay", self.container, "-o", options, str(self.root)], capture_output=True, text=True)
        if done.returncode:
            raise PodmanError(f"{self.name} has no root filesystem: {done.stderr.strip()}")
        _directory(self.root / DATA.lstrip("/"))
        if not (self.directory / "upper" / "etc" / "hosts").exists():
            hosts, trusted = self.root / "etc" / "hosts", self.root / TRUSTED
            hosts.write_text(hosts_file(node))
            shutil.copyfile(CA(self.home).pem, trusted)
            for file in (hosts, trusted):
                file.chmod(0o644)
            with (self.root / BUNDLE).open("a") as bundle:  # as update-ca-certificates would, a second later
                bundle.write(trusted.read_text())


def arguments(node: Node, container: str, home: Path, resolver: str, root: Path, volume: Path, log: Path) -> list[str]:
    """Return the arguments of `podman run` for a node's container."""
    return [
        *("run", "--detach", "--name", container, "--hostname", node.host_name),
        *("--label", f"kc.lab={home}", "--label", f"kc.node={node.name}"),
        *("--network", f"ns:{NETNS / node.host.namespace}", "--dns", resolver, "--no-hosts", "--http-proxy=false"),
        *("--systemd", "always", "--tty", "--ulimit", "host", "--memory", f"{MEMORY}m"),
        "--cap-add=NET_ADMIN",  # a node's own nftables, beside those that the VPC gives its host
        *("--log-driver", "k8s-file", "--log-opt", f"path={log}", "--log-opt", f"max-size={LOG_SIZE}"),
        *("--volume", f"{volume}:{DATA}", "--rootfs", str(root), "/sbin/init"),
    ]


def hosts_file(node: Node) -> str:
    """Return a node's /etc/hosts: itself, whatever becomes of DNS."""
    names = dict.fromkeys((f"{node.name}.{node.zone}", node.name, node.host_name))
    return f"127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n{node.address} {' '.join(names)}\n"


def unmount(root: Path) -> None:
    """Take a root filesystem away; what is on it stays."""
    if root.is_mount():
        subprocess.run(["umount", str(root)], check=True, capture_output=True)


def _directory(path: Path) -> None:
    """Make a directory that all may look into, as a filesystem's root is; one that is there stays as it is."""
    if not path.exists():
        path.mkdir(parents=True)
        path.chmod(0o755)
