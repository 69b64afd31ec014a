"""How nginx's configuration is written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path


def block(head: str, lines: Iterable[str]) -> list[str]:
    """Return a block with its lines indented."""
    return [f"{head} {{", *(f"    {line}" for line in lines), "}"]


def quoted(value: str | Path) -> str:
    """Return a value in quotes; variables in it stay variables."""
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


def literal(value: str | Path) -> str:
    """Return a value in quotes that holds no variables: nginx can't escape a `$`, so a variable holds one."""
    return quoted(str(value).replace("$", "${dollar}"))


def directives(directive: str, values: Mapping[str, str], after: str = "") -> list[str]:
    """Return a directive once for each name and value."""
    return [f"{directive} {name} {quoted(value)}{after};" for name, value in values.items()]


def wild(text: str) -> str:
    """Return the regular expression of a text with wildcards: `*` is any text, `?` any character.

    Without backslashes, which quotes would take away.
    """
    plain = {"*": ".*", "?": "."}
    return "".join(plain.get(char, char if char.isalnum() or char in "/_-" else f"[{char}]") for char in text)


def pattern(path: str) -> str:
    """Return the regular expression of a path pattern, whose first slash may be left out (CloudFront API, CacheBehavior: PathPattern)."""
    return f"^/{wild(path.removeprefix('/'))}$"
