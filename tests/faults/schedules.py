"""Random schedules of faults against the lease: two regions, their holders, a real ensemble, two real MySQL servers. Seeded, so replayable.

    KC_SEED=17 python -m pytest tests/faults/test_schedules.py -k given

What is cut: a region's way to every member of the ensemble and to the other region's database, both ways or one. What is stopped (SIGSTOP),
killed and comes back: a region's holders, of which one stays, as ECS sees to it. In between a runbook takes over, or changes roles by plan.
"""

from __future__ import annotations

import random
import shutil
import time
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

from kazoo.exceptions import NoNodeError
from kc.errors import KcError
from kc.lease.ensemble import ROOT, Ensemble
from kc.lease.guard import clock
from kc.lease.handing import Wish, hand
from kc.lease.lease import EXPIRED, HANDED
from kc.mysql.errors import NodeError
from kc.mysql.quote import value

from tests.faults.links import Cut, Link, Links
from tests.faults.regions import APP, LIMITS, Holder, Place, Prober, freeze, thaw
from tests.lease.world import ACCOUNT
from tests.lease.world import World as Members
from tests.mysql.world import REPLICATION, Instance, blank
from tests.mysql.world import World as Databases
from tests.servers import until

HOME, AWAY = "home", "away"
EVENTS = 7
LONGEST = 2 * LIMITS.ttl
"""Seconds between two events at most."""


class World:
    """Ensemble and databases; they stand for all schedules."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.members, self.databases = Members(home / "ensemble"), Databases(home / "mysql")
        self.links = Links()

    def start(self) -> None:
        for each in (self.members, self.databases):
            each.start()

    def stop(self) -> None:
        self.links.close()
        for each in (self.members, self.databases):
            each.stop()


@dataclass
class Region:
    """What a region has."""

    name: str
    place: Place
    database: Instance
    members: list[Link]
    other: Link
    holders: list[Holder] = field(default_factory=list)
    down: set[int] = field(default_factory=set)

    def cut(self, how: Cut) -> None:
        for each in (*self.members, self.other):
            each.cut(how)


class Schedule:
    """One run.

    Args:
        world: Where.
        seed: What decides.
    """

    def __init__(self, world: World, seed: int) -> None:
        self.world, self.random = world, random.Random(seed)  # noqa: S311 - replayed, not secret
        self.log: list[str] = []
        self.opened: list[tuple[float, str]] = []
        """When a region began to take writes by a runbook."""
        self.planned: list[str] = []
        """Writes that were acknowledged before a planned change of roles."""
        self.cut_off: tuple[float, float] | None = None
        """When the region that has the lease was cut off, both ways, and until when."""
        self.unplanned = False
        self.fenced: list[float] = []
        """Seconds from a cut until its last acknowledged write."""
        self._prepare(world.home / f"seed-{seed}")

    # --- begin and end

    def _prepare(self, home: Path) -> None:
        world = self.world
        first, second = world.databases.servers
        blank(world.databases.servers)
        with first.server() as server:
            server.run("CREATE DATABASE app")
            server.run("CREATE TABLE app.writes (id VARCHAR(40) PRIMARY KEY)")
            server.run(f"CREATE USER {value(APP[0])}@'%' IDENTIFIED BY {value(APP[1])} REQUIRE SSL")
            server.run(f"GRANT SELECT, INSERT, DELETE ON app.* TO {value(APP[0])}@'%'")
        with closing(self._session(world.members.names)) as session:
            session.wait(30)
            for tree in (ROOT, "/sentinels"):
                with suppress(NoNodeError):
                    session._client.delete(tree, recursive=True)
        self.regions = {name: self._region(name, home, own) for name, own in ((HOME, first), (AWAY, second))}
        follow(self.regions[AWAY], self.regions[HOME])
        until(lambda: self._rows(AWAY) is not None, "the replica has the table")
        self.probers = [Prober(name, each.database.port, str(world.databases.authority.ca)) for name, each in self.regions.items()]
        for region in self.regions.values():
            for number in range(2):
                about = (
                    region.name,
                    f"{region.name}-{number}",
                    str(region.place.home),
                    region.database.port,
                    str(world.databases.authority.ca),
                )
                region.holders.append(Holder(*about, world.members.way(1), [f"localhost:{link.port}" for link in region.members]))
        until(lambda: "confirmed" in (self.regions[HOME].place.home / "log").read_text(), "the lease is held", 120)
        for prober in self.probers:
            prober.start()

    def _region(self, name: str, home: Path, own: Instance) -> Region:
        directory = home / name
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        (directory / "log").touch()
        (directory / "role").write_text("primary" if name == HOME else "secondary")
        place = Place(directory, own.port, str(self.world.databases.authority.ca))
        members = [Link(self.world.links, each.client) for each in self.world.members.members]
        other = next(each for each in self.world.databases.servers if each is not own)
        return Region(name, place, own, members, Link(self.world.links, other.port))

    def _session(self, members: list[str]) -> Ensemble:
        return Ensemble(self.world.members.way(1), members, ACCOUNT, LIMITS.ttl, timeout=2)

    def end(self) -> None:
        for prober in self.probers:
            prober.end()
        for region in self.regions.values():
            region.cut("whole")
            for holder in region.holders:
                with suppress(ProcessLookupError):
                    holder.go_on()
                holder.kill()

    # --- the schedule

    def run(self) -> None:
        """Go through it, and check what must hold."""
        try:
            for _ in range(EVENTS):
                self._event()
                self._check()
                self._wait(self.random.uniform(0.2, LONGEST))
            self._heal()
            self._wait(LIMITS.ttl)
            self._check()
            self._lost()
        finally:
            self.end()

    def _event(self) -> None:
        name = self.random.choice((HOME, AWAY))
        region, number = self.regions[name], self.random.randrange(2)
        match self.random.choice(("cut", "cut", "one way", "heal", "stop", "kill", "return", "fail over", "switch over")):
            case "cut":
                self._say(f"{name} is cut off")
                region.cut("both")
                if name == self.primary and self.cut_off is None:
                    self.cut_off = (clock(), float("inf"))
            case "one way":
                how: Cut = self.random.choice(("there", "back"))
                self._say(f"{name} is cut off, {how}")
                region.cut(how)
            case "heal":
                self._heal()
            case "stop" | "kill" as what if not region.down:
                self._say(f"{name}'s holder {number}: {what}")
                region.down.add(number)
                (region.holders[number].stop if what == "stop" else region.holders[number].kill)()
            case "return":
                self._return(region)
            case "fail over":
                self._fail_over()
            case "switch over":
                self._switch_over()

    @property
    def primary(self) -> str:
        return self.opened[-1][1] if self.opened else HOME

    def _heal(self) -> None:
        self._say("all is whole")
        for region in self.regions.values():
            region.cut("whole")
            self._return(region)
        self._whole_again()

    def _whole_again(self) -> None:
        if self.cut_off:
            began, _ = self.cut_off
            self._fences_in_time(began, clock())
            self.cut_off = None

    def _return(self, region: Region) -> None:
        for number in region.down:
            self._say(f"{region.name}'s holder {number} is back")
            holder = region.holders[number]
            if holder.process.is_alive():
                holder.go_on()
            else:
                holder.return_()
        region.down.clear()

    # --- the runbooks, as short as they can be

    def _fail_over(self) -> None:
        """Take over for the primary's region, as failover.yml does: the lease first, then the promotion."""
        lost, to = (HOME, AWAY) if self.primary == HOME else (AWAY, HOME)
        if self.unplanned or not self._replicates(to):
            return
        self._say(f"{to} takes over")
        if not self._lease(Wish(to, lost, EXPIRED, wait=2 * LIMITS.ttl, ttl=LIMITS.ttl)):
            return
        self.unplanned = True
        self._promote(to)

    def _switch_over(self) -> None:
        """Change the roles by plan, as switchover.yml does; only where nothing is cut."""
        gives_up, to = (HOME, AWAY) if self.primary == HOME else (AWAY, HOME)
        if self.unplanned or not self._replicates(to):
            return
        self._heal()
        self._say(f"{gives_up} hands over to {to}")
        until(lambda: self._writes_or_fenced(gives_up), "the primary is itself again", 60)
        own, other = self.regions[gives_up], self.regions[to]
        with own.place.admin() as server, other.place.admin() as there:
            freeze(server)
            executed = str(server.one("SELECT @@gtid_executed"))
            assert there.patient(60).one(f"SELECT WAIT_FOR_EXECUTED_GTID_SET({value(executed)}, 60)") == 0
        self._whole_again()
        if not self._lease(Wish(to, gives_up, HANDED, wait=2 * LIMITS.ttl)):
            with own.place.admin() as server:
                thaw(server)
            return
        self.planned += [write for prober in self.probers for write, _, _ in list(prober.acknowledged)]
        self._promote(to)
        follow(own, other)

    def _writes_or_fenced(self, name: str) -> bool:
        with self.regions[name].place.admin() as server:
            return not server.one("SELECT @@super_read_only")

    def _replicates(self, name: str) -> bool:
        with self.regions[name].place.admin() as server:
            return bool(server.dicts("SHOW REPLICA STATUS"))

    def _lease(self, wish: Wish) -> bool:
        """Have the lease change hands, by the links of the region that gets it."""
        try:
            with closing(self._session([f"localhost:{link.port}" for link in self.regions[wish.to].members])) as session:
                session.wait(5)
                hand(session, wish)
        except KcError as error:
            self._say(f"no: {error.message}")
            return False
        return True

    def _promote(self, to: str) -> None:
        region = self.regions[to]
        with region.place.admin() as server:
            server.run("STOP REPLICA")
            server.run("RESET REPLICA ALL")
            self.opened.append((clock(), to))
            self._whole_again()
            thaw(server)
        (region.place.home / "role").write_text("primary")
        self._say(f"{to} takes writes")

    # --- what must hold

    def _check(self) -> None:
        """Nobody acknowledges a write that began after another was opened."""
        owners = [(0.0, HOME), *self.opened]
        for prober in self.probers:
            for write, began, ended in list(prober.acknowledged):
                since = [(at, owner) for at, owner in owners if at <= ended]
                own = any(
                    owner == prober.region and (place + 1 == len(since) or since[place + 1][0] >= began)
                    for place, (_, owner) in enumerate(since)
                )
                assert own, self._why(f"{write} was acknowledged at {began:.2f}, when it was not {prober.region} that takes writes")

    def _fences_in_time(self, cut: float, whole: float) -> None:
        """A region that was cut off acknowledges nothing after its time."""
        prober = next(each for each in self.probers if each.region == (HOME if self.primary == HOME else AWAY))
        late = [began for _, began, _ in list(prober.acknowledged) if cut + LIMITS.ttl < began < whole]
        assert not late, self._why(f"{prober.region} was cut off at {cut:.2f}, and acknowledges at {late[:1]}")
        if whole - cut > LIMITS.ttl:
            self.fenced.append(max((began for _, began, _ in prober.acknowledged if began < whole), default=cut) - cut)

    def _lost(self) -> None:
        """What was acknowledged before a planned change of roles is where writes go now, unless a region was lost since."""
        if self.planned and not self.unplanned:
            there = {*(self._rows(self.primary) or ())}
            lost = [write for write in self.planned if write not in there]
            assert not lost, self._why(f"{len(lost)} acknowledged writes are lost: {lost[:3]}")

    def _rows(self, name: str) -> list[str] | None:
        try:
            with self.regions[name].place.admin() as server:
                return [str(row[0]) for row in server.rows("SELECT id FROM app.writes")]
        except NodeError:
            return None

    def _why(self, what: str) -> str:
        logs = [f"{name}: {(each.place.home / 'log').read_text().splitlines()[-6:]}" for name, each in self.regions.items()]
        return "\n".join([what, *self.log, *logs])

    def _say(self, text: str) -> None:
        self.log.append(f"{clock():.2f} {text}")

    def _wait(self, seconds: float) -> None:
        time.sleep(seconds)


def follow(replica: Region, source: Region) -> None:
    """Have a region's server follow the other's, by its link there."""
    with replica.place.admin() as server:
        server.run("SET PERSIST super_read_only = ON")
        server.run(
            f"CHANGE REPLICATION SOURCE TO SOURCE_HOST='localhost', SOURCE_PORT={replica.other.port}, SOURCE_USER={value(REPLICATION[0])}, "
            f"SOURCE_PASSWORD={value(REPLICATION[1])}, SOURCE_AUTO_POSITION=1, SOURCE_SSL=1, SOURCE_CONNECT_RETRY=1, SOURCE_HEARTBEAT_PERIOD=1"
        )
        server.run("START REPLICA")
