"""Keeps what stands in the lab's AWS across restarts.

moto holds everything in memory. Shortly after a request that may have changed something, the process forks; the
child pickles all backends into a file beside the last one, and the parent puts that in its place. So the state on
disk is always a whole one, taken between two requests, and serving never waits for it.
"""

from __future__ import annotations

import copyreg
import gc
import marshal
import os
import pickle
import sys
import threading
import time
import types
import weakref
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import moto
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from moto.backends import get_backend
from moto.core.base_backend import BackendDict

QUIET = 0.3
"""Seconds after a change before it is saved, so that a burst of changes is saved once."""
SHARE = 3
"""The next save starts no sooner than this many times the last one's duration after it."""
REGISTRIES = ("vpc_refs", "vpc_pcx_refs", "backend_refs")
"""Where moto's EC2 finds the backends of other regions."""
FORMAT = (1, moto.__version__, sys.version_info[:2])


# --- what pickle can't do by itself ----------------------------------------------------------------------------


def _function(code: bytes, module: str, name: str, defaults: Any, cells: tuple[Any, ...]) -> types.FunctionType:
    scope = vars(sys.modules[module])
    return types.FunctionType(marshal.loads(code), scope, name, defaults, tuple(types.CellType(cell) for cell in cells))  # noqa: S302


def _defaultdict(cls: type[defaultdict[Any, Any]], factory: Any) -> defaultdict[Any, Any]:
    made = cls.__new__(cls)  # its own __init__ wants more than pickle passes
    made.default_factory = factory
    return made


def _private_key(pem: bytes) -> Any:
    return serialization.load_pem_private_key(pem, None)


def _reduce_private_key(key: Any) -> Any:
    encoding, no_password = serialization.Encoding.PEM, serialization.NoEncryption()
    return _private_key, (key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, no_password),)


def _certificate(pem: bytes) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem)


def _reduce_certificate(certificate: x509.Certificate) -> Any:
    return _certificate, (certificate.public_bytes(serialization.Encoding.PEM),)


_REDUCERS: dict[type, Callable[[Any], Any]] = {
    type(threading.Lock()): lambda _: (threading.Lock, ()),
    type(threading.RLock()): lambda _: (threading.RLock, ()),
    type(rsa.generate_private_key(65537, 1024)): _reduce_private_key,  # noqa: S505 - only its type is of interest
    type(ec.generate_private_key(ec.SECP256R1())): _reduce_private_key,
    x509.Certificate: _reduce_certificate,
}


class _Pickler(pickle.Pickler):
    """Knows what moto's backends hold besides plain data: locks, keys, certificates and local functions."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self.dispatch_table = {**copyreg.dispatch_table, **_REDUCERS}

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, BackendDict):
            return get_backend, (obj.service_name,)  # moto's own object, not a copy of it
        if isinstance(obj, defaultdict) and type(obj) is not defaultdict:
            return _defaultdict, (type(obj), obj.default_factory), vars(obj), None, iter(obj.items())
        if isinstance(obj, types.FunctionType) and "<" in obj.__qualname__:
            cells = tuple(cell.cell_contents for cell in obj.__closure__ or ())
            return _function, (marshal.dumps(obj.__code__), obj.__module__, obj.__name__, obj.__defaults__, cells)
        return NotImplemented


def dump(path: Path) -> None:
    """Write every backend in use to `path`, readable by its owner only."""
    content = {
        backends.service_name: (
            dict(backends),
            {"bucket_accounts": backends.bucket_accounts} if hasattr(backends, "bucket_accounts") else {},
        )
        for backends in BackendDict._instances
    }
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        pickle.dump(FORMAT, file)
        _Pickler(file).dump(content)
        file.flush()
        os.fsync(file.fileno())


def load(path: Path) -> None:
    """Fill moto with what `dump` wrote.

    Raises:
        ValueError: It was written by another version of moto or Python, or is damaged.
    """
    with path.open("rb") as file:
        try:
            found = pickle.load(file)  # noqa: S301 - our own file, in a directory of ours
            if found != FORMAT:
                raise ValueError(f"it is of format, moto and Python {found}, these are {FORMAT}")
            content = pickle.load(file)  # noqa: S301
        except ValueError:
            raise
        except Exception as error:  # a damaged pickle raises anything
            raise ValueError(f"it can't be read: {error!r}") from error
    for service, (accounts, more) in content.items():
        backends: Any = get_backend(service)
        dict.update(backends, accounts)
        vars(backends).update(more)
        for regions in accounts.values():
            for backend in regions.values():
                _announce(backend)
        if backends not in BackendDict._instances:
            BackendDict._instances.append(backends)


def _announce(backend: Any) -> None:
    """Have a backend known to those of other regions, which its own beginning does: a peering is told to both sides."""
    for name in REGISTRIES:
        known = getattr(type(backend), name, None)
        if known is not None:
            known[type(backend)].add(weakref.ref(backend))


# --- when to save ----------------------------------------------------------------------------------------------


class Keeper:
    """Saves the state after changes, in a process of its own, and forgets it on reset.

    Attributes:
        lock: Held whenever moto's backends change.
    """

    def __init__(self, path: Path, lock: threading.RLock) -> None:
        self.path = path
        self.partial = path.with_suffix(".partial")
        self.lock = lock
        self.error = ""
        self._changed = threading.Event()
        self._saving = False

    @property
    def unsaved(self) -> bool:
        """Whether something that changed is not on disk yet."""
        return self._saving or self._changed.is_set()

    def changed(self) -> None:
        """Say that something may have changed; the lock is held."""
        self._changed.set()

    def forget(self) -> None:
        """Drop what is saved; the lock is held. A save under way is dropped too, as it was taken before."""
        self._changed.clear()
        self.partial.unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)

    def run(self) -> None:
        """Save after changes, for ever."""
        while True:
            self._changed.wait()
            time.sleep(QUIET)
            began = time.monotonic()
            with self.lock:
                if not self._changed.is_set():
                    continue
                self._saving = True
                self._changed.clear()
                child = self._fork()
            _, status = os.waitpid(child, 0)
            with self.lock:
                self._finish(os.waitstatus_to_exitcode(status) == 0)
                self._saving = False
            time.sleep(SHARE * (time.monotonic() - began))

    def save(self) -> None:
        """Save now, in this process; the lock is held."""
        dump(self.partial)
        self._finish(True)

    def _fork(self) -> int:
        sys.stderr.flush()
        child = os.fork()
        if child:
            return child
        status = 1
        try:
            gc.disable()
            os.closerange(3, 4096)  # the listening socket above all: the port must be free once the parent is gone
            dump(self.partial)
            status = 0
        except BaseException as error:
            os.write(2, f"the state could not be saved: {error!r}\n".encode())
        finally:
            os._exit(status)

    def _finish(self, dumped: bool) -> None:
        self.error = "" if dumped else "the last save failed; see the log"
        if dumped and self.partial.exists():  # gone if the lab was reset meanwhile
            self.partial.replace(self.path)
