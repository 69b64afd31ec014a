"""A cluster's own part of the ensemble: a node that nobody but its account can read or change."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Protocol

from ..errors import KcError
from .client import NO_AUTH, NODE_EXISTS, PERMISSIONS, Client, EnsembleError, Grant, account
from .tls import Way

PATH = re.compile(r"(/[A-Za-z0-9_.-]+)+")
ANYONE_MAKES = (Grant(PERMISSIONS["create"], "world", "anyone"),)
"""Of what is above a root: each cluster makes its own, and reads, changes and deletes none."""


class Tree(Protocol):
    """What `ensure` needs of a session."""

    def exists(self, path: str) -> bool: ...
    def create(self, path: str, value: bytes = b"", grants: Sequence[Grant] = ()) -> None: ...
    def grants(self, path: str) -> list[Grant]: ...
    def grant(self, path: str, grants: Sequence[Grant]) -> None: ...


@dataclass
class Result:
    """What was done, or would be.

    Attributes:
        made: Nodes that were made.
        given: The root, where its rights were put back.
        unknown: Why the ensemble could not be asked, in check mode.
    """

    made: list[str] = field(default_factory=list)
    given: list[str] = field(default_factory=list)
    unknown: str = ""

    @property
    def changed(self) -> bool:
        """Return whether anything was."""
        return bool(self.made or self.given)


def ensure(tree: Tree, path: str, username: str, password: str, *, check: bool = False) -> Result:
    """Have a node at `path` that is only the account's.

    Raises:
        KcError: It is another account's.
    """
    if not PATH.fullmatch(path):
        raise KcError(f"root is {path!r}", hint="it begins with a slash, and has letters, digits, `_`, `.` and `-` between slashes")
    own = (account(username, password),)
    result = Result()
    for part in [*reversed([str(parent) for parent in PurePosixPath(path).parents][:-1]), path]:
        if not tree.exists(part):
            result.made.append(part)
            if not check:
                _create(tree, part, own if part == path else ANYONE_MAKES)
    if path in result.made:
        return result
    try:
        found = tuple(tree.grants(path))
    except EnsembleError as error:
        if error.status != NO_AUTH:
            raise
        found = ()
    if found != own:
        if not found or any(grant.scheme == "digest" and grant.who != own[0].who for grant in found):
            raise KcError(
                f"{path} in the ensemble is another account's than {username!r}, or its password is another one",
                hint="give the account that made it; clusters never share a root",
            )
        result.given.append(path)
        if not check:
            tree.grant(path, own)
    return result


def _create(tree: Tree, path: str, grants: Sequence[Grant]) -> None:
    try:
        tree.create(path, grants=grants)
    except EnsembleError as error:
        if error.status != NODE_EXISTS:  # another node of the cluster was faster
            raise


def converge(way: Way, hosts: Sequence[str], path: str, username: str, password: str, *, check: bool = False) -> Result:
    """Do that through the first member that serves.

    In check mode, where none does, the ensemble is taken to be empty, and the result says so.

    Raises:
        KcError: No member serves, or the root is another account's.
    """
    try:
        with Client(way, hosts) as tree:
            tree.log_in(username, password)
            return ensure(tree, path, username, password, check=check)
    except KcError as error:
        if check and error.transient:
            return Result(made=[path], unknown=error.message)
        raise
