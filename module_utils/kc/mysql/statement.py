"""Statements that may hold secrets: they print without them."""

from __future__ import annotations

from ..sql.statement import Statement as Shared
from ..sql.statement import of
from .quote import value

__all__ = ["Statement", "of"]


class Statement(Shared):
    """A statement of MySQL's."""

    @staticmethod
    def literal(text: str) -> str:
        """Return a text in quotes, as the server reads it."""
        return value(text)
