"""A task of the module kc_lease: its options become a session with the ensemble."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from ..errors import KcError
from ..keeper.tls import Way
from .ensemble import Account, Ensemble
from .handing import HOWS, Wish, hand, look
from .lease import Silent

PARTS = {"certificate": "node.pem", "private_key": "node.key", "trusted": "ca.pem"}
CONNECT = 20
"""Seconds that a first member may take: some of them are those of a lost region."""


@contextmanager
def way_of(tls: Mapping[str, Any], port: int, via: tuple[str, ...] = (), timeout: float = 3) -> Iterator[Way]:
    """Yield a way to members; what is secret of it lies in files that only this user reads, for as long.

    Raises:
        KcError: A part is missing.
    """
    lacking = sorted(name for name in PARTS if not tls.get(name))
    if lacking:
        raise KcError(
            f"`tls` has no {', '.join(lacking)}", hint="give what the secret `sentinel-tls` holds; site.yml --tags secrets makes it"
        )
    with tempfile.TemporaryDirectory(prefix="kc-lease-") as directory:
        home = Path(directory)
        for name, file in PARTS.items():
            (home / file).write_text(str(tls[name]))
        yield Way(port, str(home / "ca.pem"), str(home / "node.pem"), str(home / "node.key"), timeout, via)


def work(params: Mapping[str, Any], *, check: bool) -> dict[str, Any]:
    """Do what a task says; return its result.

    Raises:
        KcError: It can't be done now.
    """
    do = params["do"]
    if do != "look" and not (params["region"] and params["other"]):
        raise KcError(f"`do: {do}` needs `region` and `other`", hint="name the region that gets the lease, and the one that has it")
    account = Account(params["user"], params["password"])
    with way_of(params["tls"], params["port"], tuple(params["via"])) as way:
        ensemble = Ensemble(way, params["members"], account, ttl=params["ttl"], timeout=5)
        with closing(ensemble):
            ensemble.wait(CONNECT)
            if do == "look":
                return look(ensemble)
            wish = Wish(params["region"], params["other"], HOWS[do], params["wait"], params["force"], params["ttl"])
            try:
                return hand(ensemble, wish, check=check)
            except Silent as error:
                # it may have been done: who takes a run back must not pass it over
                return {"failed": True, "changed": not check, "msg": str(error)}
