"""A table's definition as a server shows it, taken apart as far as bringing back a replica needs."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..errors import KcError
from .quote import name

_PAIRS = {"(": ")", "[": "]", "{": "}"}
_QUOTES = "'`\""


def masked(text: str) -> str:
    """Return `text` with everything in quotes or brackets as spaces, so that what is left is on its top level; as long as it was."""
    shown, depth, quote, skip = [], 0, "", False
    for one in text:
        if quote:
            shown.append(" ")
            if skip:
                skip = False
            elif one == "\\":
                skip = True
            elif one == quote:
                quote = ""
            continue
        if one in _QUOTES:
            quote = one
            shown.append(" ")
            continue
        if one in _PAIRS.values():
            depth -= 1
        shown.append(one if depth == 0 else " ")
        if one in _PAIRS:
            depth += 1
    return "".join(shown)


@dataclass(frozen=True)
class Definition:
    """A replicated table.

    Attributes:
        columns: From the bracket before its columns to its engine.
        engine: Its engine without `Replicated`.
        path: Where it stands in the ensemble, as a literal.
        replica: The replica's name, as a literal.
        more: The engine's other arguments.
        rest: What stands behind the engine.
    """

    columns: str
    engine: str
    path: str
    replica: str
    more: tuple[str, ...]
    rest: str

    @classmethod
    def parse(cls, create: str) -> Definition:
        """Return what `SHOW CREATE TABLE` answers of a replicated table.

        Raises:
            KcError: It is no such table, or its place depends on its name.
        """
        top = masked(create)
        found = re.search(r"\bENGINE\s*=\s*Replicated(\w*MergeTree)\s*\(", top)
        first = top.find("(")
        if not found or first < 0 or first > found.start():
            raise KcError("this is no definition of a replicated table with its own arguments", hint="bring it back by hand")
        end = top.index(")", found.end())
        path, replica, *more = _arguments(create[found.end() : end])
        for macro in ("{table}", "{uuid}"):
            if macro in path:
                raise KcError(f"its place in the ensemble depends on {macro}", hint="bring it back by hand, or with a newer server")
        return cls(create[first : found.start()].strip(), found[1], path, replica, tuple(more), create[end + 1 :].strip())

    def replicated(self, database: str, table: str) -> str:
        """Return the statement that makes the replica anew under a name."""
        return self._statement("CREATE", database, table, f"Replicated{self.engine}({', '.join((self.path, self.replica, *self.more))})")

    def plain(self, database: str, table: str) -> str:
        """Return the statement that takes its files for those of a table that has no replicas."""
        return self._statement("ATTACH", database, table, self._plain)

    def beside(self, database: str, table: str) -> str:
        """Return the statement that makes an empty table like it that has no replicas."""
        return self._statement("CREATE", database, table, self._plain)

    @property
    def _plain(self) -> str:
        return f"{self.engine}({', '.join(self.more)})" if self.more else self.engine

    def _statement(self, verb: str, database: str, table: str, engine: str) -> str:
        return f"{verb} TABLE {name(database, table)} {self.columns} ENGINE = {engine} {self.rest}".strip()


def _arguments(text: str) -> list[str]:
    """Return arguments that have commas between them."""
    found, begin = [], 0
    for place, one in enumerate(masked(text) + ","):
        if one == ",":
            found.append(text[begin:place].strip())
            begin = place + 1
    return found
