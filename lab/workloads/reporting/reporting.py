"""The reporting service: what ClickHouse counts, as JSON.

ClickHouse may not be there: a region can be built before its nodes. It is there when one of `CLICKHOUSE_HOSTS` (comma between
them) has an address. It is asked over TLS only, and its certificate is checked: the platform's nodes have theirs from its own
authority, whose certificates are in `CLICKHOUSE_CA_PEM`.
"""

from __future__ import annotations

import contextlib
import functools
import os
import socket
import ssl
import tempfile
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

from clickhouse_driver import Client
from clickhouse_driver.errors import Error
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

REGION = os.environ.get("APP_REGION", "")
SECONDS = 3

COURSES = """
    SELECT course,
           uniqMergeIf(learners, kind = 'enrolled') AS enrolled, uniqMergeIf(learners, kind = 'finished') AS finished,
           countMerge(events) AS events, sumMerge(seconds) AS spent, max(day) AS latest
    FROM reporting.daily GROUP BY course ORDER BY enrolled DESC, course LIMIT 100
"""
"""The courses, from the daily aggregates, which are thousands of times fewer than the events."""

DAYS = """
    SELECT day, uniqMerge(learners) AS learners, countMerge(events) AS events, sumMerge(seconds) AS spent
    FROM reporting.daily WHERE day > today() - 30 GROUP BY day ORDER BY day
"""


class Absent(Exception):
    """There is no ClickHouse here yet."""


def hosts() -> list[str]:
    """Return the ClickHouse nodes that have an address."""
    found = []
    for host in filter(None, os.environ.get("CLICKHOUSE_HOSTS", "").split(",")):
        with contextlib.suppress(OSError):
            socket.getaddrinfo(host, None, socket.AF_INET)
            found.append(host)
    return found


@functools.cache
def trusted(pem: str) -> str:
    """Return a file with the certificates that are trusted: the driver takes nothing else. None given are those of the system."""
    if not pem.strip():
        return "/etc/ssl/certs/ca-certificates.crt"
    path = Path(tempfile.mkdtemp()) / "trusted.pem"
    path.write_text(pem)
    return str(path)


@contextlib.contextmanager
def clickhouse() -> Iterator[Client]:
    """Connect to the first node that answers.

    Raises:
        Absent: No node has an address.
    """
    first, *others = hosts() or [""]
    if not first:
        raise Absent
    client = Client(
        first,
        alt_hosts=",".join(others) or None,
        port=int(os.environ.get("CLICKHOUSE_PORT", "9440")),
        user=os.environ.get("CLICKHOUSE_USER", "default"),
        password=os.environ.get("CLICKHOUSE_PASSWORD", ""),
        secure=True,
        connect_timeout=SECONDS,
        send_receive_timeout=SECONDS,
    )
    # Debian's driver (0.2.5) verifies nothing, though it says so; here the other end proves itself before it hears a word.
    client.connection._create_socket = proven
    try:
        yield client
    finally:
        client.disconnect()


def proven(host: str, port: int) -> ssl.SSLSocket:
    """Return a connection to a node whose certificate is of a trusted authority, and for this name."""
    context = ssl.create_default_context(cafile=trusted(os.environ.get("CLICKHOUSE_CA_PEM", "")))
    plain = socket.create_connection((host, port), SECONDS)
    try:
        return context.wrap_socket(plain, server_hostname=host)
    except OSError:
        plain.close()
        raise


# Plain functions: Starlette runs them in threads, so that one that waits for ClickHouse keeps nobody else waiting.


def index(request: Request) -> JSONResponse:
    return JSONResponse({"region": REGION, "service": "reporting"})


def health(request: Request) -> JSONResponse:
    """Tell that this task works. ClickHouse does not count: another task would not reach it either."""
    return JSONResponse({"status": "ok", "region": REGION})


def source(request: Request) -> JSONResponse:
    """Tell whether ClickHouse answers this region's reports: 503 when it is there and does not, 200 while there is none yet."""
    try:
        with clickhouse() as client:
            client.execute("SELECT 1")
        state = "ok"
    except Absent:
        state = "absent"
    except (Error, OSError) as error:
        print(f"ClickHouse: {error}", flush=True)
        state = "failed"
    return JSONResponse({"clickhouse": state, "region": REGION}, 503 if state == "failed" else 200)


def courses(request: Request) -> JSONResponse:
    """Tell of each course how many learners it has, how many have finished it, and the time that they have spent."""
    return report(
        "courses", COURSES, lambda row: dict(zip(("course", "enrolled", "finished", "events", "seconds", "latest"), row, strict=True))
    )


def days(request: Request) -> JSONResponse:
    """Tell of each of the last thirty days how many learners were there."""
    return report("days", DAYS, lambda row: dict(zip(("day", "learners", "events", "seconds"), row, strict=True)))


def report(name: str, query: str, shape: Callable[[tuple], dict]) -> JSONResponse:
    """Return what a query answers, a mapping a row."""
    try:
        with clickhouse() as client:
            rows = client.execute(query)
    except Absent:
        return problem("No ClickHouse", "Reports come from ClickHouse, and this region has none yet.")
    except (Error, OSError) as error:
        print(f"ClickHouse: {error}", flush=True)
        return problem("ClickHouse failed", "ClickHouse does not answer right now.")
    found = [{key: each.isoformat() if isinstance(each, date) else each for key, each in shape(row).items()} for row in rows]
    return JSONResponse({"region": REGION, name: found}, headers={"Cache-Control": "no-store"})


def problem(title: str, detail: str) -> JSONResponse:
    """Return why there is no report (RFC 9457)."""
    body = {"title": title, "status": 503, "detail": detail, "region": REGION}
    return JSONResponse(body, 503, {"Cache-Control": "no-store"}, media_type="application/problem+json")


app = Starlette(
    routes=[
        Route("/", index),
        Route("/health", health),
        Route("/health/clickhouse", source),
        Route("/reports/courses", courses),
        Route("/reports/days", days),
    ]
)
