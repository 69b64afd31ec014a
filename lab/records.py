"""What is known of things that were made on this machine, a file each: a world that was killed goes on with what they say."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from .files import write


class Record(Protocol):
    """A dataclass that becomes a file."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def key(self) -> str:
        """What its file is called."""


R = TypeVar("R", bound=Record)


class Records(Generic[R]):
    """The records of one kind.

    Args:
        directory: Where they are, with what belongs to them.
        read: Makes a record of what its file says.
    """

    def __init__(self, directory: Path, read: Callable[[dict[str, Any]], R]) -> None:
        self.directory = directory
        self._read = read

    def all(self) -> list[R]:
        """Return all, in the order of their keys."""
        return [self._of(file) for file in sorted(self.directory.glob("*.json"))]

    def find(self, key: str) -> R | None:
        """Return one, if it was made."""
        file = self._file(key)
        return self._of(file) if file.exists() else None

    def save(self, record: R) -> None:
        self.directory.mkdir(mode=0o700, exist_ok=True)
        write(self._file(record.key), json.dumps(dataclasses.asdict(record)))

    def drop(self, key: str) -> None:
        self._file(key).unlink(missing_ok=True)

    def clear(self) -> None:
        """Remove all, with what belongs to them; nothing of them runs."""
        shutil.rmtree(self.directory, ignore_errors=True)

    def log(self, name: str) -> Path:
        """Return the file of what one of them says."""
        return self.directory / f"{name}.log"

    def _file(self, key: str) -> Path:
        return self.directory / f"{key}.json"

    def _of(self, file: Path) -> R:
        return self._read(json.loads(file.read_text()))
