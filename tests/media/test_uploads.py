"""Resumable uploads, to a server that is a process of its own. S3 is moto's, as the lab mends it."""

from __future__ import annotations

import base64
import os
import time
import uuid

from media_server import records
from media_server.api import tokens
from media_server.assets import Asset

from .place import Place
from .server import TOKENS, Server, backend, half_sent


def test_an_upload_that_breaks_off_is_gone_on_with(place: Place, server: Server) -> None:
    data = os.urandom(2 * records.PART + 12_345)
    made = server.ask("POST", "/assets", backend(), json={"title": "Long", "length": len(data)}).json()
    path, token, offset, sent, breaks = f"/uploads/{made['id']}", made["upload_token"], 0, 0, 0
    while offset < len(data):
        if breaks < 4:
            breaks += 1
            piece = data[offset : offset + records.PART * breaks // 2 + 1000]
            with half_sent(server, path, token, offset, len(data) - offset, [piece]):
                time.sleep(0.3)
            sent += len(piece)
            deadline = time.monotonic() + 120
            while (here := int(server.ask("HEAD", path, token).headers["upload-offset"])) < offset + len(piece) - records.PART:
                assert time.monotonic() < deadline
            assert offset + len(piece) - here <= records.PART, "at most a part is sent again"
            offset = here
        else:
            headers = {"Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
            answer = server.ask("PATCH", path, token, content=data[offset:], headers=headers)
            # what was sent before the break may still have been on its way
            assert answer.status_code in (204, 409), answer.text
            offset = int(server.ask("HEAD", path, token).headers["upload-offset"])
    found = place.assets.get("acme", made["id"])
    keys = place.wrapper.open("acme", uuid.UUID(found.id), found.root)
    sealed = place.objects("uploads")[found.path]
    reader = records.Reader(keys.upload, len(data), lambda where: sealed[where.begin : where.end])
    back = b""
    while piece := reader.read(1 << 20):
        back += piece
    assert back == data
    assert server.ask("HEAD", path, token).headers["upload-offset"] == str(len(data))
    # who asks how far it is while it is being completed completes it too: it is ordered once at least
    jobs = [job.asset for job in iter(lambda: place.jobs.take(0), None)]
    assert {*jobs} == {made["id"]} and len(jobs) <= 2


def test_what_is_refused_of_an_upload(place: Place, server: Server) -> None:
    made = server.ask("POST", "/assets", backend(), json={"title": "x", "length": 3 * records.PART}).json()
    path, token = f"/uploads/{made['id']}", made["upload_token"]
    kind = {"Content-Type": "application/offset+octet-stream"}
    assert server.ask("PATCH", path, token, content=b"x", headers={"Upload-Offset": "0", **kind}).status_code == 409
    assert server.ask("PATCH", path, token, content=bytes(records.PART), headers={"Upload-Offset": "5", **kind}).status_code == 409
    assert server.ask("PATCH", path, token, content=b"x", headers={"Upload-Offset": "x", **kind}).status_code == 400
    assert server.ask("PATCH", path, token, content=b"x", headers={"Upload-Offset": "0"}).status_code == 415
    other = server.ask("POST", "/assets", backend(), json={"title": "y", "length": 5}).json()
    assert server.ask("PATCH", path, other["upload_token"], content=b"x", headers={"Upload-Offset": "0", **kind}).status_code == 404
    options = server.ask("OPTIONS", path)
    assert (options.headers["tus-version"], options.headers["tus-extension"]) == ("1.0.0", "creation,termination")
    assert server.ask("DELETE", path, token).status_code == 204
    assert server.ask("HEAD", path, token).status_code == 404


def test_what_is_complete_is_not_given_up_with_an_uploads_token(server: Server, asset: Asset) -> None:
    """The token is good for a day, and in a browser: it ends an upload, and no video that can be played."""
    token = TOKENS.make(tokens.UPLOAD, "acme", asset.id, 60)[0]
    refused = server.ask("DELETE", f"/uploads/{asset.id}", token)
    assert refused.status_code == 409 and "the upload is complete" in refused.json()["title"]
    assert server.ask("GET", f"/assets/{asset.id}", backend()).json()["state"] == "ready"


def test_an_upload_that_s3_has_forgotten_is_gone(place: Place, server: Server) -> None:
    made = server.ask("POST", "/assets", backend(), json={"title": "x", "length": 5}).json()
    found = place.assets.get("acme", made["id"])
    place.clients.s3.abort_multipart_upload(Bucket="uploads", Key=found.path, UploadId=found.upload)
    assert server.ask("HEAD", f"/uploads/{made['id']}", made["upload_token"]).status_code == 404


def test_an_upload_that_was_put_together_and_not_ordered_is_ordered(place: Place, server: Server) -> None:
    """As a server leaves it that is killed in between."""
    made = server.ask("POST", "/assets", backend(), json={"title": "x", "length": 5}).json()
    found = place.assets.get("acme", made["id"])
    place.clients.s3.abort_multipart_upload(Bucket="uploads", Key=found.path, UploadId=found.upload)
    place.clients.s3.put_object(Bucket="uploads", Key=found.path, Body=b"sealed")
    assert server.ask("HEAD", f"/uploads/{made['id']}", made["upload_token"]).headers["upload-offset"] == "5"
    job = place.jobs.take(0)
    assert job is not None and job.asset == made["id"] and place.assets.get("acme", made["id"]).state == "queued"


def test_an_upload_begun_as_tus_begins_one(place: Place, server: Server) -> None:
    headers = {"Tus-Resumable": "1.0.0", "Upload-Length": "5", "Upload-Metadata": "filename " + base64.b64encode(b"lesson.mp4").decode()}
    begun = server.ask("POST", "/uploads", backend(), headers=headers)
    assert begun.status_code == 201
    where = begun.headers["location"].removeprefix(server.url)
    assert place.assets.get("acme", where.rsplit("/", 1)[1]).title == "lesson.mp4"
    sent = server.ask(
        "PATCH", where, backend(), content=b"hello", headers={"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    )
    assert sent.headers["upload-offset"] == "5"
