"""Where Debian packages come from: what the machine's own apt is told, and nothing of ours."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

APT = Path("/etc/apt")
PASSED = ("Acquire::Check-Valid-Until", "Acquire::Check-Date", "Acquire::http::Proxy", "Acquire::https::Proxy")
"""Settings of the machine's apt without which a mirror might not be read."""


def codename(release: Path = Path("/etc/os-release")) -> str:
    """Return the machine's Debian release.

    Raises:
        LookupError: This is no Debian.
    """
    found = dict(re.findall(r'^(\w+)="?([^"\n]*)"?$', release.read_text(), re.M))
    if found.get("ID") != "debian" or not found.get("VERSION_CODENAME"):
        raise LookupError(f"images are made from the machine's own Debian packages, and this is {found.get('PRETTY_NAME', 'no Debian')}")
    return found["VERSION_CODENAME"]


def debian(release: str, apt: Path = APT) -> str:
    """Return apt's sources for a release, its updates and security fixes, as lines of a sources.list.

    Raises:
        LookupError: There are none.
    """
    files = [apt / "sources.list", *sorted((apt / "sources.list.d").glob("*"))]
    lines = {line for file in files if file.is_file() for line in _lines(file) if _of(release, line)}
    if not lines:
        raise LookupError(f"apt on this machine has no sources for {release}: look at {apt}")
    return "".join(f"{line}\n" for line in sorted(lines))


def moved(own: str, release: str) -> str:
    """Return the sources of another release, from where the machine's own come (`debian`): its main archive has all of them."""
    found = re.findall(r"^(deb (?:\[[^]]*\] )?\S+) \w+ (.+)$", own, re.M)
    return "".join(f"{head} {release} {parts}\n" for head, parts in found)


def settings() -> list[str]:
    """Return the settings to pass on, as lines of an apt.conf."""
    dump = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=True).stdout
    return [line for line in dump.splitlines() if line.startswith(PASSED) and not line.endswith(' "";')]


def _of(release: str, line: str) -> bool:
    """Tell whether a line is Debian's own: of the release, with its main part, which others' sources don't have together."""
    _, _, rest = line.rpartition("] ")
    words = rest.split() if "] " in line else line.split()[1:]
    return len(words) > 2 and words[1].split("-")[0].split("/")[0] == release and "main" in words[2:]


def _lines(file: Path) -> Iterator[str]:
    """Return a file's sources of binary packages, whichever of the two formats it has (sources.list(5))."""
    text = file.read_text(errors="replace")
    if file.suffix == ".sources":
        for stanza in re.split(r"\n\s*\n", re.sub(r"^#.*\n?", "", text, flags=re.M)):
            fields = {name.lower(): value.split() for name, value in re.findall(r"^([\w-]+):((?:.|\n[ \t])*)", stanza, re.M)}
            if "deb" not in fields.get("types", []) or fields.get("enabled") == ["no"]:
                continue
            key = fields.get("signed-by", [])
            signed = f"[signed-by={key[0]}] " if len(key) == 1 else ""
            for uri in fields.get("uris", []):
                for suite in fields.get("suites", []):
                    yield f"deb {signed}{uri} {suite} {' '.join(fields.get('components', []))}"
    elif file.suffix == ".list":
        for line in text.splitlines():
            if line.startswith("deb "):
                yield " ".join(line.partition("#")[0].split())
