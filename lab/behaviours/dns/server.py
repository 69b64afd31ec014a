"""Answers DNS over UDP and TCP (RFC 1035, 6891, 7766)."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import sys
from collections.abc import Callable
from typing import Any

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from ...world.net import inside
from .names import Names, Set

PAYLOAD = 1232
"""Bytes of a UDP answer that are never broken into fragments (DNS Flag Day 2020)."""

IDLE = 10.0
"""Seconds that a TCP connection may say nothing."""


def respond(wire: bytes, names: Names, asker: str, udp: bool) -> bytes | None:
    """Return the answer to a message; None to what is no question at all."""
    try:
        query = dns.message.from_wire(wire)
    except (dns.exception.DNSException, ValueError):
        # what has a header that asks something gets FORMERR
        return wire[:2] + b"\x80\x01" + bytes(8) if len(wire) >= 12 and not wire[2] & 0x80 else None
    if query.flags & dns.flags.QR:
        return None
    # as a resolver that the lab's machines have, and as the authority for all that it knows
    response = dns.message.make_response(query, recursion_available=True, our_payload=PAYLOAD)
    if query.opcode() != dns.opcode.QUERY or len(query.question) != 1 or query.question[0].rdclass != dns.rdataclass.IN:
        response.set_rcode(dns.rcode.NOTIMP)
    else:
        try:
            _fill(response, names, query.question[0], asker)
        except (dns.exception.DNSException, ValueError) as error:
            print(f"{query.question[0]}: a record can't be sent: {error}", file=sys.stderr, flush=True)
            response = dns.message.make_response(query, recursion_available=True, our_payload=PAYLOAD)
            response.set_rcode(dns.rcode.SERVFAIL)
    size = max(512, min(query.payload, PAYLOAD)) if query.edns >= 0 else 512
    return response.to_wire(max_size=size if udp else 65535, prefer_truncation=True)


def _fill(response: dns.message.Message, names: Names, question: dns.rrset.RRset, asker: str) -> None:
    answer = names.answer(question.name.to_text(), dns.rdatatype.to_text(question.rdtype), asker)
    response.flags |= dns.flags.AA
    response.set_rcode(dns.rcode.NOERROR if answer.exists else dns.rcode.NXDOMAIN)
    response.answer = [_rrset(each) for each in answer.sets]
    response.authority = [_rrset(answer.authority)] if answer.authority else []


def _rrset(each: Set) -> dns.rrset.RRset:
    """Return records as they are sent; names in values are whole ones, with a dot at the end or without."""
    return dns.rrset.from_text_list(each.name, each.ttl, "IN", each.type, each.values, origin=dns.name.root, relativize=False)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, names: Callable[[], Names]) -> None:
        self.names = names

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        answer = respond(data, self.names(), addr[0], udp=True)
        if answer:
            self.transport.sendto(answer, addr)


async def _stream(names: Callable[[], Names], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    asker = writer.get_extra_info("peername")[0]
    with contextlib.suppress(OSError, EOFError, TimeoutError), contextlib.closing(writer):
        while True:
            (length,) = struct.unpack("!H", await asyncio.wait_for(reader.readexactly(2), IDLE))
            answer = respond(await asyncio.wait_for(reader.readexactly(length), IDLE), names(), asker, udp=False)
            if not answer:
                return
            writer.write(struct.pack("!H", len(answer)) + answer)
            await writer.drain()


ANSWERS = "answers at"
"""What the server says, with an address, once it does."""


def sockets(where: str) -> tuple[socket.socket, socket.socket]:
    """Bind for UDP and for TCP.

    Args:
        where: `ADDRESS:PORT`, or `NAMESPACE/ADDRESS:PORT`.

    Raises:
        OSError: It can't be bound to.
    """

    def bind() -> tuple[socket.socket, socket.socket]:
        datagrams = socket.socket(type=socket.SOCK_DGRAM)
        datagrams.bind((address, int(port)))
        return datagrams, socket.create_server((address, int(port)))

    namespace, _, at = where.rpartition("/")
    address, _, port = at.rpartition(":")
    if not namespace:
        return bind()
    with inside(namespace, 1) as there:
        return there.submit(bind).result()


async def serve(names: Callable[[], Names], where: str) -> None:
    """Answer somewhere, over UDP and TCP.

    Raises:
        OSError: It can't be bound to.
    """
    datagrams, stream = sockets(where)
    await asyncio.get_running_loop().create_datagram_endpoint(lambda: _Datagrams(names), sock=datagrams)
    await asyncio.start_server(lambda reader, writer: _stream(names, reader, writer), sock=stream)
    print(f"{ANSWERS} {where}", flush=True)
