"""Checking values against an argument spec, so that everything wrong is told at once and by its path.

Ansible's own validation stops at the first unknown key, and tells neither where a value stands nor what was meant.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args, get_type_hints

Spec = Mapping[str, Mapping[str, Any]]
Path = tuple[str | int, ...]

TYPES = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "list": "a list",
    "dict": "a mapping of names to values",
}


_HINTS: dict[Any, dict[str, Any]] = {
    str: {"type": "str"},
    int: {"type": "int"},
    float: {"type": "float"},
    bool: {"type": "bool"},
    list[str]: {"type": "list", "elements": "str"},
    list[int]: {"type": "list", "elements": "int"},
    dict[str, Any]: {"type": "dict"},
}


def entries_of(kind: type) -> Spec:
    """Return the spec of a unit's settings (see `settings`): `kind` is a dataclass whose fields are the settings."""
    hints = get_type_hints(kind)
    found = {}
    for field in dataclasses.fields(kind):
        hint = next((one for one in get_args(hints[field.name]) if one is not type(None)), None)
        required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        found[field.name] = {**(_HINTS.get(hints[field.name]) or _HINTS[hint]), "required": required}
    return found


def check(spec: Mapping[str, Any], value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """Yield what is wrong with a value: its type, its choices, its keys, and those of all that it holds."""
    kind = spec.get("type", "str")
    if value is None:
        if spec.get("required"):
            yield path, "has no value: give it one"
        return
    if not _is(kind, value):
        shown = "what it is" if spec.get("no_log") else _shown(value)
        yield path, f"must be {TYPES.get(kind, kind)}, not {shown}"
        return
    if "choices" in spec and value not in spec["choices"]:
        yield path, f"`{value}` is no choice: {suggestion(str(value), spec['choices'])}"
    if kind == "list":
        element = {"type": spec.get("elements", "raw"), "options": spec.get("options")}
        for index, item in enumerate(value):
            yield from check(element, item, (*path, index))
    elif kind == "dict" and spec.get("entries"):
        for name, item in value.items():
            yield from check({"type": "dict", "options": spec["entries"]}, {} if item is None else item, (*path, str(name)))
    elif kind == "dict" and spec.get("options"):
        options = spec["options"]
        for name in value:
            if name not in options:
                yield (*path, str(name)), f"is not known here: {suggestion(str(name), options)}"
        for name, about in options.items():
            if name in value:
                yield from check(about, value[name], (*path, name))
            elif about.get("required"):
                yield path, f"lacks `{name}`: give it {TYPES.get(about.get('type', 'str'), 'a value')}"


def _is(kind: str, value: Any) -> bool:
    """Whether a value is of a type, as Ansible's modules would take it; `-e` gives every value as text."""
    if kind == "bool":
        return isinstance(value, bool) or str(value).lower() in ("true", "false", "yes", "no")
    if isinstance(value, bool):  # yes and no are booleans in YAML: hardly ever meant as text or a number
        return kind == "raw"
    if kind == "int":
        return isinstance(value, int) or bool(isinstance(value, str) and re.fullmatch(r"-?\d+", value))
    if kind == "float":
        return isinstance(value, (int, float)) or bool(isinstance(value, str) and re.fullmatch(r"-?\d+(\.\d+)?", value))
    if kind in ("list", "dict"):
        return isinstance(value, list if kind == "list" else Mapping)
    return kind == "raw" or isinstance(value, (str, int, float))


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`" + (" (put it in quotes)" if isinstance(value, bool) else "")


def suggestion(word: str, known: Sequence[str] | Mapping[str, Any]) -> str:
    """Return what to do about an unknown word."""
    words = [str(one) for one in known]
    near = difflib.get_close_matches(word, words, n=1, cutoff=0.6)
    if near:
        return f"did you mean `{near[0]}`?"
    if not words:
        return "there is none"
    return f"choose one of {', '.join(words)}" if len(words) <= 12 else "see the reference of variables"


def filled(spec: Spec, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return options with what Ansible fills in: defaults, and None for what has none."""
    result: dict[str, Any] = {}
    for name, about in spec.items():
        value = given.get(name)
        value = about.get("default") if value is None else value
        if isinstance(value, Mapping) and about.get("options"):
            value = filled(about["options"], value)
        elif isinstance(value, list) and about.get("options"):
            value = [filled(about["options"], item) for item in value]
        result[name] = value
    return result
