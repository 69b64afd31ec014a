"""What actions have in common that work inside Ansible's own process, and on no host.

Options by the documentation, errors as sentences, and the inventory's hosts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase

from .errors import KcError
from .inventory import Host, counts
from .spec import COMMON, documentation, spec_of

Needed = Callable[[str, frozenset[str]], bool]

LIBRARY = Path(__file__).absolute().parents[2] / "library"


def options(module: str, scope: bool = True) -> dict[str, Any]:
    """Return an argument spec, by the documentation of a module in `library/`; its `scope` is the one that all have."""
    return {**spec_of(documentation(LIBRARY / f"{module}.py")), **({"scope": spec_of(COMMON)["scope"]} if scope else {})}


def hosts_of(templar: Any, hostvars: Any, groups: Mapping[str, list[str]], *, needed: Needed = counts, at_home: bool = False) -> list[Host]:
    """Return every host with its merged variables, templates resolved.

    Which region is primary now is read after the inventory is checked, from an account that it names: until then it is the
    home region.

    Args:
        needed: Which variables, of a host of which groups.
        at_home: It is the home region whichever is primary now.
    """
    found = []
    for name in groups["all"]:
        values, broken = {}, {}
        member = frozenset(group for group, names in groups.items() if name in names)
        raw = hostvars.raw_get(name)
        home = {"kc_primary": raw.get("kc_home")}
        facts = {**home, **raw.get("ansible_facts", {}), **(home if at_home else {})}
        own = templar.copy_with_new_env(available_variables={**raw, "hostvars": hostvars, "ansible_facts": facts})
        for variable, value in raw.items():
            if needed(variable, member):
                try:
                    values[str(variable)] = own.template(value)
                except AnsibleError as error:
                    broken[str(variable)] = " ".join(str(error).split())
        found.append(Host(name, member, values, broken))
    return found


class InProcess(ActionBase):
    """Validates a task's options, and does what they say."""

    _supports_check_mode = True
    _requires_connection = False
    TRANSFERS_FILES = False
    SPEC: ClassVar[dict[str, Any]]

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        self.task_vars = task_vars or {}
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
