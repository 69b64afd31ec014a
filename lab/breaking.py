"""What the commands do that break something in the lab, and that take it back."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

from .behaviours.nodes.record import Records
from .control import Lab, LabError
from .world.behaviour import World
from .world.enact import enact, kill
from .world.faults import INTERNET, Cut, Faults, changing
from .world.net import Host, NetError

TASK = "task-"
"""What the names of tasks' hosts begin with."""

GLOBAL = "us-east-1"
"""Where the APIs of IAM, Route 53 and CloudFront are."""

LONGEST = 60_000
"""Milliseconds of the longest delay."""

T = TypeVar("T")


class Breaking:
    """Faults of one lab.

    Every command can be repeated; what it returns says how it is now.
    """

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.world = World.of(lab.settings)

    def cut(self, region: str, incoming: bool, outgoing: bool, other: str = "") -> str:
        """Drop what comes into a region, what goes out of it, or both; from and to `other` only, where that is given."""
        self._region(region)
        if other and other not in (*self.world.regions, INTERNET):
            raise LabError(f"`{other}` is no region of the lab and not `{INTERNET}`: there are {self._regions}")
        if other == region:
            raise LabError(f"{region} can't be cut off from itself")
        with self._changing() as faults:
            return str(faults.cut(Cut(region, other, incoming, outgoing)))

    def heal(self, region: str = "") -> str:
        """Take back all faults, or those of a region."""
        if region:
            self._region(region, GLOBAL)
        with self._changing() as faults:
            healed = faults.data
            faults.heal(region)
            if faults.data == healed:
                return f"nothing is broken{f' in {region}' if region else ''}"
            return f"{region or 'everything'} is whole again"

    def delay(self, region: str, milliseconds: int) -> str:
        """Hold each packet of a region's uplink back, both ways; 0: no longer."""
        self._region(region)
        if not 0 <= milliseconds <= LONGEST:
            raise LabError(f"a delay is 0 to {LONGEST} ms, not {milliseconds}")
        with self._changing() as faults:
            faults.delays = {name: each for name, each in faults.delays.items() if name != region}
            if milliseconds:
                faults.delays[region] = milliseconds
        return f"{region} is delayed: {milliseconds} ms each way" if milliseconds else f"{region} is not delayed"

    def api(self, region: str, stops: bool) -> str:
        """Have a region's API answer, or not."""
        self._region(region, GLOBAL)
        if not self.lab.running():
            raise LabError("the lab is not running: `python -m lab up` first")
        with self._changing() as faults:
            faults.stopped = [*(name for name in faults.stopped if name != region), *([region] if stops else [])]
        return f"{region}'s API {'does not answer' if stops else 'answers'}"

    def kill(self, name: str) -> str:
        """Kill a host: its processes end at once; a task is replaced by ECS, another host stays dead until `start`."""
        host = self._host(name)
        if host.name.startswith(TASK):
            return f"{host.name}: {kill(host)} processes killed; ECS starts another task"
        with self._changing() as faults:
            faults.killed[host.name] = host.region
        return f"{host.name}: {kill(host)} processes killed; it is off until `python -m lab start {host.name}`"

    def start(self, name: str) -> str:
        """Switch a killed host on again; whose processes it had starts them again."""
        host = self._host(name)
        if host.name.startswith(TASK):
            raise LabError(f"{host.name} is a task: one that ended does not come back, ECS starts another")
        with self._changing() as faults:
            faults.killed.pop(host.name, None)
        return f"{host.name} is on"

    def wipe(self, name: str) -> str:
        """Lose a node's data volume: it is cut short as by `kill`, the volume is empty, and a node that was on boots again."""
        records = Records(self.world.home)
        record = one_of(name, {record.node.name: record for record in records.all()}, "node")
        on = record.process is not None
        if on:
            self.kill(record.node.name)
            while record.process:
                time.sleep(0.02)
        volume = records.volume(record.node.volume)
        for path in volume.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        if on:
            self.start(record.node.name)
        return f"{record.node.name}: {volume.name} is empty; the node {'boots again' if on else 'is off'}"

    # --- parts

    @contextmanager
    def _changing(self) -> Iterator[Faults]:
        """Give the faults to be changed, and carry them out afterwards; without networks there is only an API to break."""
        try:
            with changing(self.lab.home) as faults:
                yield faults
                if self.world.net.owned:
                    enact(self.world.net, faults)
                elif faults.cuts or faults.delays or faults.killed:
                    raise LabError("the lab's networks are not up: `python -m lab up --world` first")
        except NetError as error:
            raise LabError(str(error)) from error
        if self.lab.running():
            self.lab.ask("/lab/faults", method="POST")

    @property
    def _regions(self) -> str:
        return ", ".join(self.world.regions)

    def _region(self, region: str, *more: str) -> None:
        known = dict.fromkeys((*self.world.regions, *more))
        if region not in known:
            raise LabError(f"`{region}` is no region of the lab: there are {', '.join(known)}")

    def _host(self, name: str) -> Host:
        """Return the host of a name, or the only one whose name begins so."""
        return one_of(name, {host.name: host for host in self.world.net.hosts()}, "host")


def one_of(name: str, known: Mapping[str, T], kind: str) -> T:
    """Return what has a name, or the only one whose name begins so.

    Raises:
        LabError: There is none, or several.
    """
    short = name.removeprefix("kc-")
    found = [short] if short in known else [each for each in known if each.startswith(short)]
    if len(found) != 1:
        several = f"`{name}` may be {', '.join(found)}"
        raise LabError(several if found else f"there is no {kind} `{name}`: `python -m lab status` lists them")
    return known[found[0]]
