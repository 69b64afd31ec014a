"""Column types: a small grammar, one way to write each, and which changes of a type lose nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..errors import KcError
from .quote import check_name, name, shown, value
from .text import split, tokens
from .version import Version


@dataclass(frozen=True)
class Type:
    """A type: its family, and what stands in its brackets.

    Attributes:
        family: `UInt8`, `Array`, …
        inner: Types in the brackets, or none.
        words: What else is there: numbers, quoted strings, an aggregate function's name.
        names: Names of the elements, where `inner` has named ones (Tuple, Nested).
    """

    family: str
    inner: tuple[Type, ...] = ()
    words: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        inner = [str(each) for each in self.inner]
        if self.names:
            inner = [f"{_bare(label)} {each}" for label, each in zip(self.names, inner, strict=True)]
        parts = [*self.words, *inner]
        return f"{self.family}({', '.join(parts)})" if parts else self.family


_PLAIN = {
    **{f"{sign}Int{bits}": "" for sign in ("", "U") for bits in (8, 16, 32, 64)},
    **{f"{sign}Int{bits}": "big integers" for sign in ("", "U") for bits in (128, 256)},
    "Float32": "",
    "Float64": "",
    "String": "",
    "UUID": "",
    "Date": "",
    "Date32": "Date32",
    "Bool": "Bool",
    "IPv4": "IPv4 and IPv6",
    "IPv6": "IPv4 and IPv6",
}
"""Families without brackets, and the feature that each needs (version.FEATURES)."""

_ALIASES = {
    "TINYINT": "Int8",
    "SMALLINT": "Int16",
    "INT": "Int32",
    "INTEGER": "Int32",
    "BIGINT": "Int64",
    "FLOAT": "Float32",
    "DOUBLE": "Float64",
    "TEXT": "String",
    "VARCHAR": "String",
    "CHAR": "String",
    "BLOB": "String",
    "TIMESTAMP": "DateTime",
    "BINARY": "FixedString",
    "DEC": "Decimal",
    "NUMERIC": "Decimal",
}
"""SQL's names (system.data_type_families of both versions)."""

_DIGITS = {"Decimal32": 9, "Decimal64": 18, "Decimal128": 38, "Decimal256": 76}
"""Digits of the decimals that are named by their bits."""

_WRAPS = {"Nullable": "", "Array": "", "LowCardinality": "low cardinality"}
"""Families of one type, and the feature that each needs."""


def parse(text: str, what: str = "`type`", version: Version | None = None) -> Type:
    """Return the type that a text names, in the one way in which a server shows it.

    Args:
        text: Such as `Array(Nullable(Int8))`.
        what: The option's path, for the error.
        version: The server's; what it has not is refused.

    Raises:
        KcError: There is no such type, or not in this version.
    """
    if not isinstance(text, str) or not text.strip():
        raise KcError(f"{what} is empty", hint="name a type, such as String")
    return _Parser(what, text, version).type(text)


class _Parser:
    def __init__(self, what: str, whole: str, version: Version | None) -> None:
        self.what, self.whole, self.version = what, whole, version

    def refuse(self, why: str, hint: str = "") -> KcError:
        return KcError(f"{self.what}: {shown(self.whole)}: {why}", hint=hint)

    def need(self, feature: str) -> None:
        if feature and self.version is not None:
            try:
                self.version.need(feature)
            except KcError as error:
                raise self.refuse(error.message, error.hint) from None

    def type(self, text: str) -> Type:
        text = text.strip()
        found = re.fullmatch(r"([A-Za-z]\w*)\s*(?:\((.*)\))?", text, re.DOTALL)
        if not found or not _closed(text):
            raise self.refuse(f"{shown(text)} is no type", "write it like Array(Nullable(Int8))")
        family, brackets = _ALIASES.get(found[1].upper(), found[1]), found[2]
        arguments = split(brackets) if brackets is not None else []
        if family in _PLAIN:
            if arguments and found[1].upper() not in ("VARCHAR", "CHAR"):
                raise self.refuse(f"{family} takes nothing in brackets")
            self.need(_PLAIN[family])
            return Type(family)
        if family in _WRAPS:
            self.need(_WRAPS[family])
            return self.wrapped(family, arguments)
        if family.lower() in ("enum", "enum8", "enum16"):
            return self.enum(family, arguments)
        if family in _DIGITS:
            return self.decimal([str(_DIGITS[family]), *arguments])
        handlers: dict[str, Callable[[list[str]], Type]] = {
            "FixedString": self.fixed_string,
            "Decimal": self.decimal,
            "DateTime": self.date_time,
            "DateTime64": self.date_time_64,
            "Map": self.map_of,
            "Tuple": self.tuple_of,
            "Nested": self.nested,
            "AggregateFunction": self.aggregate,
            "SimpleAggregateFunction": self.simple_aggregate,
        }
        if family not in handlers:
            raise self.refuse(f"there is no type {shown(family)}", "types' names are written exactly, as String or UInt8")
        return handlers[family](arguments)

    def wrapped(self, family: str, arguments: list[str]) -> Type:
        if len(arguments) != 1:
            raise self.refuse(f"{family} takes one type")
        inner = self.type(arguments[0])
        if family == "Nullable" and inner.family in ("Nullable", "Array", "Map", "Nested", "LowCardinality", "Tuple", "AggregateFunction"):
            hint = "write LowCardinality(Nullable(…))" if inner.family == "LowCardinality" else "make what is inside nullable"
            raise self.refuse(f"{inner.family} can't be Nullable", hint)
        return Type(family, (inner,))

    def fixed_string(self, arguments: list[str]) -> Type:
        return Type("FixedString", words=(str(self.number(arguments, 0, "FixedString", 1, 1 << 24)),))

    def decimal(self, arguments: list[str]) -> Type:
        digits = self.number(arguments[:1] or ["10"], 0, "Decimal", 1, 76)
        if digits > 38:
            self.need("Decimal256")
        scale = self.number(arguments[1:] or ["0"], 0, "Decimal", 0, digits)
        return Type("Decimal", words=(str(digits), str(scale)))

    def date_time(self, arguments: list[str]) -> Type:
        return Type("DateTime", words=self.zone(arguments))

    def date_time_64(self, arguments: list[str]) -> Type:
        self.need("DateTime64")
        return Type("DateTime64", words=(str(self.number(arguments[:1] or ["3"], 0, "DateTime64", 0, 9)), *self.zone(arguments[1:])))

    def map_of(self, arguments: list[str]) -> Type:
        self.need("Map")
        if len(arguments) != 2:
            raise self.refuse("Map takes two types")
        return Type("Map", (self.type(arguments[0]), self.type(arguments[1])))

    def tuple_of(self, arguments: list[str]) -> Type:
        if not arguments:
            raise self.refuse("Tuple takes types")
        named = [_named(each) for each in arguments]
        if all(label for label, _ in named):
            return Type("Tuple", tuple(self.type(each) for _, each in named), names=self.labels([label for label, _ in named]))
        return Type("Tuple", tuple(self.type(each) for each in arguments))

    def nested(self, arguments: list[str]) -> Type:
        raise self.refuse("Nested becomes several columns", "write these: `n.a` Array(…), `n.b` Array(…)")

    def aggregate(self, arguments: list[str]) -> Type:
        return self.state("AggregateFunction", arguments)

    def simple_aggregate(self, arguments: list[str]) -> Type:
        self.need("SimpleAggregateFunction")
        return self.state("SimpleAggregateFunction", arguments)

    def state(self, family: str, arguments: list[str]) -> Type:
        if not arguments or not re.fullmatch(r"[A-Za-z]\w*\s*(\([\d., ]*\))?", arguments[0]):
            raise self.refuse(f"{family} takes a function, then types", f"write it like {family}(sum, UInt64)")
        function = re.sub(r"\s+", "", arguments[0]).replace(",", ", ")
        return Type(family, tuple(self.type(each) for each in arguments[1:]), (function,))

    def enum(self, family: str, arguments: list[str]) -> Type:
        pairs: list[tuple[str, int]] = []
        for each in arguments:
            found = re.fullmatch(r"('(?:[^'\\]|\\.|'')*')\s*(?:=\s*(-?\d+))?", each, re.DOTALL)
            if not found:
                raise self.refuse(f"{shown(each)} is no element of an Enum", "write it like Enum8('a' = 1, 'b' = 2)")
            pairs.append((unquoted(found[1]), int(found[2]) if found[2] else (pairs[-1][1] + 1 if pairs else 1)))
        if not pairs:
            raise self.refuse("an Enum has elements", "write it like Enum8('a' = 1, 'b' = 2)")
        if len({label for label, _ in pairs}) < len(pairs) or len({number for _, number in pairs}) < len(pairs):
            raise self.refuse("an element of the Enum stands there twice")
        small = all(-128 <= number <= 127 for _, number in pairs)
        family = {"enum": "Enum8" if small else "Enum16", "enum8": "Enum8", "enum16": "Enum16"}[family.lower()]
        if not all(-32768 <= number <= 32767 for _, number in pairs) or (family == "Enum8" and not small):
            raise self.refuse(f"a number does not fit into {family}")
        return Type(family, words=tuple(f"{value(label)} = {number}" for label, number in sorted(pairs, key=lambda pair: pair[1])))

    def number(self, arguments: Sequence[str], at: int, family: str, low: int, high: int) -> int:
        if len(arguments) != 1 or not arguments[at].isdecimal() or not low <= int(arguments[at]) <= high:
            raise self.refuse(f"{family} takes a number from {low} to {high} there")
        return int(arguments[at])

    def zone(self, arguments: list[str]) -> tuple[str, ...]:
        if len(arguments) > 1 or (arguments and not re.fullmatch(r"'[\w/+-]+'", arguments[0])):
            raise self.refuse("a time zone is one name in quotes", "write it like DateTime('UTC')")
        return tuple(arguments)

    def labels(self, labels: list[str]) -> tuple[str, ...]:
        for each in labels:
            check_name(each, what=self.what)
        return tuple(labels)


def _closed(text: str) -> bool:
    depth = 0
    for _, piece in tokens(text):
        depth += (piece == "(") - (piece == ")")
        if depth < 0:
            return False
    return depth == 0


def _named(text: str) -> tuple[str, str]:
    """Return the name and the type of a tuple's element; no name where it has none."""
    found = re.fullmatch(r"(`(?:[^`\\]|\\.)*`|\w+)\s+(\S.*)", text, re.DOTALL)
    if not found or (text.split("(")[0].strip() == found[1]):
        return "", text
    return unquoted(found[1]) if found[1].startswith("`") else found[1], found[2]


_BACK = {"0": "\0", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def unquoted(text: str) -> str:
    """Return what a quoted text says."""
    mark, inner = text[0], text[1:-1]
    return re.sub(r"\\(.)", lambda found: _BACK.get(found[1], found[1]), inner.replace(mark * 2, mark), flags=re.DOTALL)


def _bare(label: str) -> str:
    return label if re.fullmatch(r"[A-Za-z_]\w*", label) else name(label)


_BITS = re.compile(r"(U?)Int(\d+)")


def keeps(old: Type, new: Type) -> bool:
    """Whether every value of one type is one of another, so that the change loses nothing.

    | from | to |
    |---|---|
    | UInt8 … | UInt and Int with more bits; Float32 from 16 bits on, Float64 from 32 bits on |
    | Int8 … | Int with more bits; Float32, Float64 as above |
    | Float32 | Float64 |
    | Decimal(P, S) | a Decimal with as many digits or more on both sides of the point |
    | Enum8, Enum16 | one with the same elements and more; String |
    | Date | Date32 |
    | DateTime | DateTime64 of up to 8 digits (with 9 it ends in 2262); either with another time zone |
    | DateTime64(p) | DateTime64(q) with more digits, up to 8 |
    | T | Nullable(T), LowCardinality(T), and back from LowCardinality(T) |
    | Array, Nullable, Map, Tuple | the same of such a type |
    """
    if old == new:
        return True
    if "LowCardinality" in (old.family, new.family):
        return keeps(_inside(old, "LowCardinality"), _inside(new, "LowCardinality"))
    if new.family == "Nullable":
        return keeps(_inside(old, "Nullable"), new.inner[0])
    if old.family == new.family and old.family in ("Array", "Map", "Tuple") and len(old.inner) == len(new.inner):
        return old.names == new.names and all(keeps(one, other) for one, other in zip(old.inner, new.inner, strict=True))
    if old.family.startswith("Enum"):
        return new.family == "String" or (new.family.startswith("Enum") and set(old.words) <= set(new.words))
    if old.family == new.family == "Decimal":
        (digits, scale), (digits_after, scale_after) = map(int, old.words), map(int, new.words)
        return scale_after >= scale and digits_after - scale_after >= digits - scale
    if (old.family, new.family) == ("Date", "Date32"):
        return True
    if old.family == "DateTime":
        return new.family == "DateTime" or (new.family == "DateTime64" and int(new.words[0]) <= 8)
    if old.family == new.family == "DateTime64":
        return int(old.words[0]) == int(new.words[0]) or int(old.words[0]) <= int(new.words[0]) <= 8
    if (old.family, new.family) == ("Float32", "Float64"):
        return True
    return _wider(old.family, new.family)


def same_on_disk(old: Type, new: Type) -> bool:
    """Whether a change rewrites no data, so that a key's column may have it: an Enum that gets elements, another time zone."""
    if old.family.startswith("Enum") and new.family == old.family:
        return keeps(old, new)
    return old.family == new.family == "DateTime"


def _inside(one: Type, family: str) -> Type:
    return one.inner[0] if one.family == family else one


def _wider(old: str, new: str) -> bool:
    one, other = _BITS.fullmatch(old), _BITS.fullmatch(new)
    if not one:
        return False
    bits = int(one[2])
    if not other:
        return (new == "Float32" and bits <= 16) or (new == "Float64" and bits <= 32)
    if one[1] == other[1]:
        return int(other[2]) > bits
    return one[1] == "U" and int(other[2]) > bits
