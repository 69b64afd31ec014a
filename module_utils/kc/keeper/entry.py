"""What every module for the ensemble has in common: its options, and its errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors import KcError
from ..sql.report import Params, ansible
from .options import COMMON

__all__ = ["Params", "main"]

Work = Callable[[Params, bool], dict[str, Any]]


def main(work: Work, *documentation: str, secrets: tuple[str, ...] = ()) -> None:
    """Run `work` as an Ansible module whose options `documentation` describes.

    Args:
        work: Gets the options, and whether to plan only; returns the task's result.
        documentation: The module's, and the fragments that it extends beyond the common one.
        secrets: Options whose value is never shown.
    """

    def run(params: Params, check: bool) -> dict[str, Any]:
        try:
            return work(params, check)
        except KcError as error:
            return {"failed": True, "msg": str(error)}

    ansible(run, COMMON, *documentation, secrets=secrets)
