"""Posters and storyboards as the server gives them out: to whom, and in which state. AWS is moto's, as the lab mends it."""

from __future__ import annotations

import os
import re
import uuid

import httpx
from starlette.testclient import TestClient

from media_server import sealed, settings
from media_server.api import tokens
from media_server.api.app import application
from media_server.api.cookies import Signers
from media_server.api.served import parts
from media_server.assets import Asset

from .place import Place
from .server import PAGE, TOKENS, Server, backend, environment, session
from .test_segments import REFUSED

JPEG = (b"\xff\xd8\xff", b"\xff\xd9")
"""How one begins and ends (ITU-T T.81, B.1.1.3)."""


def is_picture(answer: httpx.Response) -> bool:
    """Whether an answer is a JPEG that nobody keeps."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/jpeg" and answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "private, no-store" and "etag" not in answer.headers
    return (answer.content[:3], answer.content[-2:]) == JPEG


def test_a_viewer_and_the_tenant_see_what_lies_sealed(place: Place, server: Server, asset: Asset) -> None:
    good = session("acme", asset.id)
    begun = server.ask("POST", "/play", good)
    told = {name: begun.json()[name].removeprefix(server.url) for name in ("poster", "storyboard")}
    top = f"/pictures/{asset.path}/"
    assert told == {"poster": f"{top}poster.jpg", "storyboard": f"{top}storyboard.vtt"}
    track = server.ask("GET", told["storyboard"], good, headers={"Origin": PAGE})
    assert track.headers["content-type"].startswith("text/vtt") and track.text.startswith("WEBVTT\n")
    assert track.headers["cache-control"] == "private, no-store"
    assert track.headers["access-control-allow-origin"] == PAGE
    names = {"poster.jpg", *re.findall(r"^(\S+)#xywh=", track.text, re.M)}
    assert names == {"poster.jpg", "storyboard-0.jpg"}
    keys = place.wrapper.open("acme", uuid.UUID(asset.id), asset.root)
    made = place.objects()
    for name in names:
        answer = server.ask("GET", f"{top}{name}", good)
        assert is_picture(answer)
        lies = made[f"v/{asset.path}/pictures/{name}"]
        assert lies == sealed.seal(keys.picture(name), answer.content)
        assert not any(answer.content[at : at + 32] in data for at in (0, len(answer.content) // 2) for data in made.values())
        cookie = begun.headers.get_list("set-cookie")[0].split(";")[0]
        assert server.ask("GET", f"{top}{name}", headers={"Cookie": cookie}).content == answer.content
    own = server.ask("GET", f"/assets/{asset.id}/poster", backend())
    assert is_picture(own) and own.content == server.ask("GET", told["poster"], good).content

    poster = f"/assets/{asset.id}/poster"
    upload, _ = TOKENS.make(tokens.UPLOAD, "acme", asset.id, 60)
    for token, status in ((backend("bloom"), 404), ("", 401), ("x", 401), (good, 401), (upload, 401)):
        assert server.ask("GET", poster, token).status_code == status
    for name in (str(uuid.uuid4()), "x", "..%2f..%2facme"):
        assert server.ask("GET", f"/assets/{name}/poster", backend()).status_code == 404
    assert server.ask("DELETE", f"/assets/{asset.id}", backend()).status_code == 204
    assert server.ask("GET", poster, backend()).status_code == 404
    assert {server.ask("GET", path, good).content for path in told.values()} == {REFUSED}


def test_what_is_not_there_or_not_what_was_sealed(place: Place, server: Server) -> None:
    """An asset of before there were pictures; one whose poster was sealed with another key; one whose poster was changed."""
    old = place.published({"aes128/master.m3u8": b"#EXTM3U\n"})
    stranger = place.published({"pictures/poster.jpg": sealed.seal(os.urandom(32), b"\xff\xd8\xff")})
    for asset in (old, stranger):
        assert server.ask("GET", f"/pictures/{asset.path}/poster.jpg", session("acme", asset.id)).content == REFUSED
        assert server.ask("GET", f"/assets/{asset.id}/poster", backend()).status_code == 404
    changed = place.published({"pictures/poster.jpg": b"x" * 2000})
    place.clients.s3.put_object(Bucket="media", Key=f"v/{changed.path}/pictures/poster.jpg", Body=b"y" * 2000)
    for path, token in ((f"/pictures/{changed.path}/poster.jpg", session("acme", changed.id)), (f"/assets/{changed.id}/poster", backend())):
        answer = server.ask("GET", path, token)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


def test_where_an_edge_stands_the_server_gives_out_pictures_too(place: Place) -> None:
    name, asset = "pictures/storyboard.vtt", place.published({"pictures/storyboard.vtt": b"WEBVTT\n"})
    of = parts(settings.server(environment(place.environment, 1)), place.clients, None, Signers(None, None, "", ""))
    with TestClient(application(of)) as client:
        headers = {"Authorization": f"Bearer {session('acme', asset.id)}"}
        assert client.get(f"/v/{asset.path}/{name}", headers=headers).status_code == 404
        assert client.get(f"/pictures/{asset.path}/storyboard.vtt", headers=headers).text == "WEBVTT\n"
