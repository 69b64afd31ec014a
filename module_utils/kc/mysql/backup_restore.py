"""A server's data as it was at a moment, made from a copy and the logs that go on from it.

It is made beside its place, as data are made that are new (`data`): the copy's files, a server of our own on them that nobody else gets to,
which applies the logs as a replica does, and ends. Only then it is renamed, so what is at its place is whole and was never anything else.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..backup.manifest import after
from ..backup.store import READ, WORKERS, Store, digest, pieces
from ..backup.work import alone
from ..errors import KcError
from ..sql.report import wait_for
from . import administrator, gtid
from .backup_manifest import TIME, Base, Chain, File, Log, chain, later, moment
from .binary_log import transactions
from .connection import Local
from .data import Owner, errors_in
from .entry import Act, Params, Report
from .errors import NodeError
from .quote import value
from .restore import second
from .state import look

CHANNEL = "kc_restore"
RELAY = "kc-relay"
"""What the logs are called that the server applies; it wants them as those of a replica."""

MARK = "kc_restored.json"
"""A file of ours in data that were restored: what of, and that they are whole."""

NOBODYS = 4294967295
"""A server_id that no other server has: one does not apply what it takes for its own."""

PDEATHSIG = 1
"""Linux's number for it (prctl(2), PR_SET_PDEATHSIG)."""

SECONDS = 300
"""That a server may take to begin, and to end."""


@dataclass(frozen=True)
class Target:
    """What is to be restored.

    Attributes:
        base: The copy that it begins with.
        at: The moment from which on nothing counts; empty for none.
        before: The transaction from which on nothing counts; empty for none.
    """

    base: str
    at: str
    before: str


def restored(bases: Store[Base], logs: Store[Log], params: Params, report: Report) -> None:
    """Make the data, where they are not there already.

    Raises:
        KcError: There is no way to that moment, other data are there, or a server is on them.
    """
    if params["at"] and params["before"]:
        raise KcError("`at` and `before` are both given", hint="give one: a second, or a transaction")
    if params["before"] and gtid.count(params["before"]) != 1:
        raise KcError(f"`before` is {params['before']!r}, and not one transaction", hint="write it as uuid:5")
    at = second(params["at"]).strftime(TIME) if params["at"] else ""
    directory = Path(params["directory"])
    if not directory.is_absolute():
        raise KcError(f"`directory` is {params['directory']}, and no absolute path", hint="give the whole path")
    found = bases.read([bases.find(params["backup"]).name] if params["backup"] else bases.names())
    base = _base(found, at, params["before"], bases.where)
    target = Target(base.name, at, gtid.normal(params["before"]))
    node = str(directory)
    standing = _mark(directory)
    report.outputs = {"backup": base.facts}
    if standing and standing["target"] == asdict(target):
        report.outputs |= standing["done"]
        return
    if not report.check and _runs(directory):  # a plan has ended none
        raise KcError(f"a server runs on {directory}", hint="stop it first (`kc_mysql_server` with `stop: true`)")
    full = directory.is_dir() and any(directory.iterdir())
    if full and params["data"] != "aside":
        raise KcError(f"{directory} is not empty", hint="give `data: aside` to have it renamed; it is not deleted")
    chosen = _chosen(chain(base.least, logs.read(later(base, logs.names()))), base, target)
    bases.whole([base])
    logs.whole(chosen)
    making = Making(directory, base, chosen, target, bases, params)
    begun = _mark(making.begun)
    if begun and begun["target"] == asdict(target):  # a run that was killed had yet to put it in its place
        making.done = begun["done"]
    else:
        size = sum(log.size for log in chosen)
        report.plan(
            [
                Act(node, f"the copy {base.name}: {len(base.files)} files, {base.size} bytes", making.fetch),
                Act(node, f"{len(chosen)} logs, {size} bytes, {_words(target)}", making.apply),
            ]
        )
    report.plan([Act(node, "what is there is renamed", making.aside)] if full else [])
    report.plan([Act(node, "what was restored takes its place", making.place)])
    report.differs(node, "", f"backup: {base.name}\n{_words(target)}\n")
    if not report.check:
        directory.parent.mkdir(parents=True, exist_ok=True)
        with alone(directory.parent):
            report.apply()
        report.outputs |= making.done


def _words(target: Target) -> str:
    return f"up to {target.at}" if target.at else f"up to, and without, {target.before}" if target.before else "all that there are"


def _base(found: Sequence[Base], at: str, before: str, where: str) -> Base:
    """Return the newest copy that is from before what is not to count.

    Raises:
        KcError: There is none.
    """
    usable = [base for base in found if (not at or base.ended <= at) and not (before and not gtid.without(before, base.most))]
    if not usable:
        ends = f"; the oldest copy is whole from {found[0].ended} on" if found else ""
        raise KcError(
            f"no copy at {where} is from before {at or before or 'now'}{ends}",
            hint="choose a later moment" if found else "none was made yet, or `prefix` is another's",
        )
    return usable[-1]


def _chosen(following: Chain, base: Base, target: Target) -> tuple[Log, ...]:
    """Return the logs that are needed.

    Raises:
        KcError: What is known does not reach that far.
    """
    chosen = following.logs
    if target.at:
        chosen = tuple(log for log in following.logs if log.first < target.at)
        reached = len(chosen) < len(following.logs) or max(base.ended, following.until) >= target.at
    elif target.before:
        holding = next((number for number, log in enumerate(chosen) if not gtid.without(target.before, log.executed)), None)
        reached = holding is not None
        chosen = chosen[: holding + 1] if holding is not None else ()
    else:
        reached = not following.missing
    if not reached:
        known = max(base.ended, following.until)
        why = f"{following.missing} are in no log that is there" if following.missing else f"what is there ends at {known}"
        raise KcError(
            f"the copy {base.name} can't be brought to {target.at or target.before or 'the end of all logs'}: {why}",
            hint=f"choose a moment up to {known}, or send what is missing (`state: shipped`)",
        )
    return chosen


def _mark(directory: Path) -> dict[str, Any] | None:
    """Return what data say of themselves that were restored, and that no server has begun on since: each begins another binary log."""
    try:
        found: dict[str, Any] = json.loads((directory / MARK).read_text())
        return found if (directory / found["index"]).read_text() == found["logs"] else None
    except FileNotFoundError:
        return None


def _runs(directory: Path) -> bool:
    """Whether a server holds data: it locks them."""
    try:
        with (directory / "ibdata1").open("r+b") as file:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def _ends_with_us() -> None:
    """Have this process be asked to end when the one that began it is killed."""
    ctypes.CDLL(None).prctl(PDEATHSIG, signal.SIGTERM)


class Making:
    """Data that are being made.

    Attributes:
        done: What came of it.
    """

    def __init__(self, directory: Path, base: Base, logs: Sequence[Log], target: Target, store: Store[Base], params: Params) -> None:
        self.directory = directory
        self.begun = directory.with_name(f"{directory.name}.restored")
        self.base, self.logs, self.target, self.store, self.params = base, logs, target, store, params
        self.owner = Owner.of(params)
        self.done: dict[str, Any] = {}

    def fetch(self) -> None:
        """Have the copy's files there; those that a run that was killed has fetched are not fetched again."""
        if not wait_for(lambda: not _runs(self.begun), SECONDS, 1):
            raise KcError(f"a server still runs on {self.begun}", hint="end it, then run this again")
        if (self.begun / "auto.cnf").exists():  # a server has changed them
            shutil.rmtree(self.begun)
        self.owner.folder(self.begun)
        with ThreadPoolExecutor(WORKERS) as pool:
            list(pool.map(self._file, self.base.files))
        for folder in self.base.folders:
            self.owner.folder(self.begun / folder, self.begun)

    def _file(self, file: File) -> None:
        path = self.begun / file.path
        self.owner.folder(path.parent, self.begun)
        if path.exists() and digest(pieces(path)) == (file.object, file.size):
            return
        self._object(file.object, path)

    def _object(self, name: str, path: Path) -> None:
        reader = self.store.get(name)
        with path.open("wb") as to:
            os.fchmod(to.fileno(), 0o640)
            os.fchown(to.fileno(), self.owner.user, self.owner.group)
            while found := reader.read(READ):
                to.write(found)
        if not reader.whole():
            path.unlink()
            raise KcError(
                f"{reader.where} is damaged: it is not what was written there",
                hint="restore another backup, or its copy in the other region's bucket",
            )

    def apply(self) -> None:
        """Have a server apply the logs, and end."""
        relays = [self.begun / f"{RELAY}-{CHANNEL}.{number:06d}" for number, _ in enumerate(self.logs, start=1)]
        for log, path in zip(self.logs, relays, strict=True):
            self._object(log.object, path)
        order = self.begun / f"{RELAY}-{CHANNEL}.index"
        order.write_text("".join(f"./{path.name}\n" for path in relays))
        self.owner.own(order)
        with self._server() as server:
            index = Path(str(server.one("SELECT @@global.log_bin_index")))
            if index.parent != self.begun:
                raise KcError(
                    f"`config`: {self.params['config']} has binary logs elsewhere than with the data",
                    hint="take `log_bin` out of another directory",
                )
            for channel in look(server).channels:  # a copy of a replica would follow on
                server.run(f"RESET REPLICA ALL FOR CHANNEL {value(channel.name)}")
            has = gtid.executed(server)
            stop, wanted = self._stop(has, relays)
            if gtid.without(wanted, has):
                self._replay(server, stop, wanted)
            now = gtid.executed(server)
            if now != wanted:
                raise KcError(f"{self.begun} has {now}, and should have {wanted}", hint="this is a defect of the toolkit: report it")
            administrator.have(server, self.params["user"], self.params["account_host"], self.params["password"])
        self.done = {"executed": now, "applied": gtid.count(gtid.without(now, has)), "logs": len(self.logs)}
        mark = self.begun / MARK
        written = {"index": index.name, "logs": (self.begun / index.name).read_text()}
        mark.write_text(json.dumps({"target": asdict(self.target), "done": self.done, **written}))
        self.owner.own(mark)
        os.sync()

    def _stop(self, has: str, relays: Sequence[Path]) -> tuple[str, str]:
        """Return the first transaction that does not count, empty where all do, and what the server is to have in the end.

        Raises:
            KcError: The copy has that transaction already, or no log has it.
        """
        if self.target.before and not gtid.without(self.target.before, has):
            raise KcError(f"the copy {self.base.name} has {self.target.before} already", hint="name an older one as `backup`")
        wanted = has
        for log, path in zip(self.logs, relays, strict=True):
            if not (self._is_in(log) or (self.target.at and log.last >= self.target.at)):
                wanted = gtid.union(wanted, log.executed)
                continue
            counted: list[str] = []
            for transaction, committed in transactions(path, self.params["reader"], log.executed):
                late = self.target.at and moment(committed) >= self.target.at and gtid.without(transaction, wanted)
                if late or transaction == self.target.before:
                    return transaction, gtid.union(wanted, ",".join(counted))
                counted.append(transaction)
            wanted = gtid.union(wanted, log.executed)
        return "", wanted

    def _is_in(self, log: Log) -> bool:
        """Whether the transaction that does not count is in a log."""
        return bool(self.target.before) and not gtid.without(self.target.before, log.executed)

    def _replay(self, server: Local, stop: str, wanted: str) -> None:
        """Have it apply up to there.

        Raises:
            KcError: It can't, or takes too long.
        """
        until = f"SQL_BEFORE_GTIDS = {value(stop)}" if stop else f"SQL_AFTER_GTIDS = {value(wanted)}"
        first = value(f"{RELAY}-{CHANNEL}.000001")
        server.run(
            f"CHANGE REPLICATION SOURCE TO SOURCE_HOST = 'nobody', RELAY_LOG_FILE = {first}, RELAY_LOG_POS = 4 FOR CHANNEL {value(CHANNEL)}"
        )
        server.run(f"START REPLICA SQL_THREAD UNTIL {until} FOR CHANNEL {value(CHANNEL)}")

        def ended() -> bool:
            channel = next(each for each in look(server).channels if each.name == CHANNEL)
            if channel.sql_error:
                raise KcError(f"a log can't be applied: {channel.sql_error}", hint="put right what it names, then run this again")
            return channel.sql == "No"

        if not wait_for(ended, self.params["wait"], 0.2):
            raise KcError(f"the logs were not applied in {self.params['wait']} s", hint="give more as `wait`; run this again")
        server.run(f"RESET REPLICA ALL FOR CHANNEL {value(CHANNEL)}")

    @contextmanager
    def _server(self) -> Iterator[Local]:
        """Have a server on the data that only this node's root gets to; it has ended when this does."""
        log, socket = self.begun.with_name(f"{self.begun.name}.log"), self.begun / "kc.sock"
        log.write_text("")
        self.owner.own(log)
        own = {
            "datadir": self.begun,
            "socket": socket,
            "pid-file": self.begun / "kc.pid",
            "log-error": log,
            "relay-log": RELAY,
            "relay-log-recovery": "OFF",
            "server-id": NOBODYS,
            "event-scheduler": "DISABLED",
            "super-read-only": "OFF",
            "read-only": "OFF",
            "mysqlx": "OFF",
            "loose-rpl-semi-sync-source-enabled": "OFF",
        }
        command = [
            *(self.params["program"], f"--defaults-file={self.params['config']}", "--skip-networking", "--skip-replica-start"),
            *(f"--{name}={setting}" for name, setting in own.items()),
        ]
        try:
            process = subprocess.Popen(command, preexec_fn=_ends_with_us, **self.owner.identity)
        except FileNotFoundError:
            raise KcError(f"there is no `{command[0]}` on this host", hint="install the server's packages first") from None
        try:
            with Local(self.params["timeout"], str(socket)) as server:

                def answers() -> bool:
                    try:
                        return server.one("SELECT 1") == 1
                    except NodeError as error:
                        if not error.absent:
                            raise
                        return process.poll() is not None

                if not wait_for(answers, SECONDS, 0.1) or process.poll() is not None:
                    said = errors_in(log.read_text(errors="replace"))
                    raise KcError(f"no server begins on the copy {self.base.name}: {said or 'it says nothing'}", hint=f"see {log}")
                yield server
                server.run("SHUTDOWN")
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            try:
                process.wait(SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        log.unlink(missing_ok=True)

    def aside(self) -> None:
        """Give what is at its place another name."""
        self.directory.rename(self.directory.with_name(f"{self.directory.name}.aside-{after('')}"))

    def place(self) -> None:
        """Put it in its place."""
        if self.directory.exists():
            self.directory.rmdir()
        self.begun.rename(self.directory)
        os.sync()
