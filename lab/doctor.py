"""`python -m lab doctor`: what is wrong with the lab, and what to do about it."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from .behaviours.nodes.record import Records
from .behaviours.rds.record import Records as Servers
from .behaviours.tasks.trouble import troubles
from .control import Lab
from .world.behaviour import World
from .world.faults import Faults
from .world.net import EDGE, ROUTER, USER, region_namespace

PACKAGES = Path(__file__).with_name("packages.txt")
CONTAINERS = Path("/var/lib/containers")
ROOM = 2 << 30
"""Bytes that are to be free on a disk: a build of the images takes about as much."""

LATE = 60.0
"""Seconds after which a behaviour that has not come to an end of its look hangs."""


def examine(lab: Lab) -> list[str]:
    """Return what is wrong, a line each: what it is, and what to do."""
    return [line for check in CHECKS for line in check(lab)]


def by_order(lab: Lab) -> list[str]:
    """Return what is broken on purpose, which is nothing wrong."""
    return str(Faults.read(lab.home)).splitlines()


def root(lab: Lab) -> Iterator[str]:
    if os.geteuid():
        yield "this is not root: networks and containers can't be made or looked at; run it as root, or with sudo"


def packages(lab: Lab) -> Iterator[str]:
    wanted = PACKAGES.read_text().split()
    done = subprocess.run(["dpkg-query", "-W", "-f", "${db:Status-Status} ${Package}\n", *wanted], capture_output=True, text=True)
    installed = {line.partition(" ")[2] for line in done.stdout.splitlines() if line.startswith("installed ")}
    missing = [name for name in wanted if name not in installed and not shutil.which(name)]  # NodeSource's nodejs holds npm
    if missing:
        yield f"packages are missing: apt-get install {' '.join(missing)}"


def disk(lab: Lab) -> Iterator[str]:
    for path in (lab.home, CONTAINERS):
        if path.exists() and (free := shutil.disk_usage(path).free) < ROOM:
            yield f"the disk of {path} has {free >> 20} MiB left: free some; {ROOM >> 30} GiB are enough"


def aws(lab: Lab) -> Iterator[str]:
    process, health = lab.running(), lab.health()
    if process and not health:
        yield f"the AWS (pid {process.pid}) does not answer: look at {lab.aws.log}, then `python -m lab down` and `up`"
    elif health and health.get("home") != str(lab.home):
        yield f"port {lab.settings.port} is that of the lab in {health.get('home')}: choose another with KC_LAB_PORT"
    elif not process and lab.port_taken():
        yield f"port {lab.settings.port} is taken by something that is not this lab: end it, or choose another with KC_LAB_PORT"
    if health and health["error"]:
        yield f"the AWS can't save its state: {health['error']}"


def world(lab: Lab) -> Iterator[str]:
    process = lab.running()
    if not process or "--world" not in process.command:
        return
    if not lab.world.find(lab.world_marks):
        yield f"the world is down, so that nothing follows what the AWS is asked: look at {lab.world.log}, then `python -m lab up --world`"
        return
    for one in lab.behaviour_states():
        if one["error"]:
            yield f"the behaviour {one['name']} fails: {one['error'].partition(chr(10))[0]} (all of it: {one['log']})"
        elif one["looked"] and time.time() - one["looked"] > LATE:
            yield f"the behaviour {one['name']} has not ended a look for {time.time() - one['looked']:.0f} s: look at {one['log']}"


def networks(lab: Lab) -> Iterator[str]:
    net = World.of(lab.settings).net
    if net.owner and not net.owned:
        yield f"the networks on this machine are those of the lab in {Path(net.owner).parent}: `lab down` there, before `up --world` here"
        return
    process = lab.running()
    base = [ROUTER, EDGE, USER, *map(region_namespace, net.regions)]
    hosts = {host.namespace for host in net.hosts()} if net.owned else set()
    standing = net.standing()
    if net.owned and not process:
        yield "networks stand although the lab is down: `python -m lab up --world` goes on with them, `down` takes them away"
    for name in base if net.owned else []:
        if name not in standing:
            yield f"the namespace {name} is gone: `python -m lab up --world` makes it again"
    for name in sorted(hosts - set(standing)):
        yield f"the host {name} has no namespace: its behaviour makes it again; if it does not, `python -m lab down` and `up --world`"
    for name in standing:
        if name not in base and name not in hosts:
            yield f"the namespace {name} is nobody's: `ip netns del {name}`"


def services(lab: Lab) -> Iterator[str]:
    if lab.health() and lab.world.find(lab.world_marks):
        there = World.of(lab.settings)
        for region in there.regions:
            yield from troubles(there.client("ecs", region), region)


def nodes(lab: Lab) -> Iterator[str]:
    if not lab.world.find(lab.world_marks):
        return
    killed = Faults.read(lab.home).killed
    for record in Records(lab.home / "world").all():
        node = record.node
        if not node.running or node.name in killed or record.process:
            continue
        if not node.volume:
            yield f"the node {node.name} is off, as no data volume is attached to {node.instance}: attach one, or run its unit"
        else:
            yield f"the node {node.name} is down and should boot: look at `python -m lab logs nodes` and `logs {node.name}`"


def databases(lab: Lab) -> Iterator[str]:
    if not lab.world.find(lab.world_marks):
        return
    killed = Faults.read(lab.home).killed
    standing = {host.name for host in World.of(lab.settings).net.hosts()}  # a stopped instance has no host
    for record in Servers(lab.home / "world").all():
        name = record.host.name
        if record.primed and name in standing and name not in killed and not record.process:
            yield f"the database {name} is down and should serve: look at `python -m lab logs rds` and `logs {name}`"


CHECKS: tuple[Callable[[Lab], Iterator[str]], ...] = (root, packages, disk, aws, world, networks, services, nodes, databases)
