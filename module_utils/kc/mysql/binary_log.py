"""A server's binary logs: which there are, and what is in one. `mysqlbinlog` reads them, since only it knows all of their forms."""

from __future__ import annotations

import datetime
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

from ..errors import KcError
from . import gtid
from .connection import Server
from .errors import NodeError
from .quote import value

_COMMITTED = re.compile(rb"# original_commit_timestamp=(\d+) \(")
_NEXT = re.compile(rb"SET @@SESSION\.GTID_NEXT= '([0-9a-f:_a-z-]+)'/\*!\*/;\s*")


@dataclass(frozen=True)
class Closed:
    """A log that nothing comes to any more.

    Attributes:
        path: Its file.
        previous: Transactions that the server had when it began.
        executed: Those that are in it.
    """

    path: Path
    previous: str
    executed: str


def there(server: Server) -> dict[str, Path]:
    """Return the files of the logs that there are, by what they are kept as (`Log.name`), oldest first; the last is written to.

    Raises:
        NodeError: They are encrypted, so that they can't be read.
    """
    rows = server.dicts("SHOW BINARY LOGS")
    if any(row.get("Encrypted") == "Yes" for row in rows):
        raise NodeError(str(server.node), "its binary logs are encrypted", hint="turn `binlog_encryption` off: the bucket encrypts")
    uuid, base = server.rows("SELECT @@global.server_uuid, @@global.log_bin_basename")[0]
    paths = (Path(base).with_name(str(row["Log_name"])) for row in rows)
    return {f"{uuid}.{_begun(path):%Y%m%dT%H%M%SZ}.{path.name}": path for path in paths}


def _begun(path: Path) -> datetime.datetime:
    """Return when a log began: the time of its first event, behind four bytes by which a log is known."""
    with path.open("rb") as file:
        return datetime.datetime.fromtimestamp(int.from_bytes(file.read(8)[4:], "little"), datetime.UTC)


def previous(server: Server, path: Path) -> str:
    """Return what the server had executed when a log began."""
    rows = server.dicts(f"SHOW BINLOG EVENTS IN {value(path.name)} LIMIT 3")
    return gtid.normal(next((str(row["Info"]) for row in rows if row["Event_type"] == "Previous_gtids"), ""))


def closed(server: Server, path: Path, following: Path) -> Closed:
    """Return what a log has in it, which the one that follows it says."""
    before = previous(server, path)
    return Closed(path, before, gtid.without(previous(server, following), before))


def transactions(path: Path, program: str, executed: str) -> Iterator[tuple[str, int]]:
    """Yield a log's transactions in their order: each one's GTID, and when it was committed where it was made (microseconds since 1970).

    Args:
        path: The file.
        program: `mysqlbinlog`.
        executed: What has to be in it; a text in a statement could look like another transaction.

    Raises:
        KcError: It can't be read, or has others in it.
    """
    command = [program, "--base64-output=DECODE-ROWS", str(path)]
    found: list[tuple[str, int]] = []
    with TemporaryFile() as errors:
        try:
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors)
        except FileNotFoundError:
            raise KcError(f"there is no `{program}` on this host", hint="install mysql-client-core") from None
        with process:
            committed = 0
            for line in process.stdout or ():
                if match := _COMMITTED.match(line):
                    committed = int(match[1])
                elif match := _NEXT.fullmatch(line):
                    found.append((match[1].decode(), committed))
        errors.seek(0)
        said = errors.read().decode(errors="replace").strip().splitlines()
    if process.returncode:
        raise KcError(f"`{program}` can't read {path.name}: {said[-1] if said else process.returncode}", hint="is it damaged?")
    has = gtid.normal(",".join(each for each, _ in found))
    if has != executed or gtid.count(executed) != len(found):
        raise KcError(
            f"{path.name} has other transactions than it should: {has or 'none'}, not {executed or 'none'}",
            hint="it was damaged, or changed",
        )
    yield from found
