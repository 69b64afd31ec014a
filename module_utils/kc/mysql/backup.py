"""The module `kc_mysql_backup`: a server's data and its binary logs to S3, and any moment of it back.

The server makes the copy (CLONE LOCAL), while it serves. Its files are kept each by itself, so what has not changed since the last copy is
there already. Manifests come last: what has none is no backup.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from ..backup.manifest import after
from ..backup.store import WORKERS, Sent, Store, pieces
from ..backup.work import WORK, alone
from ..errors import KcError
from . import binary_log, gtid
from .backup_manifest import BASES, LOGS, Base, Chain, File, Log, chain, later, moment
from .backup_restore import restored
from .binary_log import Closed
from .connection import Server
from .databases import SYSTEM
from .entry import Params, Report, Step
from .errors import NodeError
from .quote import value

COPY = "copy"
"""Where the server puts its copy, in our directory."""

CLOCK = "SELECT CAST(UNIX_TIMESTAMP(SYSDATE(6)) * 1000000 AS SIGNED)"
"""The server's clock, in microseconds since 1970."""


def work(server: Server, params: Params, report: Report) -> None:
    """Make a copy, send logs, restore, or tell what there is."""
    if params["keep"] < 1:
        raise KcError(f"`keep` is {params['keep']}", hint="one backup at least has to stay")
    bases, logs = Store.of(params, BASES), Store.of(params, LOGS)
    if params["state"] == "restored":
        restored(bases, logs, params, report)
    elif params["state"] == "listed":
        listed(bases, logs, report)
    elif params["state"] == "shipped":
        shipped(server, bases, logs, params, report)
    else:
        made(server, bases, logs, params, report)


def listed(bases: Store[Base], logs: Store[Log], report: Report) -> None:
    """Tell what copies there are, and up to when each goes."""
    there = logs.read(logs.names())
    report.outputs["backups"] = [_facts(base, chain(base.least, there)) for base in bases.read(bases.names())]


def _facts(base: Base, following: Chain) -> dict[str, object]:
    return {
        **base.facts,
        "until": max(base.ended, following.until),
        "logs": len(following.logs),
        "missing": following.missing,
    }


def made(server: Server, bases: Store[Base], logs: Store[Log], params: Params, report: Report) -> None:
    """Make a copy, then send the logs that go on from it.

    Raises:
        KcError: The server can't be copied as a whole, S3 says no, or somebody else does the same.
    """
    names = bases.names()  # that the bucket is there, and lets us in, is known before anything is done
    name = after(names[-1] if names else "")
    data = _data(server)
    _whole(server)
    root = data.parent
    copy = root / WORK / COPY
    report.plan([Step(server, f"CLONE LOCAL DATA DIRECTORY = {value(str(copy))}", params["wait"])])
    if report.check:
        report.outputs["backup"] = None
        return
    with alone(root) as directory:
        owner = data.stat()
        os.chown(directory, owner.st_uid, owner.st_gid)
        shutil.rmtree(copy, ignore_errors=True)  # of a run that was killed
        try:
            log, least = [*binary_log.there(server)][-1], gtid.executed(server)  # in this order: what comes between is in both
            report.apply()
            ended = moment(int(server.one(CLOCK)))
            most = gtid.executed(server)
            sent = Sent(bases)
            files = _kept(sent, copy)
            folders = tuple(sorted(str(path.relative_to(copy)) for path in copy.rglob("*") if path.is_dir() and not any(path.iterdir())))
        finally:
            shutil.rmtree(copy, ignore_errors=True)
        uuid, version = server.rows("SELECT @@global.server_uuid, @@global.version")[0]
        base = Base(name, str(server.node), uuid, version, log, least, most, ended, files, folders)
        bases.write([base])
        gone = names[: max(0, len(names) + 1 - params["keep"])]
        stay = [*bases.read(names[len(gone) :]), base]
        following = _ship(server, stay[0], base, logs, params, report)
        deleted = _retain(bases, logs, gone, stay)
    report.outputs |= {
        "backup": _facts(base, following),
        "uploaded": len(sent.sizes),
        "uploaded_bytes": sum(sent.sizes.values()),
        "gone": gone,
        "deleted_objects": deleted,
    }


def shipped(server: Server, bases: Store[Base], logs: Store[Log], params: Params, report: Report) -> None:
    """Send the logs that S3 has not yet.

    Raises:
        KcError: There is no copy that they could go on from, or something between is missing.
    """
    names = bases.names()
    if not names:
        raise KcError(f"there is no copy at {bases.where} that a log could go on from", hint="make one first (`state: made`)")
    data = _data(server)
    with alone(data.parent):
        oldest, newest = bases.read([names[0], names[-1]])
        following = _ship(server, oldest, newest, logs, params, report)
    report.outputs["backup"] = _facts(newest, following)
    if following.missing:
        raise KcError(
            f"{gtid.count(following.missing)} transactions after the copy {names[-1]} are in no log that was sent: {following.missing}",
            hint="their log was deleted before it was sent: make another copy (`state: made`), and send logs more often",
        )


def _data(server: Server) -> Path:
    """Return the server's data directory.

    Raises:
        NodeError: It keeps no log by which to go on, or is not on this machine.
    """
    asked = "SELECT @@global.datadir AS data, @@global.gtid_mode AS gtids, @@global.log_bin AS log, @@global.server_uuid AS uuid"
    row = server.dicts(asked)[0]
    if row["gtids"] != "ON" or not row["log"]:
        raise NodeError(str(server.node), "it counts no transactions, or has no binary log", hint="set gtid_mode = ON and log_bin")
    data = Path(row["data"])
    try:
        here = row["uuid"] in (data / "auto.cnf").read_text()
    except OSError:
        here = False
    if not here:
        raise NodeError(
            str(server.node), f"its files are not on this machine: {data}", hint="run this as root on the node that `host` names"
        )
    return data


def _whole(server: Server) -> None:
    """Refuse what a copy would have without its rows.

    Raises:
        NodeError: A table is not InnoDB's.
    """
    own = ", ".join(value(each) for each in sorted(SYSTEM))
    others = server.rows(
        "SELECT table_schema, table_name, engine FROM information_schema.tables WHERE table_type = 'BASE TABLE' AND engine <> 'InnoDB' "
        f"AND table_schema NOT IN ({own}) ORDER BY 1, 2"
    )
    if others:
        listed = ", ".join(f"{schema}.{table} ({engine})" for schema, table, engine in others[:5])
        raise NodeError(
            str(server.node),
            f"{len(others)} tables are not InnoDB's, and a copy has no rows of them: {listed}",
            hint="ALTER TABLE … ENGINE = InnoDB",
        )


def _kept(sent: Sent, copy: Path) -> tuple[File, ...]:
    """Have S3 keep a copy's files, and return them."""

    def one(path: Path) -> File:
        name, size = sent.keep(lambda: pieces(path))
        return File(str(path.relative_to(copy)), size, name)

    with ThreadPoolExecutor(WORKERS) as pool:
        return tuple(pool.map(one, sorted(path for path in copy.rglob("*") if path.is_file())))


def _ship(server: Server, oldest: Base, newest: Base, logs: Store[Log], params: Params, report: Report) -> Chain:
    """Close the log that is written to, where something is in it, and send all that are closed and have what the oldest copy has not.

    Returns:
        What goes on from the newest copy.
    """
    until = moment(int(server.one(CLOCK)))
    there = binary_log.there(server)
    if gtid.without(gtid.executed(server), binary_log.previous(server, [*there.values()][-1])):
        report.plan([Step(server, "FLUSH BINARY LOGS")])
        report.apply()
        there = binary_log.there(server)
    names = logs.names()
    wanted = {*later(oldest, there)} - {*names}
    pairs = {name: pair for name, pair in zip(there, pairwise(there.values()), strict=False) if name in wanted}
    new = {name: binary_log.closed(server, *pair) for name, pair in pairs.items()}
    new = {name: each for name, each in new.items() if gtid.without(each.executed, oldest.least)}
    report.changed = report.changed or bool(new)
    report.outputs["sent"] = [each.path.name for each in new.values()]
    found = logs.read(later(newest, names))
    if new and not report.check:
        sent = Sent(logs)
        with ThreadPoolExecutor(WORKERS) as pool:
            made = [*pool.map(lambda name: _log(sent, name, new[name], params["reader"]), new)]
        made[-1] = replace(made[-1], until=max(made[-1].until, until))  # nothing that was committed by then is in a later one
        logs.write(made)
        found += made
    return chain(newest.least, found)


def _log(sent: Sent, name: str, closed: Closed, reader: str) -> Log:
    times = [moment(committed) for _, committed in binary_log.transactions(closed.path, reader, closed.executed)]
    object_, size = sent.keep(lambda: pieces(closed.path))
    return Log(name, closed.previous, closed.executed, times[0], max(times), max(times), size, object_)


def _retain(bases: Store[Base], logs: Store[Log], gone: Sequence[str], stay: Sequence[Base]) -> int:
    """Delete copies, and the logs that only these needed, then what no manifest names any more; return how many objects that were."""
    bases.drop(gone)
    names = logs.names()
    kept = [log for log in logs.read(later(stay[0], names)) if gtid.without(log.executed, stay[0].least)]
    logs.drop({*names} - {log.name for log in kept})
    return bases.sweep(set().union(*(base.objects for base in stay), *(log.objects for log in kept)))
