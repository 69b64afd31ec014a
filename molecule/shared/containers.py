"""The nodes of a molecule scenario: containers of the lab's images of nodes, on a network of their own that leads nowhere.

Each has an address of its own and knows the others' names, as nodes have in a VPC. The network is a bridge in a namespace, so
nothing of it shows on the machine, and scenarios don't meet each other or the lab.

    python containers.py create SCENARIO DIRECTORY HOST=NAME=IMAGE=CAPABILITY,… … | destroy SCENARIO

The directory gets two authorities: the platform's, and a stranger's for what has to be refused.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from lab.podman import podman, remove  # noqa: E402

NETNS = Path("/run/netns")
KC = "/opt/kc"
"""Where a node has the toolkit's Python, for tests."""

SIDE_BY_SIDE = 4


@dataclass(frozen=True)
class Node:
    """A node as its inventory has it.

    Attributes:
        host: Its name there.
        fqdn: Its name in DNS.
        image: Name of its image.
        capabilities: What its root may do beside what a container's may.
    """

    host: str
    fqdn: str
    image: str
    capabilities: tuple[str, ...]


def prefix(scenario: str) -> str:
    """Return what the names of a scenario's containers and namespaces begin with."""
    return f"kcm-{scenario}-"


def create(scenario: str, directory: Path, nodes: Sequence[Node]) -> None:
    """Boot a scenario's nodes; what is there from before goes first."""
    destroy(scenario)
    for name in ("authority", "stranger"):
        authority(directory / "authority", name)
    hub = prefix(scenario) + "hub"
    ip("netns", "add", hub)
    ip("-n", hub, "link", "add", "hub", "type", "bridge")
    ip("-n", hub, "link", "set", "hub", "up")
    addresses = {node.host: f"10.79.0.{number}" for number, node in enumerate(nodes, 1)}
    images = {name: _image(name) for name in sorted({node.image for node in nodes})}
    known = [f"--add-host={name}:{addresses[node.host]}" for node in nodes for name in (node.fqdn, node.host)]
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        for done in [pool.submit(_boot, scenario, node, addresses[node.host], images[node.image], known) for node in nodes]:
            done.result()


def authority(directory: Path, name: str) -> None:
    """Make a certificate authority that ends with the scenario."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp384r1", "-nodes"]
    files = ["-keyout", str(directory / f"{name}.key"), "-out", str(directory / f"{name}.pem")]
    command = ["openssl", "req", "-x509", *curve, *files, "-subj", f"/CN=molecule's {name}", "-days", "400"]
    subprocess.run(command, check=True, capture_output=True)


def _image(name: str) -> str:
    """Return one of the lab's images of a node, built where it is missing."""
    command = [sys.executable, "-m", "lab", "images", "--name", name]
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout.split()[-1]


def _boot(scenario: str, node: Node, address: str, image: str, known: list[str]) -> None:
    name, hub, port = prefix(scenario) + node.host, prefix(scenario) + "hub", "p" + address.rpartition(".")[2]
    ip("netns", "add", name)
    ip("-n", hub, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", name)
    ip("-n", hub, "link", "set", port, "master", "hub", "up")
    ip("-n", name, "address", "add", f"{address}/24", "dev", "eth0")
    ip("-n", name, "link", "set", "eth0", "up")
    ip("-n", name, "link", "set", "lo", "up")
    about = ["--name", name, "--hostname", node.host, "--label", f"kc-molecule={scenario}", "--network", f"ns:{NETNS / name}"]
    podman(
        "run",
        "--detach",
        "--systemd=always",
        *(f"--cap-add={each}" for each in node.capabilities),
        *about,
        *known,
        "--volume",
        "/var/lib/kc",
        "--volume",
        f"{ROOT / 'module_utils'}:{KC}:ro",
        image,
        "/sbin/init",
    )
    booted = "for i in $(seq 100); do systemctl list-units >/dev/null 2>&1 && exec systemctl is-system-running --wait; sleep 0.2; done"
    state = podman("exec", name, "sh", "-c", booted, check=False).strip()
    if state not in ("running", "degraded"):
        raise SystemExit(f"{node.host} did not boot: {state}")


def destroy(scenario: str) -> None:
    """Take a scenario's nodes and network away, however much of it there is."""
    found = podman("ps", "--all", "--filter", f"label=kc-molecule={scenario}", "--format", "json")
    remove(*(each["Id"] for each in json.loads(found or "[]")))
    for namespace in NETNS.glob(f"{prefix(scenario)}*"):
        ip("netns", "del", namespace.name)


def ip(*words: str) -> None:
    """Run `ip`."""
    subprocess.run(["ip", *words], check=True)


if __name__ == "__main__":
    command, scenario, *rest = sys.argv[1:]
    if command == "create":
        told = (each.split("=") for each in rest[1:])
        create(scenario, Path(rest[0]), [Node(host, fqdn, image, tuple(may.split(","))) for host, fqdn, image, may in told])
    else:
        destroy(scenario)
