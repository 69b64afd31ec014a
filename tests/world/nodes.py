"""A seat at a host's network: programs of the tests that come from there, with the VPC's resolver."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.settings import ROOT
from lab.world.behaviour import World
from lab.world.net import Host, resolver
from tests.world.conftest import Lab
from tests.world.platform import HOME, named

ZONE = "kc-lab.internal"
VPCS = {"me-west-1": "10.10.0.0/16", "eu-central-1": "10.11.0.0/16"}
ASK = """
import json, os, sys
from kc.clickhouse.connection import Access, Node, Server
from kc.errors import KcError
host, user, ca, statement = sys.argv[1:]
with Server(Node.parse(host), Access(user, os.environ["KC_PASSWORD"], ca, timeout=10)) as server:
    try:
        print(json.dumps({"rows": server.rows(statement)}, default=str))
    except KcError as error:
        print(json.dumps({"error": error.code}))
"""
"""Asks a server one thing; what it says no with is the server's code, or one of ours."""


def secret(lab: Lab | World, name: str) -> dict[str, str]:
    """Return what a secret of the platform holds."""
    found = lab.client("secretsmanager", HOME).get_secret_value(SecretId=f"kc/lab/{name}")["SecretString"]
    return dict(json.loads(found))


@dataclass
class Seat:
    """Programs run here have a node's network, or another host's.

    Attributes:
        node: Its name, `<node>.<region>`.
        ca: File of the platform's authority.
    """

    node: str
    ca: Path

    def run(self, *command: str, password: str = "", timeout: float = 120) -> str:
        """Run a program of the toolkit's Python, and return what it printed."""
        here = self._here(command, password)
        return subprocess.run(**here, capture_output=True, text=True, timeout=timeout, check=True).stdout

    def start(self, *command: str, password: str = "") -> subprocess.Popen[bytes]:
        """Start such a program."""
        return subprocess.Popen(**self._here(command, password))

    def _here(self, command: Sequence[str], password: str) -> dict[str, Any]:
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "module_utils"), "KC_PASSWORD": password}
        return {"args": ["ip", "netns", "exec", f"kc-{self.node}", sys.executable, *command], "cwd": ROOT, "env": environment}

    def ask(self, node: str, account: dict[str, str], statement: str) -> Any:
        """Ask another node: rows, or the code of its no."""
        told = self.run("-c", ASK, f"{node}.{ZONE}:9440", account["username"], str(self.ca), statement, password=account["password"])
        answer = json.loads(told)
        return answer.get("rows", answer.get("error"))

    def reaches(self, node: str, port: int) -> bool:
        """Whether a connection is taken."""
        code = f"import socket; socket.create_connection(({f'{node}.{ZONE}'!r}, {port}), 2)"
        try:
            self.run("-c", code)
        except subprocess.CalledProcessError:
            return False
        return True


@contextmanager
def seat(lab: Lab | World, node: str, directory: Path) -> Iterator[Seat]:
    """Sit down at a node."""
    region = node.rpartition(".")[2]
    ca = directory / "authority.pem"
    ca.write_text(lab.client("ssm", region).get_parameter(Name="/kc/lab/tls/authority")["Parameter"]["Value"])
    resolv = Path("/etc/netns") / f"kc-{node}" / "resolv.conf"
    resolv.parent.mkdir(parents=True, exist_ok=True)
    resolv.write_text(f"nameserver {resolver(VPCS[region])}\n")
    try:
        yield Seat(node, ca)
    finally:
        resolv.unlink()
        resolv.parent.rmdir()


@contextmanager
def application(world: Lab | World, region: str) -> Iterator[Host]:
    """Have a host where a region's applications are, with their security group."""
    ec2 = world.client("ec2", region)
    subnet = named(ec2.describe_subnets()["Subnets"])["kc-lab-private-a"]
    group = named(ec2.describe_security_groups()["SecurityGroups"])["kc-lab-app"]
    address = world.net.free(region, subnet["CidrBlock"])
    host = Host(f"application.{region}", region, address, subnet["SubnetId"], (group["GroupId"],))
    world.net.attach(host)
    try:
        yield host
    finally:
        world.net.detach(host.name)
