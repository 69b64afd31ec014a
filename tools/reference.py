"""Writes docs/reference/ from what the code says of itself; `--check` only tells whether it is current.

The modules' pages come from their DOCUMENTATION, the inventory's page from the `preflight` role's argument specs.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "module_utils"))

from kc.spec import COMMON, documentation  # noqa: E402

OUT = ROOT / "docs" / "reference"
NOTE = "<!-- Written by `make docs`; don't edit. -->\n"


def prose(text: str | list[str]) -> str:
    """Return a description as one paragraph, Ansible's markup as Markdown."""
    joined = " ".join(text) if isinstance(text, list) else text
    for mark in "CMIBVO":
        parts = joined.split(f"{mark}(")
        joined = parts[0] + "".join(f"`{rest.replace(')', '`', 1)}" for rest in parts[1:])
    return " ".join(joined.split())


def rows(options: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """Yield a table row an option, suboptions under their dotted path."""
    for name, about in options.items():
        kind = about.get("type", "str")
        if about.get("elements"):
            kind = f"{kind} of {about['elements']}"
        default = "**required**" if about.get("required") else f"`{yaml_inline(about['default'])}`" if "default" in about else ""
        choices = f" One of {', '.join(f'`{one}`' for one in about['choices'])}." if "choices" in about else ""
        yield f"| `{path}{name}` | {kind} | {default} | {cell(prose(about.get('description', '')) + choices)} |"
        yield from rows(about.get("suboptions") or about.get("options") or {}, f"{path}{name}.")


def yaml_inline(value: Any) -> str:
    return yaml.safe_dump(value, default_flow_style=True, width=1000).strip().removesuffix("...").strip()


def cell(text: str) -> str:
    return text.replace("|", "\\|")


HEAD = "| option | type | default | meaning |\n|---|---|---|---|\n"


def modules() -> str:
    """Return the page of the modules."""
    parts = [NOTE, "# Modules\n", "Every module converges one unit. All of them take these options:\n"]
    parts.append(HEAD + "\n".join(rows(yaml.safe_load(COMMON)["options"])) + "\n")
    parts.append("An option that is required is so for `state: present` only.\n")
    for file in sorted((ROOT / "library").glob("kc_*.py")):
        about = yaml.safe_load(documentation(file))
        parts.append(f"## {about['module']}\n\n{about['short_description']}.\n")
        parts.append("\n".join(f"- {prose(line)}" for line in about["description"]) + "\n")
        if about.get("options"):
            parts.append(HEAD + "\n".join(rows(about["options"])) + "\n")
    return "\n".join(parts)


def inventory() -> str:
    """Return the page of the inventory's variables."""
    spec = yaml.safe_load((ROOT / "roles/preflight/meta/argument_specs.yml").read_text())["argument_specs"]["inventory"]
    parts = [NOTE, "# The inventory's variables\n", prose(spec.get("description", "")) + "\n"]
    parts.append(HEAD.replace("option", "variable") + "\n".join(rows(spec["options"])) + "\n")
    return "\n".join(parts)


PAGES = {"modules.md": modules, "inventory.md": inventory}


def main() -> int:
    check = "--check" in sys.argv
    stale = []
    for name, page in PAGES.items():
        file, text = OUT / name, page()
        if not file.exists() or file.read_text() != text:
            stale.append(name)
            if not check:
                OUT.mkdir(parents=True, exist_ok=True)
                file.write_text(text)
    if check and stale:
        print(f"docs/reference/{', docs/reference/'.join(stale)} not current: run `make docs`")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
