"""The options of a switchover's acts, and what tests of them ask: who takes writes, and what becomes of a run that is killed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Self

import pytest
from kc.mysql.errors import NodeError, is_read_only

from tests.mysql.world import Instance

Go = Callable[..., dict[str, Any]]

APP = {"user": "app", "password": "the application's"}
FREEZE = {"probe": APP, "kill": True, "other": "", "alone": False, "database": "kc", "wait": 10, "state": "frozen", "rds": None}
PROMOTE = {
    "mode": "planned",
    "accept": [],
    "fenced": False,
    "foreseen": False,
    "executed": "",
    "database": "kc",
    "max_lag": 10,
    "wait": 10,
    "events": True,
    "backup_days": 1,
    "promotion_wait": 10,
    "rds": None,
}
REBUILD = {"discard": "", "database": "kc", "clone_wait": 60, "aside": "", "foreseen": False, "wait": 30}
DATABASE = {"charset": "utf8mb4", "collation": "utf8mb4_0900_ai_ci", "encryption": None, "state": "present", "data": "keep"}


def writable(instance: Instance) -> bool:
    with instance.server(user=APP["user"], password=APP["password"]) as app:
        try:
            app.run("DELETE FROM app.orders WHERE FALSE")
        except NodeError as error:
            if is_read_only(error):
                return False
            raise
        return True


class Killed(BaseException):
    """The run ends here, as by a signal: nothing behind it is run."""


def killing(monkeypatch: pytest.MonkeyPatch, at: int, before: bool, *kinds: type) -> None:
    """Have a run end before or after its n-th act of some kinds."""
    count = 0

    def wrap(kind: Any) -> Any:
        run = kind.run

        def dying(self: Any) -> None:
            nonlocal count
            mine, count = count, count + 1
            if mine == at and before:
                raise Killed
            run(self)
            if mine == at:
                raise Killed

        monkeypatch.setattr(kind, "run", dying)

    for kind in kinds:
        wrap(kind)


class Steady(threading.Thread):
    """Something that goes on until `ended` is set, as it is at the end of a `with`."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.ended = threading.Event()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self.join()


class Supervised(Steady):
    """A server's service manager: starts it again when it has ended."""

    def __init__(self, instance: Instance) -> None:
        super().__init__()
        self.instance = instance

    def run(self) -> None:
        while not self.ended.wait(0.2):
            if not self.instance.running():
                self.instance.start()
