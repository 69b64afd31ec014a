"""The service of this node's member: whether it runs, and whether it runs with the files as they are."""

from __future__ import annotations

import math
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ..errors import KcError

OFTEN = 5
"""How often a service that was started ends before nobody waits for it any longer."""


@dataclass(frozen=True)
class Running:
    """What systemd says of a unit.

    Attributes:
        loaded: There is such a unit.
        active: It runs, or is about to.
        failed: It ended, again and again, or systemd gave up on it.
        enabled: It starts at boot.
        since: When its process began, seconds since the epoch; infinite where it has yet to, and reads what is there then.
        outdated: The unit's own files have changed since systemd read them.
    """

    loaded: bool
    active: bool
    failed: bool
    enabled: bool
    since: float
    outdated: bool = False

    def stale(self, files: Sequence[str]) -> bool:
        """Return whether one of the files, or files below them, was written since the process began, or the unit's own were."""
        return self.active and (self.outdated or any(written > self.since for written in _written(files)))


def look(unit: str) -> Running:
    """Return what systemd says of a unit."""
    names = "LoadState,ActiveState,UnitFileState,MainPID,ExecMainStartTimestamp,NRestarts,NeedDaemonReload"
    told = dict(line.partition("=")[::2] for line in systemctl("show", "--timestamp=us+utc", f"--property={names}", unit).splitlines())
    began = told.get("ExecMainStartTimestamp", "") if told.get("MainPID", "0") != "0" else ""
    return Running(
        loaded=told.get("LoadState") == "loaded",
        active=told.get("ActiveState") in ("active", "activating", "reloading"),
        failed=told.get("ActiveState") == "failed" or int(told.get("NRestarts") or 0) >= OFTEN,
        enabled=told.get("UnitFileState") == "enabled",
        since=datetime.strptime(began, "%a %Y-%m-%d %H:%M:%S.%f UTC").replace(tzinfo=UTC).timestamp() if began else math.inf,
        outdated=told.get("NeedDaemonReload") == "yes",
    )


def start(unit: str, *, again: bool = False) -> None:
    """Start a unit, or start it again, with its file, its user and its place at boot as they are written.

    Raises:
        KcError: It does not start.
    """
    _run("systemd-sysusers")
    systemctl("daemon-reload")
    systemctl("enable", "--quiet", unit)
    systemctl("reset-failed", unit)
    if again:
        systemctl("stop", unit)
    # whoever starts it waits for what the service is for, and for as long as that may take
    systemctl("start", "--no-block", unit)


def end(unit: str) -> None:
    """End a unit, and have it not start at boot.

    Raises:
        KcError: It does not end.
    """
    systemctl("disable", "--quiet", "--now", unit)


def own(unit: str, directory: Path, name: str) -> None:
    """Put an empty file into a directory of a unit's user, who may take it away again.

    Raises:
        KcError: There is no such user.
    """
    _run("systemd-sysusers")
    systemctl("daemon-reload")
    user = systemctl("show", "--property=User", "--value", unit).strip()
    _run("install", "--directory", f"--owner={user}", f"--group={user}", "--mode=0700", str(directory))
    _run("install", f"--owner={user}", f"--group={user}", "--mode=0600", "/dev/null", str(directory / name))


def last_words(unit: str, count: int = 5) -> str:
    """Return the last lines of a unit's journal."""
    done = subprocess.run(["journalctl", "--unit", unit, "--lines", str(count), "--output=cat"], capture_output=True, text=True)
    return " | ".join(line.strip() for line in done.stdout.splitlines() if line.strip())


def systemctl(*words: str) -> str:
    """Run systemctl and return what it prints.

    Raises:
        KcError: It failed.
    """
    return _run("systemctl", *words)


def _run(*words: str) -> str:
    try:
        done = subprocess.run(words, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise KcError(f"there is no `{words[0]}` on this host") from error
    if done.returncode:
        raise KcError(f"`{' '.join(words)}` failed: {done.stderr.strip()}", hint="`journalctl -xe` on the node tells more")
    return done.stdout


def _written(files: Sequence[str]) -> Iterator[float]:
    for name in files:
        path = Path(name)
        for file in path.rglob("*") if path.is_dir() else [path]:
            if file.is_file():
                yield file.stat().st_mtime
