"""Uploads that break off again and again: what is sent twice, what the server takes for it, and that nothing is lost."""

from __future__ import annotations

import hashlib
import random
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from media_server import records
from media_server.records import PART, Range

from .place import Place
from .server import Server, backend, half_sent

MEMORY = 64 << 20
"""Bytes that a server takes at most for an upload, above what it takes when idle."""


def body(begin: int, length: int) -> bytes:
    """Return bytes of a file that is nowhere: the key stream of AES-CTR from a place that is a multiple of 16."""
    cipher = Cipher(algorithms.AES(bytes(16)), modes.CTR((begin // 16).to_bytes(16)))
    return cipher.encryptor().update(bytes(length))


def pieces(begin: int, end: int) -> Iterator[bytes]:
    for at in range(begin, end, 1 << 20):
        yield body(at, min(1 << 20, end - at))


@contextmanager
def watched(server: Server) -> Iterator[list[int]]:
    """Look at a server's memory again and again; yield what it was."""
    seen, over = [server.memory], threading.Event()

    def watch() -> None:
        while not over.wait(0.02):
            seen.append(server.memory)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize(("length", "breaks"), [(96 << 20, 6), pytest.param((2 << 30) + 12_345, 50, marks=pytest.mark.soak)])
def test_a_long_upload_that_breaks_off_again_and_again(place: Place, server: Server, length: int, breaks: int) -> None:
    chance = random.Random(length)  # noqa: S311
    made = server.ask("POST", "/assets", backend(), json={"title": "Long", "length": length}).json()
    path, token, offset, began = f"/uploads/{made['id']}", made["upload_token"], 0, time.monotonic()
    again: list[int] = []
    with watched(server) as memory:
        for number in range(breaks):
            piece = chance.randrange(1, 2 * (length - offset) // (breaks - number + 1)) & ~15
            with half_sent(server, path, token, offset, length - offset, pieces(offset, offset + piece)):
                pass
            whole = (offset + piece) // PART * PART
            deadline = time.monotonic() + 120
            while (here := int(server.ask("HEAD", path, token).headers["upload-offset"])) < whole:
                assert time.monotonic() < deadline, "what came whole is kept"
            again.append(offset + piece - here)
            offset = here
        headers = {"Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream", "Content-Length": str(length - offset)}
        # to put many parts together may take S3 longer than a server waits: then it says so, and completes it once it is asked again
        assert server.ask("PATCH", path, token, content=pieces(offset, length), headers=headers).status_code in (204, 503)
        deadline = time.monotonic() + 300
        while server.ask("HEAD", path, token).headers.get("upload-offset") != str(length):
            assert time.monotonic() < deadline, "it is completed"
    taken = max(memory) - memory[0]
    print(
        f"{length} bytes, {breaks} breaks: {time.monotonic() - began:.1f} s, {sum(again)} bytes sent again, {max(again)} at once, "
        f"{taken / 2**20:.1f} MiB above {memory[0] / 2**20:.1f}"
    )
    assert max(again) <= PART and taken < MEMORY
    assert digest(place, made["id"], length) == digest_of(pieces(0, length))


def digest(place: Place, name: str, length: int) -> str:
    """Return the SHA-256 of an upload, read in one go."""
    found = place.assets.get("acme", name)
    sealed = place.clients.s3.get_object(Bucket="uploads", Key=found.path)["Body"]
    keys = place.wrapper.open("acme", uuid.UUID(found.id), found.root)

    def fetch(where: Range) -> bytes:
        return sealed.read(where.end - where.begin)

    reader = records.Reader(keys.upload, length, fetch)
    return digest_of(iter(lambda: reader.read(1 << 20), b""))


def digest_of(data: Iterator[bytes]) -> str:
    hashed = hashlib.sha256()
    for piece in data:
        hashed.update(piece)
    return hashed.hexdigest()
