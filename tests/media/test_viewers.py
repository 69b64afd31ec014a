"""What viewers are given, and what they are not. AWS is moto's, as the lab mends it."""

from __future__ import annotations

import base64
import json
import signal
import time
import uuid
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from starlette.testclient import TestClient

from lab.behaviours.edge import signatures
from lab.settings import Settings
from media_server import settings
from media_server.api import audit, cookies, tokens
from media_server.api.app import STALE_SECONDS, application
from media_server.api.revoked import Revoked
from media_server.api.ring import KEPT_SECONDS, SHUNNED_SECONDS, Region, Ring, Unavailable
from media_server.api.served import parts
from media_server.assets import Asset, Assets, Missing
from media_server.keys import Place as At
from media_server.wrap import Wrapper
from tests import ports

from .place import HOME, OTHER, Place
from .server import PAGE, SECRET, TOKENS, Server, backend, captions, environment, put, session
from .videos import VideoOf

UNIFORM = {"content-type", "cache-control", "content-length", "vary"}


def kid(of: uuid.UUID) -> str:
    return base64.urlsafe_b64encode(of.bytes).rstrip(b"=").decode()


def test_nothing_leaves_without_a_session_of_its_own(place: Place, server: Server, asset: Asset, video: VideoOf) -> None:
    """Every cell of the matrix: what is asked for, by whom; all answers are the same."""
    other = place.uploaded(video("mp4"), tenant="bloom")
    place.work()
    keys = place.wrapper.open("acme", uuid.UUID(asset.id), asset.root)
    assert put(server, asset.id, "de", captions("Hallo")).status_code == 201
    good = session("acme", asset.id)
    revoked, _ = TOKENS.make(tokens.SESSION, "acme", asset.id, 600)
    assert server.ask("POST", "/sessions/revoke", backend("bloom"), json={"token": revoked}).status_code == 404
    assert server.ask("GET", f"/keys/{asset.path}/aes128/180p/0", revoked).status_code == 200
    assert server.ask("POST", "/sessions/revoke", backend(), json={"token": revoked}).status_code == 204
    replayed, briefly = TOKENS.make(tokens.SESSION, "acme", asset.id, 5)
    assert server.ask("GET", f"/keys/{asset.path}/aes128/180p/0", replayed).status_code == 200
    time.sleep(max(0.0, briefly.expires - time.time()) + 0.1)
    stranger = tokens.Tokens(b"x" * 48)
    head, body, signature = good.split(".")
    forged = base64.urlsafe_b64encode(base64.urlsafe_b64decode(body + "==").replace(b"acme", b"bloom")).rstrip(b"=").decode()
    without = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=").decode()
    who = {
        "nobody": "",
        "noise": "a.b.c",
        "expired": session("acme", asset.id, -1),
        "replayed after its time": replayed,
        "revoked": revoked,
        "another asset's": session("acme", str(uuid.uuid4())),
        "another tenant's": session("bloom", other.id),
        "another tenant's, of this asset": session("bloom", asset.id),
        "a tenant's token": backend(),
        "an upload's token": TOKENS.make(tokens.UPLOAD, "acme", asset.id, 600)[0],
        "signed by somebody else": stranger.make(tokens.SESSION, "acme", asset.id, 600)[0],
        "changed": f"{head}.{forged}.{signature}",
        "not signed": f"{without}.{body}.",
    }
    what = {
        "key": ("GET", f"/keys/{asset.path}/aes128/180p/0", {}),
        "captions": ("GET", f"/captions/{asset.path}/de", {}),
        "licence": ("POST", f"/licences/{asset.path}", {"json": {"kids": [kid(keys.key_id(At("cbcs", "180p", 0)))]}}),
        "poster": ("GET", f"/pictures/{asset.path}/poster.jpg", {}),
        "storyboard": ("GET", f"/pictures/{asset.path}/storyboard.vtt", {}),
        "sprite": ("GET", f"/pictures/{asset.path}/storyboard-0.jpg", {}),
    }
    secrets = [keys.content(At("aes128", "180p", 0)), keys.content(At("cbcs", "180p", 0)), keys.root, b"Hallo"]
    answers = set()
    for method, path, more in what.values():
        assert server.ask(method, path, good, **more).status_code == 200
        for name, token in who.items():
            answer = server.ask(method, path, token, **more)
            assert answer.status_code == 403, (path, name)
            answers.add((answer.content, tuple(sorted((key, value) for key, value in answer.headers.items() if key in UNIFORM - {"vary"}))))
            assert not any(secret in answer.content for secret in secrets)
    # what is not there is refused in the same way to whom has a session
    for path in (
        "aes128/180p/9",
        "aes128/180p/-1",
        "aes128/180p/0/0",
        "aes128/1080p/0",
        "cbcs/180p/4",
        "none/180p/0",
        "aes128/180p/99999999",
        "aes128/180p/٣",
        "",
    ):
        answer = server.ask("GET", f"/keys/{asset.path}/{path}", good)
        assert answer.status_code == 403, path
        answers.add((answer.content, tuple(sorted((key, value) for key, value in answer.headers.items() if key in UNIFORM - {"vary"}))))
    for name in ("storyboard-1.jpg", "poster", "POSTER.JPG", "poster.jpg%00", "%2e%2e%2e", "x" * 4000):
        answer = server.ask("GET", f"/pictures/{asset.path}/{name}", good)
        assert answer.status_code == 403, name
        answers.add((answer.content, tuple(sorted((key, value) for key, value in answer.headers.items() if key in UNIFORM - {"vary"}))))
    for tag in ("en", "d", "de%00", "de-DE", "%2e%2e"):
        answer = server.ask("GET", f"/captions/{asset.path}/{tag}", good)
        assert answer.status_code == 403, tag
        answers.add((answer.content, tuple(sorted((key, value) for key, value in answer.headers.items() if key in UNIFORM - {"vary"}))))
    for body in (
        {"kids": []},
        {"kids": [kid(uuid.uuid4())]},
        {"kids": "x"},
        {},
        [],
        {"kids": [kid(keys.key_id(At("cbcs", "180p", 0))), kid(uuid.uuid4())]},
        {"kids": [kid(keys.key_id(At("cbcs", "180p", 4)))]},
        {"kids": [kid(keys.key_id(At("aes128", "180p", 0)))]},
        {"kids": [kid(place.wrapper.open("bloom", uuid.UUID(other.id), other.root).key_id(At("cbcs", "180p", 0)))]},
    ):
        answers.add((server.ask("POST", f"/licences/{asset.path}", good, json=body).content, "licence"))
    assert {content for content, _ in answers} == {b'{"title":"Forbidden","status":403}'}
    assert len(answers) == 2, answers
    for method, path in (("POST", "/play"), ("GET", "/hashes")):
        assert server.ask(method, path, good).status_code == 200
        for name in ("nobody", "expired", "revoked", "another asset's", "another tenant's, of this asset", "a tenant's token"):
            assert server.ask(method, path, who[name]).status_code == 403, (path, name)


def test_a_licence_has_the_keys_of_the_periods_that_were_asked_for_and_no_others(place: Place, server: Server, asset: Asset) -> None:
    keys = place.wrapper.open("acme", uuid.UUID(asset.id), asset.root)
    asked = [At("cbcs", rendition, period) for rendition in ("180p", "audio") for period in (0, 3)]
    body = {"kids": [kid(keys.key_id(each)) for each in asked]}
    answer = server.ask("POST", f"/licences/{asset.path}", session("acme", asset.id), json=body)
    given = {each["kid"]: base64.urlsafe_b64decode(each["k"] + "==") for each in answer.json()["keys"]}
    assert given == {kid(keys.key_id(each)): keys.content(each) for each in asked}


def test_pages_that_are_not_known_are_given_nothing_to_read(server: Server, asset: Asset) -> None:
    good = session("acme", asset.id)
    for origin in ("https://evil.example", "null", f"{PAGE}.evil.example", PAGE.upper()):
        for method, path in (("GET", f"/keys/{asset.path}/aes128/180p/0"), ("POST", "/play")):
            assert "access-control-allow-origin" not in server.ask(method, path, good, headers={"Origin": origin}).headers
        asked = {"Origin": origin, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
        assert "access-control-allow-origin" not in server.ask("OPTIONS", f"/keys/{asset.path}/aes128/180p/0", headers=asked).headers
    asked = {"Origin": PAGE, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
    answer = server.ask("OPTIONS", f"/keys/{asset.path}/aes128/180p/0", headers=asked)
    assert answer.headers["access-control-allow-origin"] == PAGE and answer.status_code == 204


def test_every_key_that_left_is_in_the_audit(server: Server, asset: Asset) -> None:
    token, made = TOKENS.make(tokens.SESSION, "acme", asset.id, 600)
    for _ in range(3):
        assert server.ask("GET", f"/keys/{asset.path}/aes128/180p/0", token).status_code == 200
    server.process.send_signal(signal.SIGTERM)
    server.process.wait(30)
    rows = [line for line in server.log.read_text().splitlines() if line.startswith('{"audit"')]
    assert audit.verified(SECRET.encode(), rows) == 3
    said = json.loads(rows[-1])
    assert (said["tenant"], said["asset"], said["session"], said["key"]) == ("acme", asset.id, made.id, "aes128/180p/0")
    assert token not in server.log.read_text()
    for changed in (rows[1:], [rows[0], rows[2]], [rows[0].replace("acme", "bloom"), *rows[1:]]):
        with pytest.raises(audit.Broken):
            audit.verified(SECRET.encode(), changed)


def test_either_region_will_do(place: Place, asset: Asset) -> None:
    """Where the own region's S3 and KMS don't answer the other's do: its record is replicated, and the key is multi-region."""
    lab = Settings.load()
    words = {
        "aws_access_key_id": lab.access_key,
        "aws_secret_access_key": lab.secret_key,
        "config": Config(retries={"total_max_attempts": 1}, connect_timeout=1),
    }
    dead = f"http://127.0.0.1:{ports.free()}"
    there, gone = (
        {name: boto3.client(name, region_name=region, endpoint_url=url, **words) for name in ("s3", "kms")}
        for region, url in ((OTHER, place.url), (HOME, dead))
    )
    there["s3"].create_bucket(Bucket="copy", CreateBucketConfiguration={"LocationConstraint": OTHER})
    for key, data in place.objects().items():
        there["s3"].put_object(Bucket="copy", Key=key, Body=data)
    own = Region(HOME, Assets(gone["s3"], "media"), Wrapper(gone["kms"], place.key))
    other = Region(OTHER, Assets(there["s3"], "copy"), Wrapper(there["kms"], place.key))
    now = [0.0]
    ring = Ring([own, other], lambda: now[0])
    opened = ring.get("acme", asset.id)
    assert "aes128/180p/00000.ts" in ring.manifest(opened).objects
    assert opened.keys.root == place.wrapper.open("acme", uuid.UUID(asset.id), asset.root).root
    with pytest.raises(Unavailable):
        Ring([own]).get("acme", asset.id)
    with pytest.raises(Unavailable, match=f"{HOME}: EndpointConnectionError"):
        ring.get("acme", str(uuid.uuid4()))
    now[0] += KEPT_SECONDS + SHUNNED_SECONDS
    there["s3"].delete_object(Bucket="copy", Key=f"assets/{asset.path}.json")
    with pytest.raises(Unavailable):
        ring.get("acme", asset.id)
    with pytest.raises(Missing):
        Ring([other]).get("bloom", asset.id)


def test_cookies_are_cloudfronts(tmp_path: Path) -> None:
    """Judged by what judges them in the lab's edge, as CloudFront does."""
    key = rsa.generate_private_key(65_537, 2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    made = cookies.Signer.of("K1", pem).cookies("https://media.example/v/acme/1/", 2_000_000_000)
    said = "; ".join(f"{name}={value}" for name, value in made.items())
    signatures.judge("https://media.example/v/acme/1/aes128/180p/00000.ts", said, "192.0.2.1", 1_900_000_000, {"K1": public})
    for url, when, known in (
        ("https://media.example/v/acme/2/aes128/180p/00000.ts", 1_900_000_000, {"K1": public}),
        ("https://media.example/v/bloom/1/x", 1_900_000_000, {"K1": public}),
        ("https://media.example/v/acme/1/x", 2_000_000_001, {"K1": public}),
        ("https://media.example/v/acme/1/x", 1_900_000_000, {}),
    ):
        with pytest.raises(signatures.Refused):
            signatures.judge(url, said, "192.0.2.1", when, known)


def test_a_key_is_given_for_the_cookie_that_playing_began_with(server: Server, asset: Asset) -> None:
    begun = server.ask("POST", "/play", session("acme", asset.id))
    cookies = begun.headers.get_list("set-cookie")
    paths = {cookie.split("; Path=")[1].split(";")[0] for cookie in cookies}
    places = [f"/keys/{asset.path}/", f"/v/{asset.path}/", f"/licences/{asset.path}", f"/pictures/{asset.path}/", f"/captions/{asset.path}"]
    assert paths == {*places}
    for cookie in cookies:
        assert cookie.startswith("media-session=") and "; HttpOnly" in cookie and "; Secure" in cookie and "; Max-Age=" in cookie
    path = f"/keys/{asset.path}/aes128/180p/0"
    given = server.ask("GET", path, headers={"Cookie": f"other=1; {cookies[0].split(';')[0]}"})
    assert given.status_code == 200 and len(given.content) == 16
    segment = server.ask("GET", f"/v/{asset.path}/aes128/180p/00000.ts", headers={"Cookie": cookies[0].split(";")[0]})
    assert segment.status_code == 200 and len(segment.content) == int(segment.headers["content-length"])
    assert server.ask("GET", path, headers={"Cookie": "media-session=x"}).status_code == 403


def test_a_server_that_begins_knows_who_was_revoked(place: Place, asset: Asset) -> None:
    text, made = TOKENS.make(tokens.SESSION, "acme", asset.id, 600)
    Revoked(place.clients.s3, "media").add(made.id, made.expires)
    of = parts(settings.server(environment(place.environment, 1)), place.clients, None, None)
    with TestClient(application(of)) as client:
        answers = {
            token: client.get(f"/keys/{asset.path}/aes128/180p/0", headers={"Authorization": f"Bearer {token}"})
            for token in (text, session("acme", asset.id))
        }
        assert [answer.status_code for answer in answers.values()] == [403, 200]
        assert client.get("/readyz").status_code == 200
        of.revoked.looked -= STALE_SECONDS + 1
        assert client.get("/readyz").status_code == 503


def test_servers_learn_of_each_others_revocations_and_forget_what_has_expired(place: Place) -> None:
    now = [1_900_000_000.0]
    one, other = (Revoked(place.clients.s3, "media", lambda: now[0]) for _ in range(2))
    other.look()
    one.add("first", int(now[0]) + 60)
    one.add("second", int(now[0]) + 2 * 3600)
    assert "first" in one and "first" not in other
    other.look()
    assert "first" in other and "second" in other and "third" not in other
    now[0] += 3600
    for each in (one, other, late := Revoked(place.clients.s3, "media", lambda: now[0])):
        each.look()
        assert "second" in each and "first" not in each
    assert late.looked == now[0]


def test_cookies_are_signed_by_the_version_that_the_edge_knows(place: Place) -> None:
    lab, now = Settings.load(), [0.0]
    words = {"region_name": HOME, "aws_access_key_id": lab.access_key, "aws_secret_access_key": lab.secret_key}
    quick = Config(retries={"total_max_attempts": 1}, connect_timeout=1)
    ssm, secrets = (boto3.client(name, endpoint_url=place.url, **words) for name in ("ssm", "secretsmanager"))
    first = secrets.create_secret(Name="pair", SecretString=pair())["VersionId"]
    ssm.put_parameter(Name="told", Type="String", Value=json.dumps({"key": "K1", "version": first}))
    signers = cookies.Signers(ssm, secrets, "told", "pair", lambda: now[0])
    one = signers()
    second = secrets.put_secret_value(SecretId="pair", SecretString=pair())["VersionId"]
    now[0] += cookies.KEPT_SECONDS
    assert signers().key_pair == "K1", "the edge does not know another one yet"
    ssm.put_parameter(Name="told", Type="String", Value=json.dumps({"key": "K2", "version": second}), Overwrite=True)
    assert signers().key_pair == "K1"
    now[0] += cookies.KEPT_SECONDS
    two = signers()
    assert (two.key_pair, two.key.private_numbers()) != (one.key_pair, one.key.private_numbers()) and two.key_pair == "K2"
    now[0] += cookies.KEPT_SECONDS
    signers._ssm = boto3.client("ssm", endpoint_url=f"http://127.0.0.1:{ports.free()}", config=quick, **words)
    assert signers().key_pair == "K2", "it stays good while AWS does not answer"


def pair() -> str:
    """A key pair as the platform's secrets have it."""
    key = rsa.generate_private_key(65_537, 2048)
    return json.dumps(
        {
            "private_key": key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            ).decode()
        }
    )
