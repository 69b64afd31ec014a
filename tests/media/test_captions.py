"""Captions from a tenant to a viewer, over HTTP and in the bucket. AWS is moto's, as the lab mends it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from media_server.api.captions import Captions
from media_server.api.uploads import Conflict
from media_server.assets import READY, Asset, Missing
from media_server.captions.track import LANGUAGES_MAX, Track, opened, seal
from media_server.captions.webvtt import BYTES_MAX
from media_server.captions.wrong import Wrong
from media_server.records import Damaged
from media_server.store import delete_below
from tests.faults.proxy import proxy_to
from tests.servers import until

from .place import HOME, OTHER, Place, client
from .server import PAGE, Server, backend, captions, put, running, session
from .test_segments import REFUSED, Watched
from .videos import VideoOf

HELLO = captions("Hallo", "<v Anna>Wie geht es?</v>")


@pytest.fixture
def asset(place: Place) -> Asset:
    return place.published({})


@pytest.fixture
def made(place: Place) -> Captions:
    """What puts captions, without a server."""
    return Captions(place.assets, place.wrapper, partial(delete_below, place.clients.s3, "media"))


def kept(place: Place, asset: Asset) -> dict[str, bytes]:
    """The objects of an asset's captions, by language and name."""
    top = f"captions/{asset.path}/"
    return {key.removeprefix(top): data for key, data in place.objects().items() if key.startswith(top)}


def named(place: Place, asset: Asset) -> set[str]:
    """The objects that its record tells of."""
    return {each.path for each in place.assets.get(asset.tenant, asset.id).captions}


def begun(server: Server, token: str) -> list[dict[str, Any]]:
    return list(server.ask("POST", "/play", token).json()["captions"])


def test_from_a_tenant_to_a_viewer(place: Place, server: Server, asset: Asset) -> None:
    good = session("acme", asset.id)
    assert begun(server, good) == []
    first = put(server, asset.id, "DE-ch", b"\xef\xbb\xbf" + HELLO.replace(b"\n", b"\r\n"), label="Deutsch (Schweiz)", kind="captions")
    told = {"language": "de-CH", "label": "Deutsch (Schweiz)", "kind": "captions", "cues": 2}
    assert first.status_code == 201 and {**first.json(), **told} == first.json()
    assert put(server, asset.id, "en", captions("Hello")).status_code == 201
    said = server.ask("GET", f"/assets/{asset.id}", backend()).json()["captions"]
    assert [(each["language"], each["label"], each["kind"]) for each in said] == [
        ("de-CH", "Deutsch (Schweiz)", "captions"),
        ("en", "", "subtitles"),
    ]
    assert server.ask("GET", "/assets", backend()).json()["assets"][0]["captions"] == said

    found = until(lambda: begun(server, good), "the list is looked at again")
    url = f"{server.url}/captions/{asset.path}/de-CH"
    assert found[0] == {"language": "de-CH", "label": "Deutsch (Schweiz)", "kind": "captions", "url": url} and len(found) == 2
    path = url.removeprefix(server.url)
    answer = server.ask("GET", path, good, headers={"Origin": PAGE})
    assert answer.content == HELLO and answer.headers["content-type"] == "text/vtt; charset=utf-8"
    assert answer.headers["cache-control"] == "private, no-store" and answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["access-control-allow-origin"] == PAGE
    cookie = server.ask("POST", "/play", good).headers.get_list("set-cookie")[0].split(";")[0]
    assert server.ask("GET", path.lower(), headers={"Cookie": cookie}).content == HELLO

    again = put(server, asset.id, "de-CH", captions("Besser"))
    assert again.status_code == 200 and (again.json()["label"], again.json()["cues"]) == ("", 1)
    until(lambda: server.ask("GET", path, good).content == captions("Besser"), "the new ones are given")
    assert len(kept(place, asset)) == 2 and kept(place, asset).keys() == named(place, asset)
    for status in (204, 404):
        assert server.ask("DELETE", f"/assets/{asset.id}/captions/de-ch", backend()).status_code == status
    until(lambda: server.ask("GET", path, good).content == REFUSED, "they are given to nobody")
    until(lambda: [each["language"] for each in begun(server, good)] == ["en"], "nor told of")
    assert kept(place, asset).keys() == named(place, asset) and len(named(place, asset)) == 1


BAD = {
    "no language": ("german", {}, "text/vtt", HELLO, 400, "the language is a tag of BCP 47"),
    "a path": ("..%2fen", {}, "text/vtt", HELLO, 404, ""),
    "a label of many": ("de", {"label": "x" * 101}, "text/vtt", HELLO, 400, "`label` is a text of 100 characters"),
    "a label of two lines": ("de", {"label": "a\nb"}, "text/vtt", HELLO, 400, "`label` is a text of 100 characters"),
    "another kind": ("de", {"kind": "chapters"}, "text/vtt", HELLO, 400, "`kind` is one of subtitles, captions"),
    "another type": ("de", {}, "text/plain", HELLO, 415, "the content type is text/vtt"),
    "nothing": ("de", {}, "text/vtt", b"", 400, "line 1: a WebVTT file begins with `WEBVTT`"),
    "what is wrong": ("de", {}, "text/vtt; charset=utf-8", captions("Hallo", "<script>"), 400, "line 7: `<script>` is no tag of WebVTT"),
    "too much": ("de", {}, "text/vtt", HELLO + b"\n" * BYTES_MAX, 413, f"the body has more than {BYTES_MAX} bytes"),
}


def test_what_makes_no_sense_is_told_and_not_kept(place: Place, server: Server, asset: Asset) -> None:
    for name, (language, said, kind, text, status, title) in BAD.items():
        path = f"/assets/{asset.id}/captions/{language}"
        answer = server.ask("PUT", path, backend(), content=text, params=said, headers={"Content-Type": kind})
        assert answer.status_code == status, name
        assert not title or answer.json()["title"].startswith(title), name
    assert named(place, asset) == set() and not kept(place, asset)


def test_there_are_so_many_languages(place: Place, made: Captions, asset: Asset) -> None:
    for number in range(LANGUAGES_MAX):
        made.put(asset, f"de-{number:03}", "", "subtitles", HELLO)
    with pytest.raises(Conflict, match=f"in {LANGUAGES_MAX} languages"):
        made.put(asset, "en", "", "subtitles", HELLO)
    track, again = made.put(asset, "de-000", "another", "subtitles", HELLO)
    assert again and track in place.assets.get("acme", asset.id).captions
    assert len(named(place, asset)) == LANGUAGES_MAX and kept(place, asset).keys() == named(place, asset)


def test_they_are_put_before_there_is_a_video_and_go_with_it(place: Place, server: Server) -> None:
    waiting, given_up = (server.ask("POST", "/assets", backend(), json={"title": "x", "length": 5}).json()["id"] for _ in range(2))
    for each in (waiting, given_up):
        assert put(server, each, "de", HELLO).status_code == 201
    assert server.ask("GET", f"/captions/acme/{waiting}/de", session("acme", waiting)).content == REFUSED, "it can't be played"
    assert server.ask("DELETE", f"/assets/{waiting}", backend()).status_code == 204
    assert server.ask("DELETE", f"/uploads/{given_up}", backend()).status_code == 204
    assert not place.objects()


def test_a_job_leaves_them_as_they_are(place: Place, made: Captions, video: VideoOf) -> None:
    asset = place.uploaded(video("mp4"))
    key = f"assets/{asset.path}.json"
    older = {name: value for name, value in json.loads(place.objects()[key]).items() if name != "captions"}
    place.clients.s3.put_object(Bucket="media", Key=key, Body=json.dumps(older))
    assert place.assets.get("acme", asset.id) == asset, "a release before there were any wrote it"
    track, _ = made.put(asset, "de", "", "subtitles", HELLO)
    place.work()
    found = place.assets.get("acme", asset.id)
    assert (found.state, found.captions) == (READY, (track,)) and kept(place, asset).keys() == {track.path}


def test_nothing_is_left_where_the_asset_was_deleted_meanwhile(place: Place, made: Captions, asset: Asset) -> None:
    place.assets.delete("acme", asset.id)
    for act in (lambda: made.put(asset, "de", "", "subtitles", HELLO), lambda: made.remove(asset, "de")):
        with pytest.raises(Missing):
            act()
    assert not kept(place, asset)


def test_many_who_write_at_once_leave_one_text_of_each_language(place: Place, made: Captions, asset: Asset) -> None:
    with ThreadPoolExecutor(3) as pool:
        for number in range(4):
            acts = [partial(made.put, asset, language, str(number), "subtitles", HELLO) for language in ("de", "de", "en")]
            for each in [pool.submit(act) for act in (*acts, partial(made.remove, asset, "de"))]:
                each.result()
            assert kept(place, asset).keys() == named(place, asset) and len(named(place, asset)) in (1, 2)


def test_no_word_of_them_is_in_the_bucket(place: Place, made: Captions, asset: Asset) -> None:
    word = uuid.uuid4().hex
    for _ in range(2):
        made.put(asset, "de", "a label", "subtitles", captions(word))
    versions = place.clients.s3.list_object_versions(Bucket="media")["Versions"]
    found = [place.clients.s3.get_object(Bucket="media", Key=each["Key"], VersionId=each["VersionId"])["Body"].read() for each in versions]
    assert sum(each["Key"].startswith("captions/") for each in versions) == 2
    assert any(b"a label" in each for each in found), "what is in the clear is found"
    assert not any(word.encode() in each for each in found)


def test_what_was_sealed_opens_as_it_was_and_nowhere_else() -> None:
    key, track = bytes(32), Track("de", "", "subtitles", 2, "a" * 32, "")
    sealed = seal(key, track, HELLO)
    assert opened(key, track, sealed) == HELLO and seal(key, track, HELLO) != sealed
    others = [
        (b"x" * 32, track),
        (key, Track("en", "", "subtitles", 2, "a" * 32, "")),
        (key, Track("de", "", "subtitles", 2, "b" * 32, "")),
    ]
    for other, place in others:
        with pytest.raises(Damaged):
            opened(other, place, sealed)
    for damaged in (b"", sealed[:11], sealed[:-1], sealed[1:], sealed[:20] + bytes([sealed[20] ^ 1]) + sealed[21:]):
        with pytest.raises(Damaged, match=r"the captions de/a+ do not hold what was written"):
            opened(key, track, damaged)


@pytest.fixture
def watched(place: Place) -> Iterator[Watched]:
    with proxy_to(place.url, Watched) as proxy:
        yield proxy


def test_either_region_gives_them(place: Place, made: Captions, asset: Asset, watched: Watched, tmp_path: Path) -> None:
    texts = {language: captions(language) for language in ("de", "en", "fr", "it")}
    tracks = {language: made.put(asset, language, "", "subtitles", text)[0] for language, text in texts.items()}
    there, top = client(place.url, OTHER, "s3"), f"captions/{asset.path}/"
    there.create_bucket(Bucket="copy", CreateBucketConfiguration={"LocationConstraint": OTHER})
    for key, data in place.objects().items():
        there.put_object(Bucket="copy", Key=key, Body=data)
    place.clients.s3.put_object(Bucket="media", Key=top + tracks["en"].path, Body=kept(place, asset)[tracks["de"].path])
    place.clients.s3.delete_object(Bucket="media", Key=top + tracks["fr"].path)
    good, more = session("acme", asset.id), {"MEDIA_OTHER_REGION": OTHER, "MEDIA_OTHER_BUCKET": "copy"}
    with running(place.environment, tmp_path / "server.log", **more, AWS_ENDPOINT_URL=watched.url) as server:
        for _ in range(2):
            for language in ("de", "en", "fr"):
                assert server.ask("GET", f"/captions/{asset.path}/{language}", good).content == texts[language]
        assert watched.fetched(top + tracks["de"].path) == 1, "it is read once"
        watched.silent.add(HOME)
        assert server.ask("GET", f"/captions/{asset.path}/it", good).content == texts["it"]
        watched.silent.clear()
        # what is changed in both is given to nobody
        for s3, bucket in ((place.clients.s3, "media"), (there, "copy")):
            s3.put_object(Bucket=bucket, Key=top + "de/none", Body=b"x")
        track = Track("de", "", "subtitles", 1, "none", "")
        for s3, bucket in ((place.clients.s3, "media"), (there, "copy")):
            key = f"assets/{asset.path}.json"
            data = s3.get_object(Bucket=bucket, Key=key)["Body"].read().replace(tracks["de"].name.encode(), track.name.encode())
            s3.put_object(Bucket=bucket, Key=key, Body=data)
        until(lambda: server.ask("GET", f"/captions/{asset.path}/de", good).status_code == 503, "it does not open")


def test_what_is_refused_is_not_kept(place: Place, made: Captions, asset: Asset) -> None:
    made.put(asset, "de", "", "subtitles", HELLO)
    before = kept(place, asset)
    with pytest.raises(Wrong):
        made.put(asset, "de", "", "subtitles", b"WEBVTT")
    assert kept(place, asset) == before
