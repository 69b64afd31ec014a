"""What connections to database servers have in common, whatever the driver."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Any, Generic, Self, TypeVar

from .node import Access, Node
from .statement import Statement

N = TypeVar("N", bound=Node)


class Connection(ABC, Generic[N]):
    """A connection to a server; made when it is first used, closed by `close` or at the end of a `with`."""

    def __init__(self, node: N, access: Access) -> None:
        self.node = node
        self.access = access

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{self.node}>"

    def patient(self, seconds: float) -> Self:
        """Return another connection to it, for a statement that may itself wait this long before it answers."""
        return type(self)(self.node, replace(self.access, timeout=max(self.access.timeout, seconds + 15)))

    def one(self, statement: str | Statement) -> Any:
        """Return the one value that a statement answers; None where it answers nothing."""
        rows = self.rows(statement)
        return rows[0][0] if rows else None

    @abstractmethod
    def rows(self, statement: str | Statement) -> list[tuple[Any, ...]]:
        """Return what a statement answers, a tuple a row."""

    @abstractmethod
    def close(self) -> None:
        """Close the connection, if there is one."""
