"""Who was promoted in whose place: a table on the source, that all replicas have, and a row in it a promotion."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .connection import Server
from .entry import Step
from .errors import NO_DATABASE, NO_TABLE, NodeError
from .quote import name, value

TABLE = "promotions"


@dataclass(frozen=True)
class Promotion:
    """One of them, the last that a server knows of.

    Attributes:
        before: `server_uuid` of the source until then.
        after: That of the source since.
        mode: `planned` or `forced`.
        executed: What the new source had.
        lost: What the old one had besides; None is unknown.
    """

    before: str
    after: str
    mode: str
    executed: str
    lost: str | None


def last(server: Server, database: str) -> Promotion | None:
    """Return the last promotion that a server knows of."""
    try:
        rows = server.rows(f"SELECT before_uuid, after_uuid, mode, executed, lost FROM {name(database, TABLE)} ORDER BY id DESC LIMIT 1")
    except NodeError as error:
        if error.server_code in (NO_DATABASE, NO_TABLE):
            return None
        raise
    return Promotion(*rows[0]) if rows else None


def demoted(server: Server, uuid: str, database: str) -> bool:
    """Whether, as far as a server knows, another one has taken the place of `uuid` and not lost it to `uuid` again."""
    found = last(server, database)
    return found is not None and found.before == uuid and found.after != uuid


def recording(server: Server, database: str, promotion: Promotion) -> Iterator[Step]:
    """Yield the statements that write a promotion down: the first that the new source takes, and so the proof that it takes any."""
    table = name(database, TABLE)
    yield Step(server, f"CREATE DATABASE IF NOT EXISTS {name(database)}")
    yield Step(
        server,
        f"CREATE TABLE IF NOT EXISTS {table} (id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, at DATETIME(6) NOT NULL, "
        "before_uuid CHAR(36) NOT NULL, after_uuid CHAR(36) NOT NULL, mode VARCHAR(16) NOT NULL, "
        "executed LONGTEXT NOT NULL, lost LONGTEXT)",
    )
    fields = ", ".join(value(each) for each in (promotion.before, promotion.after, promotion.mode, promotion.executed, promotion.lost))
    yield Step(
        server,
        f"INSERT INTO {table} (at, before_uuid, after_uuid, mode, executed, lost) VALUES (UTC_TIMESTAMP(6), {fields})",
    )
