"""Segments as the server itself gives them out, where no edge stands before it. AWS is moto's, as the lab mends it."""

from __future__ import annotations

import hashlib
import http.client
import io
import itertools
import os
import re
import socket
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.testclient import TestClient

from media_server import settings
from media_server.api import kept, tokens
from media_server.api.app import application
from media_server.api.asked import Unsatisfiable, is_known, span
from media_server.api.cookies import Signer, Signers
from media_server.api.objects import ON_THE_WAY
from media_server.api.served import parts
from media_server.assets import Asset
from tests.faults.proxy import Proxy, hang_up, proxy_to
from tests.servers import until

from .place import HOME, OTHER, Place, client
from .server import PAGE, TOKENS, Server, backend, environment, running, session

PATH = "aes128/180p/00000.ts"
MIB = 1 << 20
REFUSED = b'{"title":"Forbidden","status":403}'


def segments(count: int, size: int) -> dict[str, bytes]:
    """Objects that differ."""
    return {f"aes128/180p/{number:05}.ts": os.urandom(size) for number in range(count)}


def raw(server: Server, path: str, token: str, method: str = "GET") -> tuple[int, bytes, dict[str, str]]:
    """Ask for a path as it stands here: no client has tidied it up."""
    where = urlsplit(server.url)
    with closing(http.client.HTTPConnection(str(where.hostname), where.port, timeout=60)) as connection:
        connection.request(method, path, headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        return answer.status, answer.read(), {name.lower(): value for name, value in answer.getheaders()}


def test_all_that_was_made_is_given_to_whom_has_a_session(place: Place, server: Server, asset: Asset) -> None:
    good, top = session("acme", asset.id), f"v/{asset.path}/"
    made = {key: data for key, data in place.objects().items() if key.startswith(top)}
    assert {key.rpartition(".")[2] for key in made} == {"ts", "m4s", "mp4", "m3u8", "mpd", "jpg", "vtt"}
    for key, data in made.items():
        answer = server.ask("GET", f"/{key}", good, headers={"Origin": PAGE})
        stored = place.clients.s3.head_object(Bucket="media", Key=key)
        assert (answer.status_code, hashlib.sha256(answer.content).digest()) == (200, hashlib.sha256(data).digest()), key
        assert answer.headers["content-type"] == stored["ContentType"]
        assert answer.headers["cache-control"] == stored["CacheControl"].replace("public", "private")
        assert answer.headers["etag"] == f'"{hashlib.sha256(data).hexdigest()}"'
        assert answer.headers["access-control-allow-origin"] == PAGE
        head = server.ask("HEAD", f"/{key}", good, headers={"Origin": PAGE})
        assert (head.status_code, head.content) == (200, b"")
        assert {name: value for name, value in head.headers.items() if name != "date"} == {
            name: value for name, value in answer.headers.items() if name != "date"
        }
    asked = {"Origin": PAGE, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization,range"}
    before = server.ask("OPTIONS", f"/{top}{PATH}", headers=asked)
    assert before.status_code == 204 and {"authorization", "range"} <= {*before.headers["access-control-allow-headers"].split(", ")}
    assert "access-control-allow-origin" not in server.ask("GET", f"/{top}{PATH}", good, headers={"Origin": "https://evil.example"}).headers
    assert server.ask("PUT", f"/{top}{PATH}", good, content=b"x").status_code == 405


def test_nobody_else_is_given_anything(place: Place, server: Server) -> None:
    asset, other = (place.published({PATH: os.urandom(2000), "aes128/master.m3u8": b"#EXTM3U\n"}) for _ in range(2))
    good = session("acme", asset.id)
    revoked, _ = TOKENS.make(tokens.SESSION, "acme", asset.id, 600)
    path = f"/v/{asset.path}/{PATH}"
    assert server.ask("GET", path, revoked).status_code == server.ask("GET", path, good).status_code == 200
    assert server.ask("POST", "/sessions/revoke", backend(), json={"token": revoked}).status_code == 204
    who = {
        "nobody": "",
        "noise": "a.b.c",
        "expired": session("acme", asset.id, -1),
        "revoked": revoked,
        "another asset's": session("acme", other.id),
        "another tenant's, of this asset": session("bloom", asset.id),
        "a tenant's token": backend(),
        "an upload's token": TOKENS.make(tokens.UPLOAD, "acme", asset.id, 600)[0],
        "signed by somebody else": tokens.Tokens(b"x" * 48).make(tokens.SESSION, "acme", asset.id, 600)[0],
    }
    odd = [
        f"/v/{other.path}/{PATH}",
        f"/v/acme/{uuid.uuid4()}/{PATH}",
        f"/v/bloom/{asset.id}/{PATH}",
        f"/v/{asset.path}/../{other.id}/{PATH}",
        f"/v/{asset.path}/%2e%2e/{other.id}/{PATH}",
        f"/v/{asset.path}/..%2f{other.id}%2f{PATH}",
        f"/v/{asset.path}/../../../assets/{asset.path}.json",
        f"/v/{asset.path}//{PATH}",
        f"/v/{asset.path}/./{PATH}",
        f"/v/{asset.path}/{PATH}/",
        f"/v/{asset.path}/{PATH}%00",
        f"/v/{asset.path}/{PATH.upper()}",
        f"/v/{asset.path}/aes128/180p/",
        f"/v/{asset.path}/aes128/180p/%ff%fe",
        f"/v/{asset.path}/{'x' * 4000}",
        f"/v/{asset.path}/",
        f"/v/{asset.path}",
        "/v/",
        "/v//",
        "/v/../v",
    ]
    answers = [(name, raw(server, path, token)) for name, token in who.items()]
    answers += [(each, raw(server, each, good)) for each in odd]
    for name, (status, body, headers) in answers:
        assert (status, body) == (403, REFUSED), name
        assert headers["cache-control"] == "private, no-store" and "etag" not in headers, name
        assert set(headers) == set(answers[0][1][2]), name
    # what is known to the viewer or asked for in part is refused as well
    tag = server.ask("GET", path, good).headers["etag"]
    for headers in ({"If-None-Match": tag}, {"Range": "bytes=0-3"}):
        assert server.ask("GET", path, revoked, headers=headers).content == REFUSED
    status, body, _ = raw(server, path, revoked, "HEAD")
    assert (status, body) == (403, b"")


def test_what_is_deleted_is_given_to_nobody_though_it_was_kept(place: Place, server: Server) -> None:
    asset = place.published({PATH: b"x" * 2000})
    good = session("acme", asset.id)
    assert server.ask("GET", f"/v/{asset.path}/{PATH}", good).status_code == 200
    assert server.ask("DELETE", f"/assets/{asset.id}", backend()).status_code == 204
    assert server.ask("GET", f"/v/{asset.path}/{PATH}", good).content == REFUSED


RANGES = {
    "bytes=0-": (0, 1000),
    "bytes=0-0": (0, 1),
    "bytes=10-19": (10, 20),
    "BYTES=10-19": (10, 20),
    "bytes=990-2000": (990, 1000),
    "bytes=999-": (999, 1000),
    "bytes=-1": (999, 1000),
    "bytes=-2000": (0, 1000),
    "bytes=1000-": "unsatisfiable",
    "bytes=-0": "unsatisfiable",
    "": None,
    "bytes=": None,
    "bytes=-": None,
    "bytes=20-10": None,
    "bytes=0-1,5-6": None,
    "bytes=a-b": None,
    "bytes=٣-٤": None,
    "items=0-1": None,
    f"bytes=0-{'9' * 5000}": None,
}


@pytest.mark.parametrize(("said", "expected"), RANGES.items())
def test_ranges(said: str, expected: Any) -> None:
    if expected == "unsatisfiable":
        with pytest.raises(Unsatisfiable):
            span(said, "", '"a"', 1000)
    else:
        assert span(said, "", '"a"', 1000) == (expected and slice(*expected))
        assert span(said, '"a"', '"a"', 1000) == (expected and slice(*expected))
    assert span(said, '"b"', '"a"', 1000) is None
    assert span(said, "Wed, 21 Oct 2015 07:28:00 GMT", '"a"', 1000) is None


@pytest.mark.parametrize(
    ("said", "known"), [('"a"', True), ('W/"a"', True), ('"b", "a"', True), ("*", True), ("", False), ('"b"', False), ("a", False)]
)
def test_tags(said: str, known: bool) -> None:
    assert is_known(said, '"a"') is known


@pytest.mark.parametrize("more", [{}, {"MEDIA_MEMORY_MIB": "0", "MEDIA_CACHE": "cache"}], ids=["memory", "directory"])
def test_parts_of_it_and_whether_it_is_known(place: Place, tmp_path: Path, more: dict[str, str]) -> None:
    data = os.urandom(100_000)
    asset = place.published({PATH: data, "aes128/none.ts": b""})
    good, path = session("acme", asset.id), f"/v/{asset.path}/{PATH}"
    if "MEDIA_CACHE" in more:
        more = {**more, "MEDIA_CACHE": str(tmp_path / "cache")}
    with running(place.environment, tmp_path / "server.log", **more) as server:
        for said, first, last in (("bytes=0-9", 0, 10), ("bytes=99990-", 99_990, 100_000), ("bytes=-7", 99_993, 100_000)):
            answer = server.ask("GET", path, good, headers={"Range": said})
            assert (answer.status_code, answer.content) == (206, data[first:last])
            assert answer.headers["content-range"] == f"bytes {first}-{last - 1}/100000"
        none = server.ask("GET", path, good, headers={"Range": "bytes=100000-"})
        assert (none.status_code, none.headers["content-range"]) == (416, "bytes */100000")
        whole = server.ask("GET", path, good, headers={"Range": "bytes=0-1", "If-Range": '"another"'})
        assert (whole.status_code, whole.content) == (200, data)
        head = server.ask("HEAD", path, good, headers={"Range": "bytes=0-1"})
        assert (head.status_code, head.headers["content-length"]) == (200, "100000")
        known = server.ask("GET", path, good, headers={"If-None-Match": f'"another", {whole.headers["etag"]}'})
        assert (known.status_code, known.content, known.headers["etag"]) == (304, b"", whole.headers["etag"])
        assert server.ask("GET", path, good, headers={"If-None-Match": '"another"'}).content == data
        for method in ("GET", "HEAD"):
            none = server.ask(method, f"/v/{asset.path}/aes128/none.ts", good)
            assert (none.status_code, none.content, none.headers["content-length"]) == (200, b"", "0")
        where = "directory" if "MEDIA_CACHE" in more else "memory"
        assert server.number(f'media_segments_total{{outcome="{where}"}}') == 7


class Watched(Proxy):
    """AWS, whose answers for an object can be kept back, and whose regions can fall silent."""

    def __init__(self, upstream: str) -> None:
        super().__init__(upstream)
        self.go = threading.Event()
        self.go.set()
        self.silent: set[str] = set()

    def handle(self, request: BaseHTTPRequestHandler) -> None:
        if "/v/" in request.path:
            assert self.go.wait(120)
        scope = re.search(r"Credential=[^/]+/\d+/([^/]+)/", request.headers.get("Authorization") or "")
        if scope and scope.group(1) in self.silent:
            return hang_up(request)
        return super().handle(request)

    def fetched(self, key: str) -> int:
        return sum(call.operation.startswith(f"GET /media/{key}") for call in self.calls)


@pytest.fixture
def watched(place: Place) -> Iterator[Watched]:
    with proxy_to(place.url, Watched) as proxy:
        yield proxy


def test_many_who_ask_at_once_cost_one_fetch(place: Place, watched: Watched, tmp_path: Path) -> None:
    (data,) = (objects := segments(1, 200_000)).values()
    asset = place.published(objects)
    good, key, many = session("acme", asset.id), f"v/{asset.path}/{PATH}", 40
    more = {"AWS_ENDPOINT_URL": watched.url, "MEDIA_MEMORY_MIB": "0"}  # nothing is kept that could answer for it
    with running(place.environment, tmp_path / "server.log", **more) as server, ThreadPoolExecutor(many) as pool:
        watched.go.clear()
        asking = [pool.submit(server.ask, "GET", f"/{key}", good) for _ in range(many)]
        until(lambda: server.number('media_segments_total{outcome="bucket"}') == many, "all wait")
        watched.go.set()
        assert {each.result().content for each in asking} == {data}
        assert watched.fetched(key) == 1
        assert server.ask("GET", f"/{key}", good).content == data
        assert watched.fetched(key) == 2


def test_the_other_region_gives_what_the_own_one_does_not(place: Place, watched: Watched, tmp_path: Path) -> None:
    objects = segments(3, 50_000)
    asset = place.published(objects)
    there = client(place.url, OTHER, "s3")
    there.create_bucket(Bucket="copy", CreateBucketConfiguration={"LocationConstraint": OTHER})
    for key, data in place.objects().items():
        there.put_object(Bucket="copy", Key=key, Body=data)
    good, (silent, spoilt, missing) = session("acme", asset.id), objects
    more = {"AWS_ENDPOINT_URL": watched.url, "MEDIA_OTHER_REGION": OTHER, "MEDIA_OTHER_BUCKET": "copy"}
    with running(place.environment, tmp_path / "server.log", **more) as server:
        place.clients.s3.put_object(Bucket="media", Key=f"v/{asset.path}/{spoilt}", Body=b"x" * 50_000)
        place.clients.s3.delete_object(Bucket="media", Key=f"v/{asset.path}/{missing}")
        for path in (spoilt, missing):
            assert server.ask("GET", f"/v/{asset.path}/{path}", good).content == objects[path]
        watched.silent.add(HOME)
        assert server.ask("GET", f"/v/{asset.path}/{silent}", good).content == objects[silent]


def test_what_is_not_what_was_made_is_not_given_out(place: Place, server: Server) -> None:
    objects = segments(2, 50_000)
    asset = place.published(objects)
    good, (spoilt, whole) = session("acme", asset.id), objects
    place.clients.s3.put_object(Bucket="media", Key=f"v/{asset.path}/{spoilt}", Body=b"x" * 50_000)
    answer = server.ask("GET", f"/v/{asset.path}/{spoilt}", good)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert server.ask("GET", f"/v/{asset.path}/{whole}", good).content == objects[whole]
    place.clients.s3.put_object(Bucket="media", Key=f"v/{asset.path}/{spoilt}", Body=objects[spoilt])
    assert server.ask("GET", f"/v/{asset.path}/{spoilt}", good).content == objects[spoilt]


def test_memory_is_bounded_whatever_is_asked_for(place: Place, tmp_path: Path) -> None:
    """Viewers who ask for ever other segments, and viewers who ask and then read nothing."""
    objects, memory = segments(120, 4 * MIB), 16
    asset = place.published(objects)
    good = session("acme", asset.id)
    with running(place.environment, tmp_path / "server.log", MEDIA_MEMORY_MIB=str(memory)) as server:
        before = server.memory
        for path, data in [*objects.items()][:20]:
            assert server.ask("GET", f"/v/{asset.path}/{path}", good).content == data
        beside = 128 * MIB  # readers' own copies, what is on its way to sockets, and what the allocator has not given back
        assert server.memory - before < memory * MIB + beside
        where = urlsplit(server.url)
        with ExitStack() as stack:
            for path in objects:
                stalled = stack.enter_context(socket.socket())
                stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                stalled.connect((where.hostname, where.port))
                stalled.sendall(f"GET /v/{asset.path}/{path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {good}\r\n\r\n".encode())
            until(lambda: server.number('media_segments_total{outcome="unavailable"}') > 0, "there is no room for more")
            assert server.memory - before < memory * MIB + ON_THE_WAY + beside
        path = [*objects][-1]
        found = until(lambda: (answer := server.ask("GET", f"/v/{asset.path}/{path}", good)).status_code == 200 and answer, "they are gone")
        assert found.content == objects[path]


def test_the_directory_is_whole_after_a_kill(place: Place, tmp_path: Path) -> None:
    objects, top = segments(24, 2 * MIB), tmp_path / "cache"
    asset = place.published(objects)
    good = session("acme", asset.id)
    top.mkdir()
    (top / "somebody's").write_text("own")
    more = {"MEDIA_MEMORY_MIB": "0", "MEDIA_CACHE": str(top)}

    def ask(path: str) -> bytes:
        try:
            return server.ask("GET", f"/v/{asset.path}/{path}", good).content
        except httpx.HTTPError:
            return b""

    for written in (1, 9, 17):
        with running(place.environment, tmp_path / "server.log", **more) as server, ThreadPoolExecutor(8) as pool:
            asking = [pool.submit(ask, path) for path in objects]
            until(lambda: len([*top.iterdir()]) > written, "some are there")  # noqa: B023
            server.kill()
            wait = [each.result() for each in asking]
        assert len(wait) == len(objects)
        for each in top.glob("?" * 64):
            assert hashlib.sha256(each.read_bytes()).hexdigest() == each.name
        # as if it had been a file system that keeps names and loses bytes
        next(top.glob("?" * 64)).write_bytes(b"x" * 2 * MIB)
    with running(place.environment, tmp_path / "server.log", **more) as server:
        for _ in range(2):
            for path, data in objects.items():
                assert server.ask("GET", f"/v/{asset.path}/{path}", good).content == data
        assert server.number('media_segments_total{outcome="directory"}') == len(objects)
        (top / hashlib.sha256(objects[PATH]).hexdigest()).unlink()
        assert server.ask("GET", f"/v/{asset.path}/{PATH}", good).content == objects[PATH], "somebody has taken its file away"
    assert (top / "somebody's").read_text() == "own"


def test_a_directory_holds_so_much_and_none_that_is_just_being_sent_goes(tmp_path: Path) -> None:
    now = [0.0]
    of = kept.Directory(tmp_path, 4 * (MIB + kept.ENTRY), lambda: now[0])

    def put(number: int, size: int = MIB) -> bool:
        name = f"{number:064x}"
        data = bytes([number]) * size
        of.put(name, kept.Room(size).body(size, io.BytesIO(data).read))
        found = of.find(name)
        assert found is None or b"".join(found.pieces(slice(0, size))) == data
        return found is not None

    assert all(put(number) for number in range(4))
    assert not put(4), "all were asked for just now"
    now[0] += kept.RESTING_SECONDS
    assert of.find(f"{0:064x}") is not None
    assert [put(number) for number in (5, 6, 7, 8)] == [True, True, True, False]
    assert {int(each.name, 16) for each in tmp_path.iterdir()} == {0, 5, 6, 7}
    now[0] += kept.RESTING_SECONDS
    assert not put(9, 5 * MIB) and len([*tmp_path.iterdir()]) == 4, "nothing goes for what has no room at all"


def test_what_was_asked_for_longest_ago_goes_first() -> None:
    of: kept.Lately[str] = kept.Lately(3 * (100 + kept.ENTRY))
    for name in "abc":
        of.put(name, name, 100)
    assert of.get("a") == "a"
    of.put("d", "d", 100)
    of.put("e", "e", 4 * kept.ENTRY)
    of.put("d", "D", 100)
    assert [of.get(name) for name in "abcde"] == ["a", None, "c", "D", None]
    of.put("f", "f", 2 * kept.ENTRY)
    assert [of.get(name) for name in "acdf"] == [None, None, None, "f"]
    assert kept.Lately[str](0).get("a") is None


def test_there_is_room_again_once_nobody_has_a_body() -> None:
    room = kept.Room(100)
    first = room.body(60, io.BytesIO(b"x" * 60).read)
    with pytest.raises(kept.Full):
        room.body(41, io.BytesIO(b"y" * 41).read)

    def fail(size: int) -> bytes:
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        room.body(40, fail)
    assert room.body(40, io.BytesIO(b"z" * 40).read).length == 40
    del first
    assert room.body(100, io.BytesIO(b"x" * 100).read).length == 100


@pytest.mark.parametrize("length", [0, 1, kept.PIECE - 1, kept.PIECE, kept.PIECE + 1, 3 * kept.PIECE + 7])
def test_bodies_and_files_have_the_same_bytes_everywhere(tmp_path: Path, length: int) -> None:
    data = os.urandom(length)
    body = kept.Room(length).body(length, io.BytesIO(data).read)
    file = kept.File(tmp_path / "file", length)
    file.path.write_bytes(data)
    assert body.sha256 == hashlib.sha256(data).hexdigest()
    places = sorted(
        {min(place, length) for edge in range(0, length + 2, kept.PIECE) for place in (max(0, edge - 1), edge, edge + 1, length)}
    )
    for first, last in itertools.combinations_with_replacement(places, 2):
        where = slice(first, last)
        assert b"".join(body.pieces(where)) == b"".join(file.pieces(where)) == data[where]


def test_where_an_edge_stands_the_server_knows_no_such_path(place: Place) -> None:
    asset = place.published({PATH: b"x" * 100})
    good = {"Authorization": f"Bearer {session('acme', asset.id)}"}
    told = settings.server(environment(place.environment, 1))

    class Edge(Signers):
        def __init__(self) -> None: ...

        def __call__(self) -> Signer:
            raise AssertionError

    for signers, status in ((None, 200), (Edge(), 404)):
        with TestClient(application(parts(told, place.clients, None, signers))) as asked:
            found, unknown = (asked.get(path, headers=good) for path in (f"/v/{asset.path}/{PATH}", "/none"))
            assert found.status_code == status
            assert unknown.status_code == 404 and (status == 200 or found.content == unknown.content)
