"""A playbook's run, as tests look at it."""

from __future__ import annotations

import re
from dataclasses import dataclass

Line = tuple[str, str, str, str]
"""A line of a plan: action, kind, name, region."""


@dataclass
class Run:
    """What a playbook run left behind: exit status, output, and the plan as lines."""

    status: int
    output: str
    plan: list[Line]

    @property
    def changed(self) -> int:
        return sum(int(number) for number in re.findall(r"changed=(\d+)", self.output))

    @property
    def failed(self) -> int:
        return sum(int(number) for number in re.findall(r"failed=(\d+)", self.output))
