"""Options that hold one mapping a name (`keys`, `buckets`): checked here, since an argument spec can't look inside."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Hashable, Mapping
from typing import Any, TypeVar, cast, get_args, get_type_hints

from .errors import KcError

T = TypeVar("T")

_TYPES: dict[Any, tuple[type | tuple[type, ...], str]] = {
    str: (str, "a text"),
    int: (int, "a whole number"),
    float: ((int, float), "a number"),
    bool: (bool, "true or false"),
    list[str]: (list, "a list of texts"),
    list[int]: (list, "a list of whole numbers"),
    dict[str, Any]: (dict, "a mapping"),
}


def settings(kind: type[T], where: str, given: Any) -> T:
    """Return one name's settings as `kind`, a dataclass whose fields are the settings.

    Args:
        kind: Its fields are of type `str`, `int`, `float`, `bool`, `list[str]`, `list[int]` or `dict[str, Any]`, or one of these or None.
        where: What an error calls it, such as `buckets.media`.
        given: What the inventory says; None is no settings at all.

    Raises:
        KcError: A setting is unknown, missing or of a wrong type; it names the setting.
    """
    given = {} if given is None else given
    if not isinstance(given, Mapping):
        raise KcError(f"`{where}` must be a mapping of settings, not {given!r}")
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    for name in given:
        if name not in fields:
            raise KcError(f"`{where}` has no setting `{name}`", hint=f"its settings are {', '.join(fields)}")
    for name, field in fields.items():
        if name not in given and field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise KcError(f"`{where}` lacks the setting `{name}`")
    hints = _hints(cast(Hashable, kind))
    for name, value in given.items():
        _check(f"{where}.{name}", hints[name], value)
    return kind(**given)


@functools.cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def _check(where: str, hint: Any, value: Any) -> None:
    allowed = get_args(hint) if type(None) in get_args(hint) else (hint,)
    if value is None and type(None) in allowed:
        return
    wanted = next(one for one in allowed if one is not type(None))
    kind, words = _TYPES[wanted]
    right = _is(kind, value)
    if right and kind is list:
        right = all(_is(get_args(wanted)[0], item) for item in value)
    if not right:
        raise KcError(f"`{where}` must be {words}, not {value!r}")


def _is(kind: type | tuple[type, ...], value: Any) -> bool:
    """Whether a value is of a type; true and false are no numbers here."""
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
