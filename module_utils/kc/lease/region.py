"""What a region does about itself, through its own API: fences itself off, opens, and remembers."""

from __future__ import annotations

from typing import Any

from ..aws.session import Aws
from ..aws.ssm import STATE, text_of
from ..errors import KcError
from ..primary import read_flag
from ..runbook.act import Act, perform
from ..runbook.acts.fence import WORLD, data_fence
from ..runbook.acts.hold import Hold
from ..scope import Scope
from .lease import Memory

MEMORY, COUNT = "lease", "lease-holder"
"""Parameters of the region: what it remembers, and the beats that its holders count."""
NOTHING = "none"
"""What site.yml writes there first: a parameter can't be empty."""
SECONDS = 10
"""That each part of a fence may take."""


class Region:
    """A region of the platform on AWS.

    Args:
        aws: Reaches it, and gives up soon.
        scope: The region's.
    """

    def __init__(self, aws: Aws, scope: Scope) -> None:
        self._aws, self._scope = aws.at(scope.region), scope

    def recall(self) -> Memory | None:
        """Return what the region remembers.

        Raises:
            KcError: It can't be asked, or holds something else.
        """
        text = self._read(MEMORY)
        return Memory.parse(text, f"the parameter {self._name(MEMORY)} in {self._scope.region}") if text not in ("", NOTHING) else None

    def role(self) -> str:
        """Return the region's role flag; empty where none stands."""
        return read_flag(self._aws, self._scope)

    def remember(self, memory: Memory) -> None:
        """Have the region remember something else."""
        self._write(MEMORY, memory.text)

    def counted(self) -> str:
        """Return what a holder counted last."""
        return self._read(COUNT)

    def count(self, text: str) -> None:
        """Write what a holder has counted."""
        self._write(COUNT, text)

    def fence(self) -> None:
        """Cut the data tier off, and have MySQL take no writes.

        Raises:
            KcError: Not all of it could be done; what could be is.
        """
        self._each([data_fence(self._scope, [WORLD]), Hold(self._scope)])

    def open(self) -> None:
        """Take that away, MySQL's part first.

        Raises:
            KcError: Not all of it could be done.
        """
        self._each([Hold(self._scope, held=False), data_fence(self._scope, [])])

    def _each(self, acts: list[Act[Any]]) -> None:
        failed = []
        for act in acts:
            try:
                perform(act, self._aws, lambda: None, SECONDS)
            except KcError as error:
                failed.append(f"{act.what}: {error.message}")
        if failed:
            raise KcError("; ".join(failed), hint="it is tried again, until it is so")

    def _name(self, short: str) -> str:
        return f"/{self._scope.path}{STATE}{short}"

    def _read(self, short: str) -> str:
        return text_of(self._aws, self._name(short))

    def _write(self, short: str, text: str) -> None:
        self._aws.call("ssm", "put_parameter", Name=self._name(short), Value=text, Type="String", Overwrite=True)
