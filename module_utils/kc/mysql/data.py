"""What kc_mysql_data does: a server's data directory, made once, whole or not at all, with its administrator's account.

It is made beside its place and renamed, so a directory that is there is complete, and is never touched again. The accounts are in a file
that has no name (memfd_create(2)): nothing is left of it wherever a run is killed, and no list of processes shows it.
"""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import KcError
from ..sql.errors import hide
from ..sql.report import Params
from . import administrator

MADE = "mysql.ibd"
"""What every data directory of MySQL 8 and later has: the dictionary."""


def converge(params: Params, *, check: bool) -> bool:
    """Make the data directory where there is none; whether there was none.

    Raises:
        KcError: Something else is there, or it could not be made.
    """
    directory = Path(params["directory"])
    if not directory.is_absolute():
        raise KcError(f"`directory` is {params['directory']}, and no absolute path", hint="give the whole path")
    if (directory / MADE).exists():
        return False
    if directory.is_dir() and (found := sorted(each.name for each in directory.iterdir())):
        raise KcError(
            f"{directory} is no data directory of MySQL, and not empty: {', '.join(found[:5])}", hint="look at what it is; move it away"
        )
    if not check:
        _make(directory, params)
    return True


def script(params: Params) -> str:
    """Return the statements that a new server begins with. None of them is in its binary log: replicas have their own."""
    return "".join(
        f"{statement};\n"
        for statement in (
            "SET sql_log_bin = 0",
            "INSTALL PLUGIN auth_socket SONAME 'auth_socket.so'",
            "ALTER USER 'root'@'localhost' IDENTIFIED WITH auth_socket",
            *(each.text for each in administrator.statements(params["user"], params["account_host"], params["password"])),
            "USE mysql",
        )
    )


@dataclass(frozen=True)
class Owner:
    """Who a server runs as.

    Attributes:
        user: The user's number.
        group: Its own group's.
        groups: Further ones.
    """

    user: int
    group: int
    groups: tuple[int, ...]

    @classmethod
    def of(cls, params: Params) -> Owner:
        """Return the one that a module's options name.

        Raises:
            KcError: There is no such user or group.
        """
        try:
            owner = pwd.getpwnam(params["owner"])
            return cls(owner.pw_uid, owner.pw_gid, tuple(grp.getgrnam(each).gr_gid for each in params["groups"]))
        except KeyError as error:
            raise KcError(
                f"there is no such user or group on this host: {error.args[0]}", hint="lay down its file for sysusers.d first"
            ) from None

    def folder(self, path: Path, below: Path | None = None) -> None:
        """Have a directory of its own there, and those above it, up to `below`."""
        if below is not None and path != below:
            self.folder(path.parent, below)
        path.mkdir(mode=0o750, exist_ok=True)
        self.own(path)

    def own(self, path: Path) -> None:
        """Have a file be its own."""
        os.chown(path, self.user, self.group)

    @property
    def identity(self) -> dict[str, Any]:
        """A process's options by which it is this one."""
        return {"user": self.user, "group": self.group, "extra_groups": list(self.groups)}


def _make(directory: Path, params: Params) -> None:
    _run(["systemd-sysusers"])
    owner = Owner.of(params)
    begun = directory.with_name(f"{directory.name}.new")
    if begun.exists():  # of a run that was killed
        shutil.rmtree(begun)
    directory.parent.mkdir(parents=True, exist_ok=True)
    owner.own(directory.parent)
    directory.parent.chmod(0o750)
    zones = _run(["mysql_tzinfo_to_sql", params["zones"]])
    with _unnamed(script(params) + zones, owner.user) as file:
        _run(
            [
                params["program"],
                f"--defaults-file={params['config']}",
                f"--datadir={begun}",
                "--initialize-insecure",  # root gets no password, and needs none: `script`
                f"--init-file=/proc/self/fd/{file}",
            ],
            owner,
            file,
            params["password"],
        )
    if directory.exists():
        directory.rmdir()  # it is empty
    begun.rename(directory)
    parent = os.open(directory.parent, os.O_RDONLY)
    os.fsync(parent)
    os.close(parent)


@contextmanager
def _unnamed(text: str, owner: int) -> Iterator[int]:
    """Yield a file in memory that only `owner` can open, as a number that a program inherits."""
    file = os.memfd_create("init")
    try:
        os.fchmod(file, 0o600)
        os.fchown(file, owner, -1)
        with os.fdopen(os.dup(file), "w", encoding="utf-8") as opened:
            opened.write(text)
        yield file
    finally:
        os.close(file)


def _run(command: list[str], owner: Owner | None = None, file: int = -1, secret: str = "") -> str:
    """Run a program, as another user where one is given, and return what it prints.

    Raises:
        KcError: It is not there, or failed.
    """
    try:
        done = subprocess.run(
            command,
            pass_fds=[file] if file >= 0 else [],
            capture_output=True,
            text=True,
            **(owner.identity if owner else {}),
        )
    except FileNotFoundError:
        raise KcError(f"there is no `{command[0]}` on this host", hint="install the server's packages first") from None
    if done.returncode:
        raise KcError(f"`{command[0]}` failed: {hide(errors_in(done.stderr), [secret])}", hint="put right what it names; nothing was made")
    return done.stdout


def errors_in(text: str) -> str:
    """Return what a server's log, or another program, says of why it failed."""
    lines = text.splitlines()
    return " ".join([line for line in lines if "[ERROR]" in line] or lines[-3:])
