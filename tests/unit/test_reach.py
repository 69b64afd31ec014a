"""Ports are asked all at once: those that take a connection are told, in their order."""

from __future__ import annotations

import socket
import threading

import pytest
from kc.errors import KcError
from kc.reach import reached


def test_who_answers_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as there, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # nobody listens
        open_, shut = (f"127.0.0.1:{each.getsockname()[1]}" for each in (there, closed))
        assert reached([shut, open_, "nowhere.invalid:9281"], 2) == [open_]
        assert reached([], 2) == []


def test_all_are_asked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    together = threading.Barrier(8, timeout=10)

    def silent(target: tuple[str, int], seconds: float) -> socket.socket:
        together.wait()  # one after the other, nobody would come further
        raise TimeoutError

    monkeypatch.setattr(socket, "create_connection", silent)
    assert reached([f"keeper-{number}:9281" for number in range(8)], 1) == []
    assert not together.broken


@pytest.mark.parametrize("target", ["keeper-1", ":9281", "keeper-1:", "keeper-1:tls"])
def test_what_is_no_port_is_refused(target: str) -> None:
    with pytest.raises(KcError, match="is no host:port"):
        reached([target], 1)
