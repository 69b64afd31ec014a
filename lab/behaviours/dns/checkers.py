"""Health checkers: each looks at one endpoint, again and again, as Route 53's do from the Internet."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from contextlib import closing

from .health import Config

CONNECT, RESPOND, CONNECT_TCP = 4.0, 2.0, 10.0
"""Seconds for a connection, then for the response; for a check of a connection alone (Route 53 developer guide, "How
Route 53 determines whether a health check is healthy")."""

SEARCHED = 5120
"""Bytes of a body that a string is looked for in (the same page)."""

AGENT = "Amazon-Route53-Health-Check-Service"


def look(config: Config, address: str) -> tuple[bool, str]:
    """Look at an endpoint once.

    Returns:
        Whether it passes, and that in the words of GetHealthCheckStatus.
    """
    try:
        return _look(config, address)
    except TimeoutError:
        return False, f"Failure: Connection timed out. Resolved IP: {address}. The endpoint or the internet connection is down, or blocked"
    except (OSError, http.client.HTTPException) as error:
        return False, f"Failure: {str(error) or type(error).__name__}. Resolved IP: {address}"


def _look(config: Config, address: str) -> tuple[bool, str]:
    kind = config["Type"]
    secure = kind.startswith("HTTPS")
    host, port = config.get("FullyQualifiedDomainName") or address, config.get("Port") or (443 if secure else 80)
    with socket.create_connection((address, port), CONNECT_TCP if kind == "TCP" else CONNECT) as plain:
        if kind == "TCP":
            return True, f"Success: Resolved IP: {address}. Connected"
        connection = http.client.HTTPConnection(host, port)
        connection.sock = _context().wrap_socket(plain, server_hostname=host if config.get("EnableSNI") else None) if secure else plain
        with closing(connection):
            connection.sock.settimeout(RESPOND)
            headers = {"Host": host if port in (80, 443) else f"{host}:{port}", "User-Agent": AGENT, "Connection": "close"}
            connection.request("GET", config.get("ResourcePath") or "/", headers=headers)
            response = connection.getresponse()
            said = f"HTTP Status Code {response.status}, {response.reason}. Resolved IP: {address}"
            passes = 200 <= response.status < 400
            if passes and kind.endswith("STR_MATCH"):
                passes = config["SearchString"].encode() in response.read(SEARCHED)
                said += "" if passes else ". The string is not in the response"
            return passes, f"{'Success' if passes else 'Failure'}: {said}"


def _context() -> ssl.SSLContext:
    """Route 53 does not validate certificates (developer guide, "Values that you specify when you create health checks")."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Checkers:
    """A thread for each endpoint that is checked.

    Args:
        report: Is told the id of a check, whether its endpoint passes, and how.
        resolve: Returns the address of a name, "" where it has none.
    """

    def __init__(self, report: Callable[[str, bool, str], None], resolve: Callable[[str], str]) -> None:
        self.report = report
        self.resolve = resolve
        self._running: dict[tuple[str, str], threading.Event] = {}

    def want(self, checks: Mapping[str, Config]) -> None:
        """Check these endpoints, by id, and no others; one whose settings changed is looked at anew."""
        wanted = {(id, json.dumps(config, sort_keys=True)): config for id, config in checks.items()}
        for key in self._running.keys() - wanted.keys():
            self._running.pop(key).set()
        for key in wanted.keys() - self._running.keys():
            ended = self._running[key] = threading.Event()
            threading.Thread(target=self._check, args=(key[0], wanted[key], ended), name=f"check {key[0]}", daemon=True).start()

    def _check(self, id: str, config: Config, ended: threading.Event) -> None:
        while not ended.is_set():
            name = config.get("FullyQualifiedDomainName", "")
            try:
                address = config.get("IPAddress") or self.resolve(name)
                passes, text = look(config, address) if address else (False, f"Failure: DNS resolution failed: {name} has no address")
            except Exception as error:  # whatever an endpoint does, the next look comes
                passes, text = False, f"Failure: {type(error).__name__}: {error}"
            if not ended.is_set():
                self.report(id, passes, text)
            # from the response to the next request (Route 53 API, HealthCheckConfig)
            ended.wait(config.get("RequestInterval", 30))
