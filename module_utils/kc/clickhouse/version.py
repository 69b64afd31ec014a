"""A server's version, and what it has: every difference between versions that a statement depends on, in one table."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from ..errors import KcError


class Version(NamedTuple):
    """A release, such as 18.16.1 or 25.8.2; compared by its parts."""

    year: int
    release: int
    patch: int = 0

    @classmethod
    def parse(cls, text: str) -> Version:
        """Return the version that a server, a package or the inventory names: `25.8.2.29-lts`, `18.16.1+ds-7.3+b2`, `25.8`.

        Raises:
            KcError: It names none.
        """
        found = re.match(r"v?(\d+)\.(\d+)(?:\.(\d+))?(?![\d])", text)
        if not found:
            raise KcError(f"{text!r} is no version of ClickHouse", hint="write it like 18.16.1 or 25.8.2.29")
        return cls(int(found[1]), int(found[2]), int(found[3] or 0))

    def __str__(self) -> str:
        return ".".join(map(str, self))

    def has(self, feature: str) -> bool:
        """Whether this version has a feature of `FEATURES`."""
        return self[:2] >= FEATURES[feature].since

    def need(self, feature: str) -> None:
        """Refuse to go on without a feature.

        Raises:
            KcError: This version does not have it.
        """
        if not self.has(feature):
            since = FEATURES[feature].since
            raise KcError(f"ClickHouse {self} has no {feature}", hint=f"it came with {since[0]}.{since[1]}: upgrade, or do without")


@dataclass(frozen=True)
class Feature:
    """Something that a statement depends on.

    Attributes:
        since: The first release that has it, ready for use and without a switch for experiments.
        source: Where that is said.
    """

    since: tuple[int, int]
    source: str


def _since(year: int, release: int) -> Feature:
    """Return a feature that 18.16.1 refuses and 26.9 takes (both were run); which release brought it was not tried."""
    return Feature((year, release), "18.16.1 and 26.9 were run; the release is not verified")


FEATURES = {
    "column comments": Feature(
        (20, 1), "seen with 18.16.1: COMMENT COLUMN of a Replicated table drops the column, and CREATE with one fails"
    ),
    "low cardinality": _since(19, 0),
    "codecs": _since(19, 1),
    "TTL": _since(19, 6),
    "MODIFY SETTING": _since(19, 14),
    "SimpleAggregateFunction": _since(19, 8),
    "IPv4 and IPv6": _since(19, 8),
    "DateTime64": _since(20, 1),
    "ADD COLUMN FIRST": _since(20, 7),
    "big integers": _since(21, 6),
    "Decimal256": _since(21, 6),
    "Map": _since(21, 8),
    "Date32": _since(21, 9),
    "Bool": _since(21, 12),
    "REMOVE of a column's or table's property": _since(20, 12),
    "MODIFY QUERY": _since(23, 10),
    "formatQuery": _since(23, 10),
    "RENAME COLUMN": _since(20, 4),
    "access control": Feature(
        (20, 5), "changelog of 20.5: the tables of users, grants, quotas and row policies (#10387); 20.4 has the statements alone"
    ),
    "bounded SYNC": Feature((20, 4), "src/Interpreters/InterpreterSystemQuery.cpp: 18.16 takes 0 of receive_timeout, and waits for ever"),
    "DROP REPLICA": _since(20, 5),
    "Atomic databases": _since(20, 10),
    "default replica path": _since(20, 10),
    "DROP SYNC": _since(20, 10),
    "RESTORE REPLICA": _since(21, 7),
    "BACKUP": _since(22, 8),
    "lightweight DELETE": _since(23, 3),
}
"""What a version has, by the words that an error uses for it."""
