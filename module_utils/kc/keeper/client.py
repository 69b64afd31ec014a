"""A client of the ensemble, over TLS: as much of ZooKeeper's protocol as configuring and testing it take. One request at a time."""

from __future__ import annotations

import base64
import hashlib
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType

from ..errors import KcError
from .tls import Way

CREATE, DELETE, EXISTS, READ, WRITE, READ_ACL, WRITE_ACL, CHILDREN, AUTH, CLOSE = 1, 2, 3, 4, 5, 6, 7, 8, 100, -11
AUTH_XID = -4
NO_NODE, NO_AUTH, NODE_EXISTS, NOT_EMPTY = -101, -102, -110, -111
ERRORS = {
    -4: "the connection was lost",
    -7: "it took too long",
    NO_NODE: "there is no such node",
    NO_AUTH: "this account may not",
    NODE_EXISTS: "there is such a node",
    NOT_EMPTY: "it has children",
    -112: "the session has expired",
    -115: "the account was refused",
}
"""ZooKeeper, KeeperException.Code."""

PERMISSIONS = {"read": 1, "write": 2, "create": 4, "delete": 8, "admin": 16}
ALL = sum(PERMISSIONS.values())


class EnsembleError(KcError):
    """What the ensemble refused; `status` is ZooKeeper's code."""

    def __init__(self, status: int, path: str) -> None:
        super().__init__(f"{path or 'the ensemble'}: {ERRORS.get(status, f'error {status}')}")
        self.status = status


@dataclass(frozen=True, order=True)
class Grant:
    """Who may do what with a node (not with those below it)."""

    permissions: int
    scheme: str
    who: str


ANYONE = Grant(ALL, "world", "anyone")


def account(username: str, password: str, permissions: int = ALL) -> Grant:
    """Return a grant to an account (ZooKeeper, DigestAuthenticationProvider)."""
    digest = base64.b64encode(hashlib.sha1(f"{username}:{password}".encode()).digest()).decode()  # noqa: S324 - the protocol's
    return Grant(permissions, "digest", f"{username}:{digest}")


class Client:
    """A session with one member.

    Args:
        way: How members are reached.
        hosts: Members; the first that answers is taken.
        session: Milliseconds that the session outlives its connection.

    Raises:
        KcError: None of them serves.
    """

    def __init__(self, way: Way, hosts: Sequence[str], session: int = 10_000) -> None:
        self._xid = 0
        reasons = []
        for host in hosts:
            try:
                self._socket = way.connect(host)
                self._socket.settimeout(way.timeout)
                self._send(struct.pack(">iqiq", 0, 0, session, 0) + _buffer(bytes(16)) + b"\0")
                self._receive()
            except (KcError, OSError) as error:
                reasons.append(error.message if isinstance(error, KcError) else f"{host} opens no session: {error}")
            else:
                self.host = host
                return
        raise KcError("no member serves: " + "; ".join(reasons), transient=True)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            self._ask(CLOSE)
        except (KcError, OSError):
            pass  # the session ends by itself
        finally:
            self._socket.close()

    def log_in(self, username: str, password: str) -> None:
        """Be an account, from now on."""
        self._ask(AUTH, struct.pack(">i", 0) + _text("digest") + _buffer(f"{username}:{password}".encode()), xid=AUTH_XID)

    def create(self, path: str, value: bytes = b"", grants: Sequence[Grant] = (ANYONE,)) -> None:
        """Make a node."""
        self._ask(CREATE, _text(path) + _buffer(value) + _grants(grants) + struct.pack(">i", 0), path)

    def delete(self, path: str) -> None:
        """Take a node away that has none below it."""
        self._ask(DELETE, _text(path) + struct.pack(">i", -1), path)

    def exists(self, path: str) -> bool:
        """Return whether there is a node."""
        try:
            self._ask(EXISTS, _text(path) + b"\0", path)
        except EnsembleError as error:
            if error.status != NO_NODE:
                raise
            return False
        return True

    def read(self, path: str) -> bytes:
        """Return a node's value."""
        return _Reader(self._ask(READ, _text(path) + b"\0", path)).buffer()

    def write(self, path: str, value: bytes) -> None:
        """Set a node's value."""
        self._ask(WRITE, _text(path) + _buffer(value) + struct.pack(">i", -1), path)

    def children(self, path: str) -> list[str]:
        """Return the names of the nodes below one."""
        answer = _Reader(self._ask(CHILDREN, _text(path) + b"\0", path))
        return sorted(answer.text() for _ in range(answer.int()))

    def grants(self, path: str) -> list[Grant]:
        """Return who may do what with a node."""
        answer = _Reader(self._ask(READ_ACL, _text(path), path))
        return sorted(Grant(answer.int(), answer.text(), answer.text()) for _ in range(answer.int()))

    def grant(self, path: str, grants: Sequence[Grant]) -> None:
        """Set who may do what with a node."""
        self._ask(WRITE_ACL, _text(path) + _grants(grants) + struct.pack(">i", -1), path)

    def _ask(self, kind: int, body: bytes = b"", path: str = "", xid: int = 0) -> bytes:
        self._xid += 1
        number = xid or self._xid
        self._send(struct.pack(">ii", number, kind) + body)
        for answer in self._answers():
            found, _, status = struct.unpack(">iqi", answer[:16])
            if found == number:
                if status:
                    raise EnsembleError(status, path)
                return answer[16:]
        raise AssertionError

    def _answers(self) -> Iterator[bytes]:
        while True:
            yield self._receive()

    def _send(self, message: bytes) -> None:
        self._socket.sendall(struct.pack(">i", len(message)) + message)

    def _receive(self) -> bytes:
        return self._exactly(struct.unpack(">i", self._exactly(4))[0])

    def _exactly(self, count: int) -> bytes:
        found = b""
        while len(found) < count:
            part = self._socket.recv(count - len(found))
            if not part:
                raise OSError("the member closed the connection")
            found += part
        return found


class _Reader:
    """Reads values of ZooKeeper's serialisation (jute) one after the other."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def int(self) -> int:
        value, self._data = struct.unpack(">i", self._data[:4])[0], self._data[4:]
        return int(value)

    def buffer(self) -> bytes:
        size = max(self.int(), 0)
        value, self._data = self._data[:size], self._data[size:]
        return value

    def text(self) -> str:
        return self.buffer().decode()


def _buffer(value: bytes) -> bytes:
    return struct.pack(">i", len(value)) + value


def _text(value: str) -> bytes:
    return _buffer(value.encode())


def _grants(grants: Sequence[Grant]) -> bytes:
    return struct.pack(">i", len(grants)) + b"".join(
        struct.pack(">i", each.permissions) + _text(each.scheme) + _text(each.who) for each in grants
    )
