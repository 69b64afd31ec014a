"""The reporting service: what ClickHouse counts, as JSON.

ClickHouse may not be there: a region can be built before its nodes. It is there when one of `CLICKHOUSE_HOSTS` (comma between
them) has an address. It is asked over TLS only, and its certificate is checked.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator

from clickhouse_driver import Client
from clickhouse_driver.errors import Error
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

REGION = os.environ.get("APP_REGION", "")
SECONDS = 3

ENROLMENTS = """
    SELECT course, uniqExact(learner) AS learners, count() AS enrolments, max(created) AS latest
    FROM enrolments GROUP BY course ORDER BY enrolments DESC, course LIMIT 100
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
        database=os.environ.get("CLICKHOUSE_DATABASE", "default"),
        secure=True,
        ca_certs=os.environ.get("CLICKHOUSE_CA", "/etc/ssl/certs/ca-certificates.crt"),
        connect_timeout=SECONDS,
        send_receive_timeout=SECONDS,
    )
    try:
        yield client
    finally:
        client.disconnect()


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


def enrolments(request: Request) -> JSONResponse:
    """Tell how many learners each course has."""
    try:
        with clickhouse() as client:
            rows = client.execute(ENROLMENTS)
    except Absent:
        return problem("No ClickHouse", "Reports come from ClickHouse, and this region has none yet.")
    except (Error, OSError) as error:
        print(f"ClickHouse: {error}", flush=True)
        return problem("ClickHouse failed", "ClickHouse does not answer right now.")
    courses = [{"course": row[0], "learners": row[1], "enrolments": row[2], "latest": row[3].isoformat()} for row in rows]
    return JSONResponse({"region": REGION, "courses": courses}, headers={"Cache-Control": "no-store"})


def problem(title: str, detail: str) -> JSONResponse:
    """Return why there is no report (RFC 9457)."""
    body = {"title": title, "status": 503, "detail": detail, "region": REGION}
    return JSONResponse(body, 503, {"Cache-Control": "no-store"}, media_type="application/problem+json")


app = Starlette(
    routes=[Route("/", index), Route("/health", health), Route("/health/clickhouse", source), Route("/reports/enrolments", enrolments)]
)
