"""What every MySQL module has in common: its options, its result, its errors."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from ..sql.report import Params, Report, ansible, outcome, wait_for
from .connection import Access, Node, Server
from .options import COMMON
from .statement import Statement, of

__all__ = ["Act", "Params", "Report", "Step", "Work", "main", "other", "run", "wait_for"]

Work = Callable[[Server, Params, Report], None]


@dataclass(frozen=True)
class Step:
    """A statement that a module would run, and where.

    Attributes:
        server: The server that gets it.
        statement: The statement.
        seconds: That it may take to answer, where that is more than any other may.
    """

    server: Server
    statement: str | Statement
    seconds: float = 0

    @property
    def shown(self) -> dict[str, str]:
        """The step as the result has it, without secrets."""
        return {"node": str(self.server.node), "statement": str(of(self.statement))}

    def run(self) -> None:
        """Run it."""
        if not self.seconds:
            self.server.run(self.statement)
            return
        with self.server.patient(self.seconds) as server:
            server.run(self.statement)


@dataclass(frozen=True)
class Act:
    """Something other than one statement, told in words of its own.

    Attributes:
        node: What it is done to: a server's node, or an instance of RDS.
        text: The words.
        act: Does it.
    """

    node: object
    text: str
    act: Callable[[], Any]

    @property
    def shown(self) -> dict[str, str]:
        """The act as the result has it."""
        return {"node": str(self.node), "statement": self.text}

    def run(self) -> None:
        """Do it."""
        self.act()


def other(params: Params, option: str) -> Server:
    """Return another server that an option names, with the same user.

    Raises:
        KcError: It names none.
    """
    return Server(Node.parse(params[option], params["port"], f"`{option}`"), Access.of(params))


def run(work: Work, params: Params, *, check: bool) -> dict[str, Any]:
    """Do a module's work and return the task's result (see `outcome`); `statements` are `{node, statement}` each."""
    report = Report(check=check)

    def act() -> None:
        with other(params, "host") as server:
            work(server, params, report)

    return outcome(report, act)


def main(work: Work, *documentation: str, secrets: Iterable[str] = (), **more: Any) -> None:
    """Run `work` as an Ansible module whose options `documentation` describes.

    Args:
        work: Looks, plans, and applies its plan, filling the report.
        documentation: The module's, and the fragments that it extends beyond the common one.
        secrets: Further options that are secret.
        more: Further arguments of `AnsibleModule`, such as `required_if`.
    """
    ansible(lambda params, check: run(work, params, check=check), COMMON, *documentation, secrets=("password", *secrets), **more)
