"""Checks requirements.yml: it names exactly the collections that are used, in the versions that are installed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
WHERE = ("site.yml", "playbooks", "roles", "molecule", "tests/benchmarks")
BUILTIN = {"ansible.builtin", "ansible.legacy"}


def used() -> set[str]:
    """Return the collections whose modules, roles or plugins the project's YAML names."""
    found = set()
    for place in WHERE:
        path = ROOT / place
        for file in [path] if path.is_file() else path.rglob("*.yml"):
            found |= set(re.findall(r"^\s*-?\s*([a-z0-9_]+\.[a-z0-9_]+)\.[a-z0-9_]+:", file.read_text(), re.MULTILINE))
    return found - BUILTIN


def installed() -> dict[str, str]:
    """Return the installed collections' versions."""
    galaxy = str(Path(sys.executable).with_name("ansible-galaxy"))
    answer = subprocess.run([galaxy, "collection", "list", "--format", "json"], capture_output=True, text=True, check=True)
    return {name: about["version"] for place in json.loads(answer.stdout).values() for name, about in place.items()}


def problems(named: dict[str, str], used: set[str], installed: dict[str, str]) -> list[str]:
    """Return what is wrong, a line each."""
    lines = [f"{name} is used, but requirements.yml does not name it" for name in sorted(used - set(named))]
    lines += [f"{name} is named in requirements.yml, but nothing uses it" for name in sorted(set(named) - used)]
    for name, version in sorted(named.items()):
        have = installed.get(name)
        if have != version:
            lines.append(f"{name} is {have or 'not installed'}, requirements.yml says {version}")
    return lines


def main() -> int:
    named = {each["name"]: each["version"] for each in yaml.safe_load((ROOT / "requirements.yml").read_text())["collections"] or []}
    lines = problems(named, used(), installed())
    print("\n".join(lines) or f"requirements.yml is right about {len(named)} collections")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
