"""What is kept of a server of our own: copies of its data, and its binary logs, which together are every moment since.

    base ── log ── log ── log …     each goes on where those before it end, by the transactions that it says it follows

A log says what was executed before it began, so what is missing between two of them shows, whichever servers they are from.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import Any, Self

from ..backup import manifest
from ..backup.manifest import DIGEST, MOMENT
from ..backup.store import Shelf
from . import gtid

TIME = "%Y-%m-%dT%H:%M:%S.%fZ"
"""Moments, in UTC and to the microsecond: the later is the greater text."""


def moment(microseconds: int) -> str:
    """Return a moment, given as microseconds since 1970."""
    return (datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=microseconds)).strftime(TIME)


@dataclass(frozen=True)
class File:
    """A file of a copy.

    Attributes:
        path: Where it is below the data directory.
        size: Bytes.
        object: SHA-256 of it, by which it is kept.
    """

    path: str
    size: int
    object: str

    def __post_init__(self) -> None:
        _below(self.path)
        if not DIGEST.fullmatch(self.object):
            raise ValueError(self.object)


def _below(path: str) -> None:
    """Refuse a path that leads elsewhere.

    Raises:
        ValueError: It does.
    """
    if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
        raise ValueError(path)


@dataclass(frozen=True)
class Manifest:
    """What both manifests have in common."""

    def text(self) -> str:
        """Return it as JSON."""
        return manifest.text(asdict(self))

    @classmethod
    def parse(cls, text: bytes | str, where: str) -> Self:
        """Return the manifest that `text` is.

        Raises:
            KcError: It is none.
        """
        return manifest.parse(text, where, cls._of)

    @classmethod
    def _of(cls, given: Mapping[str, Any]) -> Self:
        return cls(**given)


@dataclass(frozen=True)
class Base(Manifest):
    """A copy of a server's data.

    Attributes:
        name: See `manifest.NAME`.
        node: Whose it is.
        server: That server's `server_uuid`.
        version: And its version.
        log: The log that was written to before the copy was made: earlier ones of that server have nothing that is not in it.
        least: Transactions that are in it.
        most: Transactions that may be in it: no others are.
        ended: The moment from which on every transaction is in `logs`, or in it.
        files: What it is made of.
        folders: Directories that are empty.
    """

    name: str
    node: str
    server: str
    version: str
    log: str
    least: str
    most: str
    ended: str
    files: tuple[File, ...]
    folders: tuple[str, ...]

    @property
    def objects(self) -> set[str]:
        return {file.object for file in self.files}

    @property
    def size(self) -> int:
        """Bytes of it."""
        return sum(file.size for file in self.files)

    @property
    def facts(self) -> dict[str, Any]:
        """What an operator wants to know of it."""
        return {key: value for key, value in asdict(self).items() if key not in ("files", "folders", "most", "log")} | {"bytes": self.size}

    @classmethod
    def _of(cls, given: Mapping[str, Any]) -> Self:
        for folder in given["folders"]:
            _below(folder)
        return cls(**{**given, "files": tuple(File(**each) for each in given["files"]), "folders": tuple(given["folders"])})


@dataclass(frozen=True)
class Log(Manifest):
    """A binary log that is closed.

    Attributes:
        name: The server's `server_uuid`, when the log began, and the file's name: the later of a server has the greater one, though a
            server that was cloned numbers its files anew.
        previous: Transactions that the server had when it began.
        executed: Those that are in it.
        first, last: When the first and the last of them were committed, where they were made.
        until: The moment up to which all that was committed is in it, or before it.
        size: Bytes.
        object: SHA-256 of it, by which it is kept.
    """

    name: str
    previous: str
    executed: str
    first: str
    last: str
    until: str
    size: int
    object: str

    @property
    def objects(self) -> set[str]:
        return {self.object}

    def __post_init__(self) -> None:
        if not DIGEST.fullmatch(self.object):
            raise ValueError(self.object)


BASES = Shelf("bases", MOMENT, Base.parse)
LOGS = Shelf("logs", re.compile(r"[0-9a-f-]{36}\.\d{8}T\d{6}Z\.[\w-]+\.[0-9]+"), Log.parse, "log")


@dataclass(frozen=True)
class Chain:
    """What goes on from a copy.

    Attributes:
        logs: In the order in which they are to be applied.
        missing: Transactions without which the next log can't follow; empty where there is no next.
    """

    logs: tuple[Log, ...]
    missing: str

    @property
    def until(self) -> str:
        """The moment up to which all is there; empty without logs."""
        return max((log.until for log in self.logs), default="")


def chain(executed: str, logs: Iterable[Log]) -> Chain:
    """Return the logs that go on from what was executed; those that add nothing are left out."""
    found: list[Log] = []
    have, waiting = executed, list[Log]()
    for log in sorted(logs, key=lambda log: (log.first, log.name)):
        waiting.append(log)
        while following := next((each for each in waiting if not gtid.without(each.previous, have)), None):
            waiting.remove(following)
            if gtid.without(following.executed, have):
                found.append(following)
                have = gtid.union(have, following.executed)
    missing = (gtid.without(log.previous, have) for log in waiting if gtid.without(log.executed, have))
    return Chain(tuple(found), min(missing, key=gtid.count, default=""))


def later(base: Base, names: Iterable[str]) -> list[str]:
    """Return the logs that may have what a copy has not, by their names: its server's from then on, and all of other servers."""
    return [name for name in names if name >= base.log or not name.startswith(f"{base.server}.")]
