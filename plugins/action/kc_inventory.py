"""Checks the whole inventory and fails with every problem at once, each with its file, line and path."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ansible._internal._datatag._tags import Origin
from ansible.plugins.action import ActionBase

ROOT = Path(__file__).absolute().parents[2]
if str(ROOT / "module_utils") not in sys.path:
    sys.path.append(str(ROOT / "module_utils"))

from kc import inventory  # noqa: E402
from kc.action import hosts_of  # noqa: E402


class ActionModule(ActionBase):
    """No AWS, no connection: reads what Ansible has read."""

    _supports_check_mode = True
    _requires_connection = False
    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        task_vars = task_vars or {}
        super().run(tmp, task_vars)
        self.validate_argument_spec(argument_spec={})
        hostvars, groups = task_vars["hostvars"], task_vars["groups"]
        hosts = hosts_of(self._templar, hostvars, groups)
        variables, modules = inventory.described(ROOT)
        found = inventory.problems(hosts, variables, modules)
        finder = Finder(hostvars, {host.name: host.values for host in hosts}, Path(task_vars.get("inventory_dir") or "."))
        # one line a problem, however many hosts inherit it
        lines = list(dict.fromkeys(": ".join(filter(None, (finder.place(one), one.key, one.text))) for one in found))
        if not lines:
            return {"changed": False, "needs": inventory.needs_of(hosts, modules)}
        count = f"{len(lines)} problem{'s' if len(lines) > 1 else ''}"
        return {"failed": True, "msg": "\n".join([f"The inventory has {count}; nothing was touched.", *lines])}


class Finder:
    """Finds where in the inventory's files something stands.

    Ansible tags what it reads from YAML with its origin, except booleans and nulls, and a variable that several
    files set keeps the key of the first and the value of the last. So a value's own origin comes first, and files
    are searched for what has none.
    """

    def __init__(self, hostvars: Any, resolved: Mapping[str, Mapping[str, Any]], inventory_dir: Path) -> None:
        self.hostvars = hostvars
        self.resolved = resolved
        self.dir = inventory_dir

    def place(self, problem: inventory.Problem) -> str:
        """Return `file:line`, or the closest thing to it."""
        if not problem.host:
            return shown(self.dir)
        if not problem.path:
            return self._searched([self.dir], problem.host) or shown(self.dir)
        values = self.hostvars.raw_get(problem.host)
        variable = str(problem.path[0])
        if variable not in values:
            own = self.dir / "host_vars" / f"{problem.host}.yml"
            return shown(own if own.exists() else self.dir)
        key = next(name for name in values if name == variable)
        place = self._variable(problem.host, key, values[variable])
        # what a template resolves to has kept the origin of its parts
        value = self.resolved[problem.host].get(variable)
        for part in problem.path[1:]:
            if isinstance(value, Mapping) and part in value:
                place = written(next(name for name in value if name == part)) or place
            elif isinstance(value, list) and isinstance(part, int):
                place = written(value[part]) or place
            else:
                break
            value = value[part]  # type: ignore[index]
        return place

    def _variable(self, host: str, key: str, value: Any) -> str:
        of_key, of_value = Origin.get_tag(key), Origin.get_tag(value)
        if of_value and not of_value.path:
            return str(of_value.description)
        if of_value and not (of_key and of_key.path == of_value.path):
            return self._searched([Path(of_value.path)], key) or written(value)
        own = self.dir / "host_vars"
        return ("" if of_value else self._searched([own / host, own / f"{host}.yml"], key)) or written(key) or shown(self.dir)

    def _searched(self, places: list[Path], key: str) -> str:
        """Return the first line of the files at `places` that sets `key`."""
        for place in places:
            for file in files(place):
                for number, line in enumerate(file.read_text().splitlines(), 1):
                    if re.match(rf"\s*['\"]?{re.escape(key)}['\"]?\s*:", line):
                        return f"{shown(file)}:{number}"
        return ""


def files(place: Path) -> Iterator[Path]:
    """Yield the YAML files at or below a path."""
    found = [place] if place.is_file() else sorted(place.rglob("*"))
    yield from (file for file in found if file.suffix in (".yml", ".yaml") and file.is_file())


def written(value: Any) -> str:
    """Return where a value was written, as `file:line`; nothing where that is not known."""
    origin = Origin.get_tag(value)
    return f"{shown(Path(origin.path))}:{origin.line_num}" if origin and origin.path else ""


def shown(path: Path) -> str:
    """Return a path as the user would write it: relative to where the playbook was started, if below."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
