"""The lab's networks: namespaces of this machine, made with `ip`; see docs/lab.md for what is where.

Everything here can be done twice, and goes on from wherever it was broken off: a host is there once its file is.
"""

from __future__ import annotations

import ctypes
import fcntl
import hashlib
import ipaddress
import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from ..files import write

PREFIX = "kc-"
ROUTER, EDGE, USER = "kc-router", "kc-edge", "kc-user"
INTERNET = ipaddress.ip_network("198.18.0.0/15")
"""Addresses that stand for the Internet (RFC 2544: for tests of networks, routed nowhere)."""

MACHINE = "198.18.0.1"
"""The machine itself, seen from the lab: users, checkers, the DNS server."""

OUTSIDE = {EDGE: (1, "198.18.1.2"), USER: (2, "198.18.2.2")}
"""Namespaces on the Internet: the number of their link, and their address."""

OUTER = ("inet", *(name.removeprefix(PREFIX) for name in OUTSIDE))
"""The router's links to the Internet."""

TABLE = "vpc"
"""The nftables table of a host and of the router that the behaviour `vpc` fills; until it has, nothing passes."""

CLOSED_HOST = f"""
table inet {TABLE} {{
  chain group_in {{ type filter hook input priority filter; policy drop; iifname "lo" accept; }}
  chain group_out {{ type filter hook output priority filter; policy drop; oifname "lo" accept; }}
}}
"""
CLOSED_ROUTER = f"table inet {TABLE} {{ chain forward {{ type filter hook forward priority filter; policy drop; }}; }}\n"
"""Adds nothing to a router whose table is filled."""

NETNS = Path("/run/netns")
RESOLV = Path("/etc/netns") / USER / "resolv.conf"
"""What `ip netns exec` puts in the place of /etc/resolv.conf for a user: the lab's DNS server."""

OWNER = Path("/run/kc-lab")
"""Says whose networks are on this machine."""
CLONE_NEWNET = 0x40000000


class NetError(Exception):
    """Something that the user can act on, or that is not there yet."""


@dataclass(frozen=True)
class Host:
    """A machine of a region: a namespace with one address.

    Attributes:
        name: Unique in the lab, such as `task-0f3c…`.
        region: Region code.
        address: Its address in the VPC.
        subnet: Id of its subnet in the API.
        groups: Ids of its security groups in the API.
    """

    name: str
    region: str
    address: str
    subnet: str
    groups: tuple[str, ...] = ()

    @property
    def namespace(self) -> str:
        return PREFIX + self.name

    @property
    def mac(self) -> str:
        """Its link's address, the same whenever the host's address is: what its neighbours remember stays true."""
        return "02:00:" + ":".join(f"{byte:02x}" for byte in ipaddress.ip_address(self.address).packed)

    @property
    def port(self) -> str:
        """The name of its end on the region's bridge; 15 characters are the most."""
        return "h" + hashlib.sha256(self.name.encode()).hexdigest()[:12]


def resolver(cidr: str) -> str:
    """Return the address at which a VPC's hosts ask for names: the third one, as on AWS."""
    return str(ipaddress.ip_network(cidr)[2])


def endpoint(cidr: str) -> str:
    """Return the address at which a VPC's hosts reach AWS's APIs: the fourth one, which AWS keeps for itself."""
    return str(ipaddress.ip_network(cidr)[3])


APIS = 443
"""Where AWS's APIs listen."""

TASKS = "169.254.170.2"
"""Where tasks find their role's credentials, over plain HTTP (ECS developer guide, "Task IAM role")."""


def region_namespace(region: str) -> str:
    """Return what a region's namespace is called."""
    return PREFIX + region


def ip(*words: str, namespace: str = "", check: bool = True) -> str:
    """Run `ip` in a namespace, or on the machine.

    Raises:
        NetError: It failed.
    """
    command = ["ip", *(["-n", namespace] if namespace else []), *words]
    return run(command, check=check)


def nft(rules: str, namespace: str) -> None:
    """Give nftables in a namespace a whole script; it is taken as one.

    Raises:
        NetError: It was refused.
    """
    run(["ip", "netns", "exec", namespace, "nft", "-f", "-"], rules)


def run(command: list[str], told: str = "", check: bool = True) -> str:
    """Run a program and return what it prints.

    Raises:
        NetError: It failed (`check`), or is not installed.
    """
    try:
        done = subprocess.run(command, input=told, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise NetError(f"`{command[0]}` is not installed: `python -m lab doctor` says what is missing") from error
    if check and done.returncode:
        raise NetError(f"`{' '.join(command)}` failed: {done.stderr.strip()}")
    return done.stdout


def inside(namespace: str, count: int = 4) -> ThreadPoolExecutor:
    """Return threads that live in a namespace: a socket made by one of them belongs there."""
    return ThreadPoolExecutor(count, thread_name_prefix=namespace, initializer=enter, initargs=(namespace,))


def enter(namespace: str) -> None:
    """Have this thread live in a namespace from now on."""
    with (NETNS / namespace).open() as file:
        if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"can't enter {namespace}")


class Net:
    """The networks of the lab in one directory.

    Args:
        home: The world's directory.
        regions: Codes of the regions, in an order that stays: it gives their links' numbers.
    """

    def __init__(self, home: Path, regions: Sequence[str]) -> None:
        self.home = home
        self.regions = list(regions)
        self.files = home / "hosts"
        self.after: list[Callable[[], None]] = []
        """Called after a host has come or gone, by whoever has attached or detached it."""

    # --- the whole

    def up(self) -> None:
        """Make router, regions (without a VPC yet), edge and user.

        Raises:
            NetError: Another lab's networks are there, or this is not root.
        """
        if os.geteuid():
            raise NetError("the lab's networks are namespaces of this machine, and only root may make them: run it as root, or with sudo")
        self.files.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.other:
            raise NetError(f"the lab in {self.other} has its networks on this machine: `lab down` there first")
        if self.owner and not self.owned:
            self._clear()
        with self._alone():
            OWNER.write_text(str(self.home))
            self._namespace(ROUTER, forwards=True)
            nft(CLOSED_ROUTER, ROUTER)
            self._link("", "kc-inet", MACHINE, ROUTER, "inet", "198.18.0.2", 24)
            ip("route", "replace", str(INTERNET), "via", "198.18.0.2")
            RESOLV.parent.mkdir(parents=True, exist_ok=True)
            RESOLV.write_text(f"nameserver {MACHINE}\n")
            for name, (number, address) in OUTSIDE.items():
                self._namespace(name)
                self._link(name, "eth0", address, ROUTER, name.removeprefix(PREFIX), f"198.18.{number}.1", 24)
                ip("route", "replace", "default", "via", f"198.18.{number}.1", namespace=name)
            for index, region in enumerate(self.regions):
                name = region_namespace(region)
                self._namespace(name, forwards=True)
                self._link(name, "uplink", self.uplink(region), ROUTER, f"r{index}", f"198.18.{10 + index}.1", 30)
                ip("route", "replace", "default", "via", f"198.18.{10 + index}.1", "metric", "100", namespace=name)
                if not self._has(name, "vpc"):
                    ip("link", "add", "vpc", "type", "bridge", namespace=name)
                ip("link", "set", "vpc", "up", namespace=name)

    def down(self) -> None:
        """Take all of it away; what runs in a namespace ends up without a network."""
        if self.owner and not self.owned:
            return
        with self._alone():
            for host in self.hosts():
                self._remove(host)
            for name in (*map(region_namespace, self.regions), EDGE, USER, ROUTER):
                if (NETNS / name).exists():
                    ip("netns", "del", name)
            ip("link", "del", "kc-inet", check=False)  # its other end's namespace goes a moment after its name
            RESOLV.unlink(missing_ok=True)
            OWNER.unlink(missing_ok=True)

    def _clear(self) -> None:
        """End what is left of a lab whose directory is gone, so that nobody can take it down: its namespaces, and what lives there."""
        for pid in self.inhabitants():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for name in self.standing():
            ip("netns", "del", name)
        ip("link", "del", "kc-inet", check=False)

    @property
    def owner(self) -> str:
        """The directory of the world whose networks are on this machine, "" where there are none."""
        try:
            return OWNER.read_text()
        except FileNotFoundError:
            return ""

    @property
    def owned(self) -> bool:
        """Whether the networks that are on this machine are this lab's."""
        return self.owner == str(self.home)

    @property
    def other(self) -> Path | None:
        """The directory of another lab whose networks are on this machine, None where nobody could take them down there."""
        home = Path(self.owner)
        return home.parent if self.owner and not self.owned and home.exists() else None

    def inhabitants(self) -> list[int]:
        """Return the processes that live in the lab's namespaces."""
        return [int(pid) for name in self.standing() for pid in ip("netns", "pids", name).split()]

    def standing(self) -> list[str]:
        """Return which of the lab's namespaces are there."""
        return sorted(path.name for path in NETNS.glob(f"{PREFIX}*")) if NETNS.exists() else []

    def uplink(self, region: str) -> str:
        """Return a region's address on its link to the router; its DNS server and AWS's APIs answer there."""
        return f"198.18.{10 + self.regions.index(region)}.2"

    def vpc(self, region: str, cidr: str) -> None:
        """Give a region its VPC's addresses: the gateway's, the DNS resolver's and that of AWS's APIs, in this order."""
        network = ipaddress.ip_network(cidr)
        name, index = region_namespace(region), self.regions.index(region)
        if self.cidr(region) != cidr:
            ip("addr", "flush", "dev", "vpc", namespace=name)
            ip("addr", "add", f"{network[1]}/{network.prefixlen}", "dev", "vpc", namespace=name)
        for address in (resolver(cidr), endpoint(cidr)):
            ip("addr", "replace", f"{address}/32", "dev", "vpc", namespace=name)
        nft(
            f"""
            table ip own {{}}
            delete table ip own
            table ip own {{ chain in {{
              type nat hook prerouting priority dstnat;
              ip daddr {resolver(cidr)} meta l4proto {{ tcp, udp }} th dport 53 dnat to {self.uplink(region)};
              ip daddr {endpoint(cidr)} tcp dport 443 dnat to {self.uplink(region)};
              ip daddr {TASKS} tcp dport 80 dnat to {self.uplink(region)};
            }}; }}""",
            name,
        )
        ip("route", "replace", cidr, "via", f"198.18.{10 + index}.2", "metric", "100", namespace=ROUTER)
        ip("route", "replace", cidr, "via", "198.18.0.2")

    def cidr(self, region: str) -> str:
        """Return the addresses of a region's VPC, "" while it has none."""
        words = ip("-o", "-4", "addr", "show", "dev", "vpc", namespace=region_namespace(region)).split()
        return str(ipaddress.ip_interface(words[3]).network) if words else ""

    def links(self, region: str) -> tuple[str, str]:
        """Return the router's links to a region: the one that is there, and the one that takes its place while it is delayed."""
        index = self.regions.index(region)
        return f"r{index}", f"slow{index}"

    # --- hosts

    def hosts(self) -> list[Host]:
        """Return the hosts that are attached."""
        found = (json.loads(path.read_text()) for path in sorted(self.files.glob("*.json")))
        return [Host(**{**each, "groups": tuple(each["groups"])}) for each in found]

    def attach(self, host: Host) -> None:
        """Make a host; one that is there as it should be is left alone. Nothing passes until `vpc` has seen it.

        Other security groups are noted, and what lives in the host goes on.

        Raises:
            NetError: The region has no VPC yet, or the address is taken.
        """
        file = self.files / f"{host.name}.json"
        with self._alone():
            standing = {each.name: each for each in self.hosts()}
            there = standing.get(host.name) if (NETNS / host.namespace).exists() else None
            if there == host:
                return
            if not there or replace(there, groups=host.groups) != host:
                self._make(host, list(standing.values()))
            write(file, json.dumps(asdict(host)))
        self._changed()

    def detach(self, name: str) -> None:
        """Take a host away; one that is gone is no error."""
        with self._alone():
            for host in self.hosts():
                if host.name == name:
                    self._remove(host)
        self._changed()

    def free(self, region: str, cidr: str, reserved: Sequence[str] = ()) -> str:
        """Return an address of a subnet that no host has; as on AWS, the first four and the last are nobody's.

        Args:
            region: Region code.
            cidr: The subnet's.
            reserved: Addresses that others have in the API.
        """
        taken = {*reserved, *(host.address for host in self.hosts() if host.region == region)}
        network = ipaddress.ip_network(cidr)
        for number in range(network.num_addresses - 2, 3, -1):  # fixed addresses are given from the beginning on
            if str(network[number]) not in taken:
                return str(network[number])
        raise NetError(f"{cidr} in {region} has no address left")

    # --- parts

    def _changed(self) -> None:
        for act in self.after:
            act()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with (self.home / "net.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _namespace(self, name: str, forwards: bool = False) -> None:
        if not (NETNS / name).exists():
            ip("netns", "add", name)
        ip("link", "set", "lo", "up", namespace=name)
        if forwards:
            run(["ip", "netns", "exec", name, "sysctl", "-qw", "net.ipv4.ip_forward=1"])

    def _has(self, namespace: str, link: str) -> bool:
        return f" {link}" in ip("-o", "link", "show", link, namespace=namespace, check=False)

    def _link(self, here: str, name: str, address: str, there: str, other: str, peer: str, prefix: int) -> None:
        """Join two namespaces (`here` may be the machine, ""), with an address at each end."""
        if not self._has(here, name):
            ip("link", "add", name, "type", "veth", "peer", "name", other, "netns", there, namespace=here)
        for namespace, link, own in ((here, name, address), (there, other, peer)):
            ip("addr", "replace", f"{own}/{prefix}", "dev", link, namespace=namespace)
            ip("link", "set", link, "up", namespace=namespace)

    def _make(self, host: Host, standing: Sequence[Host]) -> None:
        if any(each.address == host.address and each.region == host.region for each in standing if each.name != host.name):
            raise NetError(f"{host.address} is taken in {host.region}")
        region, cidr = region_namespace(host.region), self.cidr(host.region)
        if not cidr:
            raise NetError(f"{host.region} has no VPC yet")
        self._remove(host)
        self._namespace(host.namespace)
        nft(CLOSED_HOST, host.namespace)
        end = ["name", "eth0", "address", host.mac, "netns", host.namespace]
        ip("link", "add", host.port, "type", "veth", "peer", *end, namespace=region)
        ip("link", "set", host.port, "master", "vpc", "up", namespace=region)
        ip("addr", "add", f"{host.address}/{cidr.partition('/')[2]}", "dev", "eth0", namespace=host.namespace)
        ip("link", "set", "eth0", "up", namespace=host.namespace)

    def _remove(self, host: Host) -> None:
        if (NETNS / host.namespace).exists():
            ip("netns", "del", host.namespace)
        # while a process lives in it, a namespace without a name keeps its link
        ip("link", "del", host.port, namespace=region_namespace(host.region), check=False)
        (self.files / f"{host.name}.json").unlink(missing_ok=True)
