"""What actions have in common that work inside Ansible's own process, and on no host: options by the documentation, errors as sentences."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from ansible.plugins.action import ActionBase

from .errors import KcError
from .spec import COMMON, documentation, spec_of

LIBRARY = Path(__file__).absolute().parents[2] / "library"


def options(module: str, scope: bool = True) -> dict[str, Any]:
    """Return an argument spec, by the documentation of a module in `library/`; its `scope` is the one that all have."""
    return {**spec_of(documentation(LIBRARY / f"{module}.py")), **({"scope": spec_of(COMMON)["scope"]} if scope else {})}


class InProcess(ActionBase):
    """Validates a task's options, and does what they say."""

    _supports_check_mode = True
    _requires_connection = False
    TRANSFERS_FILES = False
    SPEC: ClassVar[dict[str, Any]]

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        _, params = self.validate_argument_spec(argument_spec=self.SPEC)
        try:
            return self.act(params, check=self._task.check_mode)
        except KcError as error:
            return {"failed": True, "changed": False, "msg": str(error)}

    def act(self, params: dict[str, Any], *, check: bool) -> dict[str, Any]:
        """Return the task's result.

        Raises:
            KcError: It can't be done.
        """
        raise NotImplementedError
