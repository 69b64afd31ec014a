"""Renders a tree of templates on the controller, and has the module of the same name lay it down on the node.

What is rendered travels as one option that is never logged. A role's variables reach a template as with `ansible.builtin.template`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase
from ansible.template import trust_as_template

ROOT = Path(__file__).absolute().parents[2]
if str(ROOT / "module_utils") not in sys.path:
    sys.path.append(str(ROOT / "module_utils"))

from kc.errors import KcError  # noqa: E402
from kc.files import File, Source, check_syntax, matches, pack, read_tree  # noqa: E402
from kc.spec import documentation, spec_of  # noqa: E402

SPEC = spec_of(documentation(ROOT / "library" / "kc_files.py"))


class ActionModule(ActionBase):
    """Finds the tree as roles find templates, renders it, and hands it to the module."""

    _supports_check_mode = True
    _supports_diff = True
    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        task_vars = task_vars or {}
        super().run(tmp, task_vars)
        _, params = self.validate_argument_spec(argument_spec=SPEC)
        for option in ("mode", "directory_mode"):
            if isinstance(self._task.args.get(option), int):  # YAML has read 0640 as 416
                return {"failed": True, "changed": False, "msg": f'{option} has to be in quotes, such as "0640".'}
        try:
            top = Path(self._find_needle("templates", params["src"]))
            files = list(self._render(top, params["secret"], task_vars))
        except (AnsibleError, KcError) as error:
            return {"failed": True, "changed": False, "msg": str(error)}
        arguments = {name: value for name, value in params.items() if value is not None}
        result: dict[str, Any] = self._execute_module(module_args={**arguments, "rendered": pack(files)}, task_vars=task_vars)
        return result

    def _render(self, top: Path, secret: list[str], task_vars: dict[str, Any]) -> Any:
        search = [str(top.parent), *(str(Path(path) / "templates") for path in task_vars.get("ansible_search_path", []))]
        templar = self._templar.copy_with_new_env(searchpath=search, available_variables=task_vars)
        overrides = {"trim_blocks": True, "lstrip_blocks": True}
        for source in read_tree(top):
            content = _text(source)
            if source.template:
                try:
                    found = templar.template(trust_as_template(content), escape_backslashes=False, overrides=overrides)
                except AnsibleError as error:
                    raise KcError(f"{source.file}: {_reason(error)}") from error
                content = "" if found is None else str(found)
                if not content.strip():
                    continue
            check_syntax(source, content)
            executable = bool(source.file.stat().st_mode & 0o100)
            yield File(source.path, content, secret=matches(source.path, secret), executable=executable)


def _text(source: Source) -> str:
    try:
        return source.file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise KcError(f"{source.file} is not text in UTF-8") from None


def _reason(error: AnsibleError) -> str:
    """Return an error of the templating in one line, without what it was raised from."""
    return " ".join(str(error).split()).rstrip(".")
