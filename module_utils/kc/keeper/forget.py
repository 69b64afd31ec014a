"""What the ensemble still has of a replica that is given up, for servers that have no DROP REPLICA."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

from ..errors import KcError
from .client import NO_NODE, Client, EnsembleError
from .tls import Way

PLACE = re.compile(r"(/[^/]+)+/replicas/[^/]+")


class Tree(Protocol):
    """What `forget` needs of a session."""

    def exists(self, path: str) -> bool: ...
    def children(self, path: str) -> list[str]: ...
    def delete(self, path: str) -> None: ...


def forget(tree: Tree, root: str, places: Sequence[str], *, check: bool = False) -> list[str]:
    """Delete replicas' places, with all that is below them; return those that stood.

    Args:
        tree: A session of the account that made them.
        root: The cluster's part of the ensemble.
        places: Below that, `<path of the table>/replicas/<replica>` each.
        check: Delete nothing.

    Raises:
        KcError: One is no replica's place, or its server is there; nothing is deleted then.
    """
    for place in places:
        if not PLACE.fullmatch(place):
            raise KcError(f"`places`: {place!r} is no replica's place", hint="it is written <path of the table>/replicas/<replica>")
    there = [place for place in places if tree.exists(root + place)]
    active = [place for place in there if tree.exists(f"{root}{place}/is_active")]
    if active:
        raise KcError(f"active: {', '.join(active)}", hint="stop the replica's server first, or wait until its session has ended")
    for place in there if not check else []:
        _delete(tree, root + place)
    return there


def _delete(tree: Tree, path: str) -> None:
    try:
        for child in tree.children(path):
            _delete(tree, f"{path}/{child}")
        tree.delete(path)
    except EnsembleError as error:
        if error.status != NO_NODE:  # somebody else was faster
            raise


def converge(way: Way, hosts: Sequence[str], root: str, account: tuple[str, str], places: Sequence[str], *, check: bool) -> list[str]:
    """Do that through the first member that serves.

    Raises:
        KcError: No member serves, or what `forget` refuses.
    """
    with Client(way, hosts) as tree:
        tree.log_in(*account)
        return forget(tree, root, places, check=check)
