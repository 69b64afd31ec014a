"""Many nodes at once, and statements for all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from ..errors import KcError
from ..sql.report import wait_for
from .connection import Access, Node, Server
from .errors import NodeError, of_server
from .quote import name, value
from .statement import Statement

__all__ = ["Cluster", "Spread", "clause", "cluster", "on_cluster", "raise_all", "wait_for"]

T = TypeVar("T")

TIMED_OUT = 159
"""The server's code for "not all have answered in time": the statement stands in the queue, and who is absent runs it on return."""

UNFINISHED = 341
"""The server's code for "done here, and a replica that is not there does it when it returns" (src/Common/ErrorCodes.cpp)."""


class Cluster:
    """The nodes that a task names."""

    def __init__(self, servers: Sequence[Server]) -> None:
        if not servers:
            raise KcError("`nodes` is empty", hint="name at least one node")
        self.servers = list(servers)

    def here(self, host: str, port: int) -> Server:
        """Return the node that the module runs on.

        Raises:
            KcError: The option `host` names none of the nodes.
        """
        node = Node.parse(host, port)
        for server in self.servers:
            if server.node == node:
                return server
        known = ", ".join(str(server.node) for server in self.servers)
        raise KcError(f"`host`: {node} is none of `nodes`", hint=f"these are {known}")

    def ask(self, question: Callable[[Server], T], of: Iterable[Server] | None = None) -> tuple[dict[Server, T], dict[Server, NodeError]]:
        """Ask every node the same, side by side.

        Returns:
            The answers, and why the others gave none; both in the order of `nodes`.
        """
        asked = list(self.servers if of is None else of)
        if not asked:
            return {}, {}

        def one(server: Server) -> T | NodeError:
            try:
                return question(server)
            except NodeError as error:
                return error

        with ThreadPoolExecutor(max_workers=len(asked)) as pool:
            found = list(zip(asked, pool.map(one, asked), strict=True))
        answers = {server: answer for server, answer in found if not isinstance(answer, NodeError)}
        return answers, {server: answer for server, answer in found if isinstance(answer, NodeError)}

    def all(self, question: Callable[[Server], T]) -> dict[Server, T]:
        """Ask every node the same; that one gives no answer is an error.

        Raises:
            KcError: Naming every node that gave none, and why.
        """
        answers, failures = self.ask(question)
        raise_all(failures.values())
        return answers

    def present(self, question: Callable[[Server], T]) -> tuple[dict[Server, T], list[str]]:
        """Ask every node that is there.

        Returns:
            The answers, and the absent nodes.

        Raises:
            KcError: A node is there and says no (a wrong password, a foreign certificate), or no node is there.
        """
        answers, failures = self.ask(question)
        raise_all(error for error in failures.values() if not error.absent)
        if not answers:
            raise_all(failures.values())
        return answers, [str(server.node) for server in failures]


@contextmanager
def cluster(nodes: Sequence[str], access: Access, port: int) -> Iterator[Cluster]:
    """Open the nodes that a task names, and close them at the end.

    Raises:
        KcError: A node's name is none, or one stands there twice.
    """
    parsed = [Node.parse(node, port) for node in nodes]
    twice = sorted({str(node) for node in parsed if parsed.count(node) > 1})
    if twice:
        raise KcError(f"`nodes` names {', '.join(twice)} twice", hint="name each node once")
    found = Cluster([Server(node, access) for node in parsed])
    try:
        yield found
    finally:
        for server in found.servers:
            server.close()


def raise_all(errors: Iterable[NodeError]) -> None:
    """Raise what went wrong, every node of it in one error; nothing where nothing did."""
    found = list(errors)
    if len(found) == 1:
        raise found[0]
    if found:
        first = found[0]
        text = "; ".join(error.message for error in found)
        hints = {error.hint for error in found}
        raise KcError(text, hint=first.hint if len(hints) == 1 else "", code=first.code)


@dataclass
class Spread:
    """How far a statement for all nodes has come.

    Attributes:
        done: Nodes that have run it.
        absent: Nodes that have not answered in time; they run it when they return.
    """

    done: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)


def on_cluster(server: Server, before: str, cluster_name: str, after: str = "", *, timeout: int, secrets: Sequence[str] = ()) -> Spread:
    """Run `<before> ON CLUSTER <cluster> <after>` through the queue of the ensemble.

    Args:
        server: Who puts it there.
        before: The statement up to the place of the clause: `CREATE DATABASE d`.
        cluster_name: A cluster of the servers' configuration.
        after: The rest of it.
        timeout: Seconds to wait for the nodes.
        secrets: See `Statement`.

    Raises:
        KcError: A node has run it and says no; every such node is named.
    """
    statement = Statement(clause(before, cluster_name, after), tuple(secrets))
    with server.patient(timeout) as queue:
        queue.set(distributed_ddl_task_timeout=timeout)
        members = _members(server, cluster_name)
        rows, error = queue.until_error(statement)
    done, refused = [], []
    for host, port, status, said, *_ in rows:
        node = f"{host}:{port}"
        if status:
            refused.append(of_server(node, int(status), str(said), secrets))
        else:
            done.append(node)
    raise_all(refused)
    if error is not None and error.server_code != TIMED_OUT:
        raise error
    return Spread(sorted(done), sorted(set(members) - set(done)))


def clause(before: str, cluster_name: str | None, after: str = "") -> str:
    """Return a statement, with its ON CLUSTER clause where there is a cluster."""
    where = f" ON CLUSTER {name(cluster_name, what='`cluster`')}" if cluster_name else ""
    return f"{before}{where}{' ' + after if after else ''}"


def _members(server: Server, cluster_name: str) -> list[str]:
    rows = server.rows(Statement(f"SELECT host_name, port FROM system.clusters WHERE cluster = {value(cluster_name)}"))
    if not rows:
        known = [row[0] for row in server.rows("SELECT DISTINCT cluster FROM system.clusters ORDER BY cluster")]
        raise NodeError(
            str(server.node),
            f"`cluster`: it knows no cluster {cluster_name!r}",
            hint=f"it knows {', '.join(known) or 'none'}: converge its configuration, or name one of these",
        )
    return [f"{host}:{port}" for host, port in rows]
