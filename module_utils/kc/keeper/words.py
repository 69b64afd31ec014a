"""Four-letter words: what a member says of itself. ZooKeeper and ClickHouse Keeper answer alike."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

from ..errors import KcError
from .tls import Way

LONGEST = 1 << 20
"""Bytes of an answer; no word that is asked here says as much."""


def ask(way: Way, host: str, word: str) -> str:
    """Return a member's answer to a word.

    Raises:
        KcError: It gave none.
    """
    answer = b""
    try:
        with way.connect(host) as member:
            member.sendall(word.encode())
            while len(answer) < LONGEST and (part := member.recv(1 << 16)):
                answer += part
    except OSError as error:  # what came before the connection broke is no answer either: it could be half of one
        raise KcError(f"{host}:{way.port} gave no answer to `{word}`: {error}", transient=True) from error
    if not answer:
        raise KcError(f"{host}:{way.port} gave no answer to `{word}`", hint="it may not take this node's certificate", transient=True)
    return answer.decode(errors="replace")


def serving(answer: str) -> bool:
    """Return whether a member that gave this answer takes part; without a leader both kinds say that they are not serving."""
    return not answer.startswith("This ")


def monitored(answer: str) -> dict[str, str]:
    """Return the answer to `mntr` by name, without the prefix `zk_`."""
    lines = (line.partition("\t") for line in answer.splitlines() if "\t" in line)
    return {name.removeprefix("zk_"): value for name, _, value in lines}


def served(answer: str) -> dict[str, str]:
    """Return the answer to `srvr` by name."""
    lines = (line.partition(": ") for line in answer.splitlines() if ": " in line)
    return {name: value for name, _, value in lines}


def number(values: Mapping[str, str], name: str) -> int | None:
    """Return a number of an answer; None where it is not told."""
    with contextlib.suppress(KeyError, ValueError):
        return int(float(values[name]))
    return None


def zxid(values: Mapping[str, str]) -> int | None:
    """Return the last transaction that an answer to `srvr` names."""
    with contextlib.suppress(KeyError, ValueError):
        return int(values["Zxid"], 0)
    return None
