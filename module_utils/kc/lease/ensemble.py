"""The lease in the ensemble, by a session of kazoo's."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from kazoo.client import KazooClient, TransactionRequest
from kazoo.exceptions import (
    BadVersionError,
    ConnectionClosedError,
    KazooException,
    NoAuthError,
    NodeExistsError,
    NoNodeError,
    NotEmptyError,
    OperationTimeoutError,
)
from kazoo.handlers.threading import KazooTimeoutError
from kazoo.retry import KazooRetry
from kazoo.security import make_digest_acl

from ..errors import KcError
from ..keeper.tls import Way
from .handler import Handler
from .lease import Lease, Silent

ROOT = "/lease"
LOST = (KazooTimeoutError, ConnectionClosedError, OperationTimeoutError, OSError)

PATIENCE = 2
"""Questions in a row that a member may leave unanswered."""

QUIET = logging.getLogger("kc.lease.kazoo")
QUIET.setLevel(logging.CRITICAL)
"""What kazoo says of connections that come and go is told by who uses this."""


@dataclass(frozen=True)
class Account:
    """Whose the lease is in the ensemble: nobody else with a certificate of the platform's, such as a client's node, may touch it."""

    user: str
    password: str


class Ensemble:
    """A session with the ensemble.

    Args:
        way: How members are reached.
        members: All of them, `host` or `host:port`.
        account: Whose the lease is.
        ttl: Seconds that the session outlives its last sign.
        timeout: Seconds that an answer may take.
    """

    def __init__(self, way: Way, members: Sequence[str], account: Account, ttl: float, timeout: float = 2) -> None:
        handler = Handler(way, members)
        self._handler, self._timeout, self._stat, self._unanswered = handler, timeout, -1, 0
        acl = make_digest_acl(account.user, account.password, all=True)
        self._client = KazooClient(
            hosts=handler.hosts,
            handler=handler,
            timeout=ttl,
            default_acl=[acl],
            auth_data=[("digest", f"{account.user}:{account.password}")],
            # those that are near come first, and one that is lost with its region last
            randomize_hosts=False,
            connection_retry=KazooRetry(max_tries=-1, delay=0.1, max_delay=1, backoff=2),
            logger=QUIET,
        )
        self._client.start_async()

    def close(self) -> None:
        """End the session, and with it what it holds."""
        self._client.stop()
        self._client.close()

    @property
    def ttl(self) -> float:
        """Seconds that the session was given, which the ensemble may have bounded."""
        return float(self._client._session_timeout) / 1000

    def wait(self, seconds: float) -> None:
        """Wait until there is a session.

        Raises:
            Silent: There is none in time.
        """
        end = time.monotonic() + seconds
        while not self._client.connected:
            if time.monotonic() > end:
                raise Silent(
                    "no member of the ensemble serves", hint="where most members are lost, playbooks/keeper_recover.yml brings it back"
                )
            time.sleep(0.05)

    # --- what it says

    def look(self) -> Lease | None:
        """Return the lease, as new as the question; None: there is none.

        Raises:
            Silent: No answer.
        """
        self._ask(lambda: self._client.sync_async("/"))
        try:
            value, stat = self._ask(lambda: self._client.get_async(ROOT))
        except NoNodeError:
            return None
        self._stat = stat.version
        return Lease.parse(value.decode(errors="replace"), f"{ROOT} in the ensemble")

    def holders(self, lease: Lease) -> list[str]:
        """Return who holds a term; nobody where it has ended."""
        try:
            return sorted(self._ask(lambda: self._client.get_children_async(term(lease))))
        except NoNodeError:
            return []

    # --- who holds it

    def beat(self, lease: Lease, name: str) -> bool:
        """Write as a holder; whether the term goes on and the holder's own node stands. A quorum has said so where it does.

        Raises:
            Silent: No answer.
        """
        request = self._client.transaction()
        request.check(ROOT, self._stat)
        request.set_data(f"{term(lease)}/{name}", b"")
        return self._commit(request)

    def take(self, lease: Lease, name: str) -> bool:
        """Have a node of this session's below a term; False where that has ended, or somebody else's has the name.

        Raises:
            Silent: No answer.
        """
        node = f"{term(lease)}/{name}"
        try:
            self._ask(lambda: self._client.create_async(node, b"", ephemeral=True))
        except NodeExistsError:
            return self._is_mine(node)
        except NoNodeError:
            return False
        return True

    def _is_mine(self, node: str) -> bool:
        found = self._ask(lambda: self._client.exists_async(node))
        return bool(found and self._client.client_id and found.ephemeralOwner == self._client.client_id[0])

    # --- whose it is

    def lay(self, lease: Lease) -> bool:
        """Lay the first lease down; whether it was this one that did.

        Raises:
            Silent: No answer.
        """
        request = self._client.transaction()
        request.create(ROOT, lease.text.encode())
        request.create(term(lease))
        return self._commit(request)

    def swap(self, before: Lease, after: Lease, hand: bool = False) -> bool:
        """End a term and begin the next; whether it was done: not where `before` is not the lease any more, or somebody holds it.

        Args:
            before: The lease, as `look` returned it last.
            after: The next one.
            hand: Let go for who holds it, too.

        Raises:
            Silent: No answer: it may be done.
        """
        request = self._client.transaction()
        request.set_data(ROOT, after.text.encode(), version=self._stat)
        for name in self.holders(before) if hand else ():
            request.delete(f"{term(before)}/{name}")
        request.delete(term(before))
        request.create(term(after))
        return self._commit(request)

    # --- who is there

    def show(self, region: str, name: str) -> None:
        """Have it known that a sentinel of a region lives, for as long as its session does."""
        node = f"/sentinels/{region}/{name}"
        if not self._ask(lambda: self._client.exists_async(node)):
            # that it is there: an answer was lost
            with contextlib.suppress(NodeExistsError):
                self._ask(lambda: self._client.create_async(node, b"", ephemeral=True, makepath=True))

    def shown(self, region: str) -> list[str]:
        """Return a region's sentinels that live, those that are there for longest first."""
        try:
            names = self._ask(lambda: self._client.get_children_async(f"/sentinels/{region}"))
        except NoNodeError:
            return []
        found = [(self._ask(partial(self._client.exists_async, f"/sentinels/{region}/{name}")), name) for name in names]
        return [name for stat, name in sorted((stat.czxid, name) for stat, name in found if stat)]

    # --- asking

    def _ask(self, call: Callable[[], Any]) -> Any:
        """Return an answer within the time for one; a call that is given up may still be carried out."""
        if not self._client.connected:
            raise Silent("there is no connection to a member that serves")
        try:
            answer = call().get(timeout=self._timeout)
        except KazooTimeoutError:
            self._unheard()
            raise Silent("the ensemble does not answer in time") from None
        except NoAuthError:
            raise KcError(
                f"{ROOT} in the ensemble is another account's", hint="the lease's secret was changed by hand: give back the one before it"
            ) from None
        except (NoNodeError, NodeExistsError, NotEmptyError, BadVersionError):
            self._unanswered = 0
            raise
        except (*LOST, KazooException) as error:
            raise Silent(f"the ensemble does not answer: {type(error).__name__}") from None
        self._unanswered = 0
        return answer

    def _unheard(self) -> None:
        """Have another member be looked for, where this one's silence lasts.

        kazoo pings only where nobody asks for a while (its client's loop waits for either), so it never notices that who is asked all
        the time says nothing any more: a cut connection looks as if it stood until TCP gives up, a quarter of an hour later.
        """
        self._unanswered += 1
        if self._unanswered >= PATIENCE:
            self._unanswered = 0
            self._handler.drop()

    def _commit(self, request: TransactionRequest) -> bool:
        """Carry a transaction out; False where the ensemble refused it, as something was other than it supposed."""
        results = self._ask(request.commit_async)
        for each in results:
            if isinstance(each, NoAuthError):
                raise KcError(
                    f"{ROOT} in the ensemble is another account's",
                    hint="the lease's secret was changed by hand: give back the one before it",
                )
        return not any(isinstance(each, Exception) for each in results)


def term(lease: Lease) -> str:
    """Return a term's node."""
    return f"{ROOT}/{lease.epoch:06}"
