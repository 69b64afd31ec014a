"""Errors that say what went wrong, where, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .model import Key, Outcome


class KcError(Exception):
    """Something that a user can act on.

    Attributes:
        message: What went wrong, in one line.
        hint: What to do, in one line; may be empty.
        code: The AWS error code, or "".
        transient: The call may have been carried out although it failed, and is worth repeating.
        exists: AWS says that the resource is there already.
        missing: AWS says that the resource is not there.
    """

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        code: str = "",
        request_id: str = "",
        operation: str = "",
        region: str = "",
        transient: bool = False,
        exists: bool = False,
        missing: bool = False,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code
        self.request_id = request_id
        self.operation = operation
        self.region = region
        self.transient = transient
        self.exists = exists
        self.missing = missing

    def __str__(self) -> str:
        return f"{self.message}. {self.hint[:1].upper()}{self.hint[1:]}." if self.hint else f"{self.message}."

    def facts(self) -> dict[str, str]:
        """Return the error as data, without empty fields."""
        names = ("message", "hint", "code", "request_id", "operation", "region")
        return {name: getattr(self, name) for name in names if getattr(self, name)}


class ResourceError(KcError):
    """What went wrong with one resource."""

    def __init__(self, key: Key, message: str, **facts: Any) -> None:
        super().__init__(f"{key.kind} {key.name} ({key.region}): {message}", **facts)
        self.key = key

    @classmethod
    def of(cls, key: Key, error: BaseException) -> ResourceError:
        """Return `error` with the resource that it happened to; what is no `KcError` is a `Defect`."""
        if isinstance(error, ResourceError):
            return error
        if not isinstance(error, KcError):
            return Defect(key, error)
        found = cls(key, error.message, **{name: value for name, value in error.facts().items() if name != "message"})
        found.transient, found.exists, found.missing = error.transient, error.exists, error.missing
        return found

    def facts(self) -> dict[str, str]:
        """Return the error as data, with the resource that it happened to."""
        return {**super().facts(), "kind": self.key.kind, "name": self.key.name, "region": self.key.region}


class Defect(ResourceError):
    """A mistake of the toolkit's own, met while it worked on a resource; `__cause__` is what was raised."""

    def __init__(self, key: Key, cause: BaseException) -> None:
        super().__init__(
            key, f"{type(cause).__name__}: {cause}", hint="this is a defect of the toolkit: report it with the result's `exception`"
        )
        self.__cause__ = cause


class UnitError(KcError):
    """Why a unit did not converge: every failure, and what was not tried because of it."""

    def __init__(self, errors: Sequence[ResourceError], skipped: Sequence[str]) -> None:
        text = " ".join(str(error) for error in errors)
        if skipped:
            text += f" Not tried because of it: {', '.join(skipped)}."
        super().__init__(text.rstrip("."))
        self.errors = list(errors)
        self.skipped = list(skipped)
        self.outcome: Outcome | None = None
