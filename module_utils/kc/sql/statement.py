"""Statements that may hold secrets: they print without them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

from .errors import hide


@dataclass(frozen=True)
class Statement:
    """What is sent to a server.

    Attributes:
        text: The whole of it; never shown.
        secrets: The parts of it that nobody may see, in every form that they have there.
    """

    text: str = field(repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)

    def __str__(self) -> str:
        return hide(self.text, self.secrets)

    @staticmethod
    def literal(text: str) -> str:
        """Return a text in quotes, as the server reads it."""
        raise NotImplementedError

    @classmethod
    def with_secrets(cls, text: str, *secrets: str) -> Self:
        """Return a statement that hides each secret, as it is and as a literal has it."""
        return cls(text, tuple({form for secret in secrets if secret for form in (secret, cls.literal(secret)[1:-1])}))


def of(statement: str | Statement) -> Statement:
    """Return a statement that has no secrets where a text is given."""
    return statement if isinstance(statement, Statement) else Statement(statement)
