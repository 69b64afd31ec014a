"""The API as a process of its own, over HTTP: from upload to key, what tenants order. AWS is moto's, as the lab mends it."""

from __future__ import annotations

import base64
import os
import re
import subprocess
import sys
import urllib.request
import uuid
from typing import Any

import pytest

from lab.settings import ROOT
from media_server import settings as told
from media_server.api import app as api
from media_server.api.openapi import DOCUMENT
from media_server.api.served import parts
from media_server.assets import Asset
from media_server.keys import Place as At

from .place import Place
from .server import PAGE, Server, backend, captions, environment, put, session
from .test_viewers import kid
from .videos import VideoOf


def test_from_upload_to_key(place: Place, server: Server, video: VideoOf) -> None:
    data = video("mp4").read_bytes()
    made = server.ask("POST", "/assets", backend(), json={"title": "A lesson", "length": len(data)}).json()
    assert made["state"] == "waiting" and made["upload"].startswith(server.url)
    sending = {"Tus-Resumable": "1.0.0", "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    sent = server.ask("PATCH", f"/uploads/{made['id']}", made["upload_token"], content=data, headers=sending)
    assert (sent.status_code, sent.headers["upload-offset"]) == (204, str(len(data)))
    assert server.ask("GET", f"/assets/{made['id']}", backend()).json()["state"] == "queued"
    assert data[2000:3000] not in place.objects("uploads")[f"acme/{made['id']}"]
    place.work()
    assert server.ask("GET", f"/assets/{made['id']}", backend()).json()["state"] == "ready"
    session = server.ask("POST", "/sessions", backend(), json={"asset": made["id"]}).json()
    begun = server.ask("POST", "/play", session["token"])
    assert begun.json()["title"] == "A lesson" and {each["profile"] for each in begun.json()["offers"]} == {"aes128", "cbcs"}
    found = place.assets.get("acme", made["id"])
    keys = place.wrapper.open("acme", uuid.UUID(found.id), found.root)
    playlist = place.objects()[f"v/{found.path}/aes128/180p/index.m3u8"].decode()
    for uri in set(re.findall(r'URI="(/keys/.*?)"', playlist)):
        answer = server.ask("GET", uri, session["token"], headers={"Origin": PAGE})
        assert answer.content == keys.content(At("aes128", "180p", int(uri.rsplit("/", 1)[1])))
        assert answer.headers["cache-control"] == "private, no-store"
        assert answer.headers["access-control-allow-origin"] == PAGE
        assert answer.headers["access-control-allow-credentials"] == "true"
    licence = server.ask(
        "POST", f"/licences/{found.path}", session["token"], json={"kids": [kid(keys.key_id(At("cbcs", "audio", 0)))]}
    ).json()
    (key,) = licence["keys"]
    assert base64.urlsafe_b64decode(key["k"] + "==") == keys.content(At("cbcs", "audio", 0))
    hashes = server.ask("GET", "/hashes", session["token"]).json()["objects"]
    assert "aes128/180p/00000.ts" in hashes


def test_a_tenant_sees_its_own_only(place: Place, server: Server, asset: Asset) -> None:
    assert [each["id"] for each in server.ask("GET", "/assets", backend()).json()["assets"]] == [asset.id]
    assert server.ask("GET", "/assets", backend("bloom")).json() == {"assets": []}
    for method, path, more in (
        ("GET", f"/assets/{asset.id}", {}),
        ("DELETE", f"/assets/{asset.id}", {}),
        ("PUT", f"/assets/{asset.id}/captions/de", {"content": captions("Hallo"), "headers": {"Content-Type": "text/vtt"}}),
        ("DELETE", f"/assets/{asset.id}/captions/de", {}),
        ("HEAD", f"/uploads/{asset.id}", {}),
        ("DELETE", f"/uploads/{asset.id}", {}),
        ("POST", "/sessions", {"json": {"asset": asset.id}}),
    ):
        assert server.ask(method, path, backend("bloom"), **more).status_code == 404, path
        assert server.ask(method, path, "", **more).status_code == 401, path
        assert server.ask(method, path, session("acme", asset.id, 60), **more).status_code == 401, path
    told = server.ask("GET", f"/assets/{asset.id}", backend()).json()
    assert (told["state"], told["captions"]) == ("ready", [])


def test_what_is_deleted_is_gone(place: Place, server: Server, asset: Asset) -> None:
    good = session("acme", asset.id)
    assert server.ask("GET", f"/keys/{asset.path}/aes128/180p/0", good).status_code == 200
    assert put(server, asset.id, "de", captions("Hallo")).status_code == 201
    assert server.ask("DELETE", f"/assets/{asset.id}", backend()).status_code == 204
    assert server.ask("GET", f"/keys/{asset.path}/aes128/180p/0", good).status_code == 403
    assert server.ask("GET", f"/assets/{asset.id}", backend()).status_code == 404
    assert not place.objects() and not place.objects("uploads")


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("/assets", {"length": 5}, "`title` is a text of 1 to 200"),
        ("/assets", {"title": "x" * 201, "length": 5}, "`title` is a text of 1 to 200"),
        ("/assets", {"title": "x"}, "`length` is the file's length in bytes"),
        ("/assets", {"title": "x", "length": 0}, "`length` is the file's length in bytes"),
        ("/assets", {"title": "x", "length": 10**15}, "`length` is the file's length in bytes"),
        ("/assets", {"title": "x", "length": True}, "`length` is the file's length in bytes"),
        ("/assets", {"title": "x", "length": 5, "offers": []}, "`offers` is a list"),
        (
            "/assets",
            {"title": "x", "length": 5, "offers": [{"profile": "drm"}]},
            "each of `offers` has a `profile` of its own: aes128, cbcs",
        ),
        (
            "/assets",
            {"title": "x", "length": 5, "offers": [{"profile": "cbcs", "container": "ts"}]},
            "the `container` of cbcs is one of fmp4",
        ),
        ("/assets", [], "the body is a JSON object"),
        ("/sessions", {"asset": "x", "seconds": 0}, "`seconds` is a number from 1 to 43200"),
        ("/sessions/revoke", {"token": "x"}, "`token` is a session's token"),
    ],
)
def test_what_makes_no_sense_is_told(server: Server, path: str, body: Any, said: str) -> None:
    answer = server.ask("POST", path, backend(), json=body)
    assert answer.status_code == 400 and said in answer.json()["title"]


def test_openapi_tells_of_every_route_and_of_no_other(place: Place) -> None:
    made = told.server(environment(place.environment, 1))
    routes = {(route.path, method) for route in api._starlette(parts(made, place.clients, None, None)).routes for method in route.methods}  # type: ignore[attr-defined]
    routes = {(path, method.lower()) for path, method in routes}
    said = {(path, method) for path, each in DOCUMENT["paths"].items() for method in each}
    before = {(path, method) for path, method in said if path.startswith(("/keys/", "/v/"))}
    assert said - before == {(path, method) for path, method in routes if method != "head" or path == "/uploads/{asset}"}
    assert {(path.split("/")[1], method) for path, method in before} == {("keys", "get"), ("v", "get"), ("v", "head")}


def test_a_setting_that_is_missing_is_told() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "media_server", "server"], cwd=ROOT, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "media_server: MEDIA_PUBLIC is not set: the server's URL, as viewers know it\n"


def test_health_and_numbers(server: Server, asset: Asset) -> None:
    server.ask("GET", f"/keys/{asset.path}/aes128/180p/0", "")
    with urllib.request.urlopen(f"{server.url}/metrics") as answer:  # noqa: S310
        said = answer.read().decode()
    assert 'media_keys_total{outcome="refused"} 1.0' in said
    assert server.ask("GET", "/healthz").json() == {"status": "up"}
    assert server.ask("GET", "/openapi.json").json() == DOCUMENT
