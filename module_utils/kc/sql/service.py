"""This node's database server: it runs with the files as they are, and serves; restarted only where all others serve that it belongs to."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from ..errors import KcError
from ..keeper import service
from .connection import Connection
from .errors import NodeError
from .node import Access
from .report import Params, ansible

PAUSE = 0.3
"""Seconds between two looks at a server that is expected."""

PATIENCE = 10
"""Seconds for a connection and an answer, of which there are many."""


@dataclass
class Result:
    """What was done, or would be.

    Attributes:
        due: It serves, but with older files or an older program than those that are there: it has to be restarted, at its turn.
        done: `start`, `restart`, `enable`, `stop`, and what else a server's kind has.
        cut: Queries that a restart, or the end, did not wait for any longer.
    """

    due: bool = False
    done: list[str] = field(default_factory=list)
    cut: int = 0

    @property
    def changed(self) -> bool:
        """Return whether anything was."""
        return bool(self.done)


@dataclass(frozen=True)
class Service(ABC):
    """This node's server.

    Attributes:
        host: Its name, as its certificate has it.
        hosts: All nodes of its cluster.
        unit: Its systemd unit.
        files: What its process reads when it begins: files and directories.
        access: The administrator's.
        timeout: Seconds until it has to serve, and until it has caught up.
        port: Where it takes connections over TLS.
        drain: Seconds that a restart waits for queries at most.
        log: What tells more than the journal, where something does.
    """

    log: ClassVar[str] = ""
    running: ClassVar[str]
    """The statement that tells which queries run, but the one that asks."""

    host: str
    hosts: Sequence[str]
    unit: str
    files: Sequence[str]
    access: Access
    timeout: float
    port: int
    drain: float = 60

    @classmethod
    def of(cls, params: Params) -> Service:
        """Return the server that a task's options describe.

        Raises:
            KcError: It is none of those that it belongs to.
        """
        host, hosts = params["host"], params["nodes"]
        if host not in hosts:
            raise KcError(f"{host} is no node of its cluster", hint=f"the nodes are {', '.join(hosts)}")
        access = Access(params["user"], params["password"], params["ca"], PATIENCE)
        return cls(host, hosts, params["unit"], params["files"], access, params["timeout"], params["port"], params["drain"])

    @abstractmethod
    def connection(self, host: str) -> Connection[Any]:
        """Return a connection to a node, as the administrator."""

    @abstractmethod
    def lacking(self) -> str:
        """Return why this node, which serves, is not as it was before its restart; empty where it is.

        Raises:
            NodeError: It does not serve after all.
        """

    def queries(self) -> set[str]:
        """Return the queries that run on this node; none where it serves nobody."""
        try:
            with self.connection(self.host) as server:
                return {str(row[0]) for row in server.rows(self.running)}
        except NodeError:
            return set()

    def silent(self, host: str) -> str:
        """Return why a node does not serve; empty where it does."""
        try:
            with self.connection(host) as server:
                server.one("SELECT 1")
        except NodeError as error:
            return str(error)
        return ""

    def behind(self) -> str:
        """Return why this node is not as it was before its restart; empty where it is."""
        try:
            return self.lacking()
        except NodeError as error:
            return str(error)

    def expected(self) -> str:
        """Return why this node does not serve yet; what stands in its way may be put right."""
        return self.silent(self.host)

    def present(self, *, check: bool = False) -> Result:
        """Have it run and serve. Where it serves with older files it is left to `restart`.

        Raises:
            KcError: It does not begin to serve.
        """
        running = service.look(self.unit)
        stale = running.stale(self.files) or _program_is_gone(self.unit)
        serves = running.active and not self.silent(self.host)
        if serves and stale:
            return Result(due=True)
        result = Result()
        if not running.active or stale:  # one that serves nobody may be restarted at any time
            result.done.append("restart" if running.active else "start")
        elif not running.enabled:
            result.done.append("enable")
        if check:
            return result
        if result.changed:
            service.start(self.unit, again=result.done == ["restart"])
        if not serves:
            self.wait(self.expected, "serve")
        return result

    def restart(self, *, check: bool = False) -> Result:
        """Restart it, and wait until it serves and has caught up.

        Raises:
            KcError: Another node does not serve, or this one does not come back.
        """
        self.alone("restarted")
        result = Result(done=["restart"])
        if not check:
            result.cut = self.last_queries()
            service.start(self.unit, again=True)
            self.wait(self.behind, "be back and have caught up")
        return result

    def stop(self, *, check: bool = False) -> Result:
        """End it, and have it not begin again by itself.

        Raises:
            KcError: Another node does not serve.
        """
        running = service.look(self.unit)
        if not running.active and not running.enabled:
            return Result()
        self.alone("stopped")
        result = Result(done=["stop"])
        if not check:
            result.cut = self.last_queries()
            service.end(self.unit)
        return result

    def alone(self, what: str) -> None:
        """See that nobody else is away.

        Raises:
            KcError: Another node does not serve, and this one does.
        """
        away = [silent for host in self.hosts if host != self.host and (silent := self.silent(host))]
        if away and not self.silent(self.host):
            raise KcError(
                f"{self.host} is not {what} while others do not serve: {' '.join(away)}",
                hint="bring back what is away, then run this again",
            )

    def last_queries(self) -> int:
        """Wait for the queries that run now, not for those that come; return how many still run."""
        left, until = self.queries(), time.monotonic() + self.drain
        while left and time.monotonic() < until:
            time.sleep(PAUSE)
            left &= self.queries()
        return len(left)

    def wait(self, missing: Callable[[], str], what: str) -> None:
        """Wait until nothing is missing.

        Raises:
            KcError: It is not in time, or the service has failed.
        """
        until = time.monotonic() + self.timeout
        while why := missing():
            failed = service.look(self.unit).failed
            if failed or time.monotonic() > until:
                how = "its service failed" if failed else f"not within {self.timeout:g} s"
                raise KcError(
                    f"{self.host} was expected to {what}, but {how}: {why} The journal's last words: {service.last_words(self.unit)}",
                    hint=f"{' and '.join(filter(None, (f'`journalctl --unit {self.unit}`', self.log)))} on the node tell more",
                )
            time.sleep(PAUSE)


def _program_is_gone(unit: str) -> bool:
    """Return whether a package has put another program in the place of the one that runs."""
    process = service.systemctl("show", "--property=MainPID", "--value", unit).strip()
    try:
        return process != "0" and str(Path(f"/proc/{process}/exe").readlink()).endswith(" (deleted)")
    except OSError:
        return False


def main(kind: type[Service], *documentation: str) -> None:
    """Run a server's module, whose options `documentation` describes."""

    def run(params: Params, check: bool) -> dict[str, Any]:
        try:
            server = kind.of(params)
            work = server.restart if params["restart"] else server.stop if params["stop"] else server.present
            result = work(check=check)
        except KcError as error:
            return {"failed": True, "msg": str(error)}
        return {"changed": result.changed, **vars(result)}

    ansible(run, *documentation, mutually_exclusive=[("restart", "stop")])
