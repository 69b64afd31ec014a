"""A point in time: the last snapshot before it, and what the binary log says was done from there on."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ...podman import podman
from . import sql
from .parameters import BINARY_LOG
from .server import IMAGE, image

MARK = "/*!*/;\n"
"""What ends a statement in mysqlbinlog's output."""
CLIENTS = r"/*!\C "
"""What only the client `mysql` understands."""


def last_before(snapshots: Mapping[str, Mapping[str, Any]], resource: str, until: float) -> str:
    """Return the key of the last snapshot of an instance from before a time (seconds since 1970), "" where there is none."""
    of = [(about["made"], key) for key, about in snapshots.items() if about["of"].get("instance") == resource and about["made"] <= until]
    return max(of, default=(0.0, ""))[1]


def statements(text: str) -> Iterator[str]:
    """Yield the statements of mysqlbinlog's output."""
    _, _, rest = text.partition("DELIMITER /*!*/;\n")
    for part in rest.partition("DELIMITER ;\n")[0].split(MARK):
        # not splitlines: the salt of a password may hold a vertical tab, or what else Python takes for the end of a line
        statement = "\n".join(line for line in part.split("\n") if not line.startswith("#")).strip()
        if statement and not statement.startswith(CLIENTS):
            yield statement


def replay(data: Path, logs: Path, until: float) -> None:
    """Have a server do what another one has done since: up to, and without, a second.

    Args:
        data: The server's data.
        logs: The other's, with its binary log.
        until: Seconds since 1970.
    """
    names = sorted(path.name for path in logs.glob(f"{BINARY_LOG}.[0-9]*"))
    with sql.session(data, logged=True) as asked:
        has = asked.do("SELECT @@GLOBAL.gtid_executed AS gtids")[0]["gtids"].replace("\n", "")
        stop = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(until))
        said = podman(
            *("run", "--rm", "--network=none", "--cap-drop=all", "--volume", f"{logs}:/logs:ro", "--workdir=/logs"),
            *("--entrypoint", f"{IMAGE}binlog", image(), f"--stop-datetime={stop}", f"--exclude-gtids={has}", *names),
            timeout=600,
        )
        for statement in statements(said):
            asked.do(statement)
