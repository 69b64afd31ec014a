"""`python -m lab.behaviours.endpoints`: takes TLS off what comes to the regions' APIs, and passes it on to the AWS, until SIGTERM.

It gives tasks the credentials of their role, too.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import socket
import ssl
import sys
from datetime import UTC, datetime, timedelta
from functools import partial

from ...settings import Settings
from ...world.net import APIS, inside
from . import ANSWERS, CREDENTIALS

PIECE = 1 << 16
"""Bytes that are passed on at a time."""

CREDENTIALS_LAST = timedelta(hours=6)


async def pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """Pass on what comes, until its end."""
    while data := await source.read(PIECE):
        target.write(data)
        await target.drain()


async def relay(port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass a connection on to the AWS; it ends when one of its ends does."""
    with contextlib.suppress(OSError), contextlib.closing(writer):
        there, back = await asyncio.open_connection("127.0.0.1", port)
        with contextlib.closing(back):
            ways = [asyncio.create_task(pump(reader, back)), asyncio.create_task(pump(there, writer))]
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)


def given() -> dict[str, str]:
    """Return the lab's credentials, as a task takes them."""
    lab, until = Settings.load(), datetime.now(UTC) + CREDENTIALS_LAST
    return {"AccessKeyId": lab.access_key, "SecretAccessKey": lab.secret_key, "Token": "none", "Expiration": f"{until:%Y-%m-%dT%H:%M:%SZ}"}


async def credentials(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer a task that asks for its role's credentials; the lab knows one pair, and judges nobody's rights."""
    with contextlib.suppress(OSError, ValueError, asyncio.IncompleteReadError), contextlib.closing(writer):
        method, path, _ = (await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)
        known = method == b"GET" and path.startswith(CREDENTIALS.encode())
        body = json.dumps(given() if known else {"code": "NotFound", "message": "credentials are at a path of their own"})
        head = f"HTTP/1.1 {'200 OK' if known else '404 Not Found'}\r\nContent-Type: application/json\r\nConnection: close\r\n"
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
        await writer.drain()


async def run(port: int, regions: list[list[str]]) -> None:
    """Answer for ever."""
    for namespace, address, certificate, key in regions:
        with inside(namespace, 1) as there:
            listener, plain = (there.submit(socket.create_server, (address, each)).result() for each in (APIS, 80))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(certificate, key)
        await asyncio.start_server(partial(relay, port), sock=listener, ssl=context)
        await asyncio.start_server(credentials, sock=plain)
        print(f"{ANSWERS} {namespace}", flush=True)
    await asyncio.Event().wait()


def main() -> int:
    """Serve. Returns an exit code."""
    parser = argparse.ArgumentParser(prog="python -m lab.behaviours.endpoints", description="AWS's APIs inside the lab's regions.")
    parser.add_argument("--aws", type=int, required=True, metavar="PORT", help="where the AWS listens on loopback")
    parser.add_argument("--home", required=True, help="the world's directory, by which the process is known")
    parser.add_argument("--region", action="append", nargs=4, required=True, metavar=("NAMESPACE", "ADDRESS", "CERTIFICATE", "KEY"))
    args = parser.parse_args()
    try:
        asyncio.run(run(args.aws, args.region))
    except OSError as error:
        print(f"can't listen: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
