"""What is known of the nodes that were made on this machine."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import Any

from ... import records
from ...processes import Process
from .api import Node


@dataclasses.dataclass(frozen=True)
class Record:
    """A node that was made.

    Attributes:
        node: As the API had it when it booted last.
        system: The directory of the system that its root filesystem lies on.
        pid: Its first process, and `began`, what tells it from a later one of the same pid; 0 while it is off.
    """

    node: Node
    system: str
    pid: int = 0
    began: int = 0

    @property
    def process(self) -> Process | None:
        """Its first process, while that runs."""
        return Process.still(self.pid, self.began)

    @property
    def key(self) -> str:
        """What its file is called."""
        return self.node.name


class Records(records.Records[Record]):
    """The nodes of a world: a file each in `<world>/nodes`, beside its directory and its log."""

    def __init__(self, world: Path) -> None:
        super().__init__(world / "nodes", _read)
        self.volumes = world / "volumes"

    def clear(self) -> None:
        """Remove all nodes and volumes; nothing of them runs."""
        super().clear()
        shutil.rmtree(self.volumes, ignore_errors=True)

    def volume(self, name: str) -> Path:
        """Return the directory that is a volume's filesystem."""
        return self.volumes / name


def _read(found: dict[str, Any]) -> Record:
    return Record(**{**found, "node": Node(**{**found["node"], "groups": tuple(found["node"]["groups"])})})
