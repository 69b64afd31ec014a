"""What every ClickHouse module has in common: its options, its result, its errors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..sql.report import Params, ansible, outcome
from ..sql.report import Report as Shared
from .cluster import UNFINISHED, Cluster, Spread, clause, cluster, on_cluster
from .connection import Access, Server
from .errors import NodeError
from .options import COMMON
from .statement import Statement, of

__all__ = ["Params", "Report", "Step", "Work", "main", "run"]

_WAITS = "replication_alter_columns_timeout"


@dataclass(frozen=True)
class Step:
    """A statement that a module would run, and where.

    Attributes:
        server: The node that gets it.
        statement: The statement, without its ON CLUSTER clause.
        cluster: Run it through the queue of this cluster; `statement` and `after` are what stands before and behind the clause.
        after: See `cluster`.
        wait: Seconds to wait for the other nodes.
    """

    server: Server
    statement: str | Statement
    cluster: str | None = None
    after: str = ""
    wait: int = 30

    @property
    def shown(self) -> dict[str, str]:
        """The step as the result has it, without secrets."""
        return {"node": str(self.server.node), "statement": clause(str(of(self.statement)), self.cluster, self.after)}

    def run(self) -> Spread | None:
        """Run it."""
        wanted = of(self.statement)
        if self.cluster:
            return on_cluster(self.server, wanted.text, self.cluster, self.after, timeout=self.wait, secrets=wanted.secrets)
        with self.server.patient(self.wait) as server:
            # 18.16 waits for all replicas to carry out an ALTER, those that are absent too; current versions don't by themselves
            if wanted.text.startswith("ALTER TABLE ") and server.one(f"SELECT 1 FROM system.settings WHERE name = '{_WAITS}'"):
                server.set(**{_WAITS: self.wait})
            try:
                server.run(Statement(clause(wanted.text, None, self.after), wanted.secrets))
            except NodeError as error:
                if error.server_code != UNFINISHED:
                    raise
        return None


@dataclass
class Report(Shared):
    """What a ClickHouse module has to say.

    Attributes:
        absent: Nodes that were not there, or have not answered in time.
    """

    absent: list[str] = field(default_factory=list)

    def after(self, told: Spread | None) -> None:
        """Take note of how far a statement has come."""
        self.missed(told.absent if told else [])

    def missed(self, nodes: Sequence[str]) -> None:
        """Add nodes that were not there."""
        self.absent = sorted({*self.absent, *nodes})

    def result(self) -> dict[str, Any]:
        """Return the task's result."""
        warnings = list(self.warnings)
        if self.absent:
            warnings.append(f"not verified on {', '.join(self.absent)}: absent; a statement in the cluster's queue is run there on return")
        return {**super().result(), "absent": self.absent, **self.outputs, **({"warnings": warnings} if warnings else {})}


Work = Callable[[Cluster, Params, Report], None]


def run(work: Work, params: Params, *, check: bool) -> dict[str, Any]:
    """Do a module's work and return the task's result, in the same shape with and without `check`.

    Returns:
        `changed`, `statements` (`{node, statement}` each, secrets hidden), `diff`, `absent`, and the module's own outputs. On
        an error also `failed`, `msg`, `errors`, and `applied`: the statements that were run before it.
    """
    report = Report(check=check)

    def act() -> None:
        with cluster(params["nodes"], Access.of(params), params["port"]) as nodes:
            work(nodes, params, report)

    return outcome(report, act)


def main(work: Work, *documentation: str, **more: Any) -> None:
    """Run `work` as an Ansible module whose options `documentation` describes.

    Args:
        work: Looks, plans, and applies its plan, filling the report.
        documentation: The module's, and the fragments that it extends beyond the common one.
        more: Further arguments of `AnsibleModule`, such as `required_if`.
    """
    ansible(lambda params, check: run(work, params, check=check), COMMON, *documentation, **more)
