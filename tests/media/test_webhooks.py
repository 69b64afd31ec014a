"""Webhooks, from what a tenant orders to what its backend is told over TLS. AWS is moto's; the receiver is real, on loopback."""

from __future__ import annotations

import base64
import io
import json
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st

from lab.settings import ROOT
from media_server import notices, reach, settings, signature, tell
from media_server import webhooks as hooks
from media_server.assets import FAILED, QUEUED, READY, Asset
from media_server.notices import AGAIN_SECONDS, PING, About, Notice
from media_server.reach import Sender
from media_server.tell import Teller
from media_server.webhooks import NoWebhook, Webhooks
from media_server.wrap import Locked

from .place import Place
from .receiver import Receiver, receiving
from .server import Server, backend, running, session
from .test_worker import until
from .videos import VideoOf

NETWORKS = "127.0.0.0/8 ::1/128"
ALL = ("asset.failed", "asset.ready")


@pytest.fixture
def receiver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with receiving(tmp_path / "ca") as found:
        monkeypatch.setenv("SSL_CERT_FILE", str(found.ca))
        yield found


@pytest.fixture
def line(place: Place, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Line:
    monkeypatch.setattr(notices, "SETTLED_SECONDS", 0)
    return Line(place)


class Line:
    """What tells tenants, in this process.

    Args:
        place: With what is to be told.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._said = io.StringIO()
        told = settings.worker(place.environment)
        self.webhooks = Webhooks(place.clients.s3, "media", place.wrapper)
        self.stop = threading.Event()
        self.teller = Teller(told, place.clients, self.stop, self._said, Sender(map(ip_network, NETWORKS.split())))
        self.notices = notices.Notices(place.clients.sqs, place.notices, place.notices_dead, 8)

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [json.loads(row) for row in self._said.getvalue().splitlines()]

    def put(self, url: str, tenant: str = "acme", events: tuple[str, ...] = ALL, rotate: bool = False) -> str:
        """Set a webhook; return its secret, if it is new."""
        _, secret = self.webhooks.put(tenant, url, events, rotate)
        return signature.shown(secret) if secret else ""

    def asset(self, state: str = READY, **more: Any) -> Asset:
        made = Asset(str(uuid.uuid4()), "acme", "A lesson", 1, "", (), state, **more)
        return self._place.assets.create(made)

    def order(self, event: str = "asset.ready", subject: str = "", tenant: str = "acme") -> About:
        return notices.order(self._place.clients.sqs, self._place.notices, tenant, event, subject or self.asset(seconds=13.0).id)

    def tell(self, attempt: int = 1) -> Notice | None:
        """Tell the next notice, as if so many had tried; return it, if there is one."""
        found = self.notices.next(0)
        for each in found:
            self.teller.tell(replace(each, attempt=attempt))
        return found[0] if found else None

    def now(self, notice: Notice | None) -> None:
        """Let a notice wait no more."""
        assert notice is not None
        self.notices.later(notice, 0)

    def left(self) -> int:
        """How many notices are in the queue, whoever has them."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"]
        told = self._place.clients.sqs.get_queue_attributes(QueueUrl=self._place.notices, AttributeNames=names)["Attributes"]
        return sum(int(told[name]) for name in names)

    def put_aside(self) -> list[tuple[dict[str, str], str]]:
        url = self._place.notices_dead
        found = self._place.clients.sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"], MaxNumberOfMessages=10)
        return [(json.loads(each["Body"]), each["MessageAttributes"]["reason"]["StringValue"]) for each in found.get("Messages", ())]


# what is sent


def test_a_signature_is_what_standard_webhooks_gives_as_its_example() -> None:
    secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    made = signature.headers("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}', [secret])
    assert made["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert made["webhook-timestamp"] == "1614265330"


@given(st.binary(max_size=40), st.binary(min_size=24, max_size=64), st.integers(0, 39), st.integers(1, 255))
def test_no_other_body_has_its_signature(body: bytes, secret: bytes, at: int, by: int) -> None:
    made = signature.headers("msg_1", 1, body, [secret])
    changed = bytearray(body or b"\0")
    changed[at % len(changed)] ^= by
    assert made == signature.headers("msg_1", 1, body, [secret]) != signature.headers("msg_1", 1, bytes(changed), [secret])


@given(st.sampled_from([*notices.EVENTS.values(), PING]), st.uuids())
def test_a_message_is_known_by_what_it_tells(event: str, subject: uuid.UUID) -> None:
    one, again = (About("acme", event, str(subject), at) for at in ("then", "now"))
    assert one.id == again.id and str(subject) in one.id and "." not in one.id


def test_a_tenant_is_told_what_became_of_an_asset(line: Line, receiver: Receiver) -> None:
    secret = line.put(receiver.url)
    ready, failed = line.asset(READY, seconds=13.0), line.asset(FAILED, reason="it is no video")
    for event, asset in (("asset.ready", ready), ("asset.failed", failed)):
        line.order(event, asset.id)
        line.tell()
    assert line.left() == 0
    for got, event, asset in zip(receiver.got, ("asset.ready", "asset.failed"), (ready, failed), strict=True):
        assert got.verified(secret) and not got.verified("whsec_" + base64.b64encode(bytes(32)).decode())
        assert got.path == "/hook?token=of-their-own" and got.headers["content-type"] == "application/json"
        assert got.said["type"] == event and got.said["timestamp"].endswith("+00:00")
        data = {"asset": asset.id, "title": "A lesson", "state": asset.state, "reason": asset.reason, "seconds": asset.seconds}
        assert got.said["data"] == data and {*got.said} == {"type", "timestamp", "data"}
    found = line.webhooks.get("acme")
    assert found.last_success and not found.last_failure


def test_of_a_delivery_a_row_is_written_that_shows_no_secret(line: Line, receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    secret = line.put(receiver.url)
    about = line.order()
    line.tell()
    (row,) = line.rows
    told = tuple(row[name] for name in ("outcome", "notice", "tenant", "host", "attempt", "status", "deliveries", "reason"))
    assert told == ("delivered", about.id, "acme", "localhost", 1, 204, 1, "")
    (counted,) = row["_aws"]["CloudWatchMetrics"]
    assert counted["Dimensions"] == [["outcome"]] and counted["Metrics"] == [{"Name": "deliveries", "Unit": "Count"}]
    assert all(word not in json.dumps(row) + caplog.text for word in (secret.removeprefix("whsec_"), "of-their-own", "v1,"))


# secrets


def test_a_new_secret_takes_an_old_ones_place_after_a_day(
    line: Line, receiver: Receiver, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = line.put(receiver.url)
    assert line.put(receiver.url) == "", "it is shown once"
    second = line.put(receiver.url, rotate=True)
    line.order()
    line.tell()
    (got,) = receiver.got
    assert first != second and got.verified(first) and got.verified(second)
    third = line.put(receiver.url, rotate=True)
    line.order()
    line.tell()
    assert [receiver.got[1].verified(each) for each in (first, second, third)] == [False, True, True]
    monkeypatch.setattr(hooks, "OVERLAP_SECONDS", 0)
    line.put(receiver.url, rotate=True)
    line.order()
    line.tell()
    assert not any(receiver.got[2].verified(each) for each in (first, second, third))


def test_a_secret_lies_nowhere_in_the_clear_and_is_no_other_tenants(line: Line, receiver: Receiver, place: Place) -> None:
    secret = line.put(receiver.url)
    key = base64.b64decode(secret.removeprefix("whsec_"))
    assert len(key) == 32
    lies = place.objects()["webhooks/acme.json"]
    assert key not in lies and base64.b64encode(key) not in lies
    with pytest.raises(Locked):
        line.webhooks.secrets("bloom", line.webhooks.get("acme"))
    with pytest.raises(Locked):
        wrapped = base64.b64decode(line.webhooks.get("acme").secrets[0].wrapped)
        place.wrapper.open("acme", uuid.uuid4(), wrapped)


@pytest.mark.parametrize("tenant", ["../acme", "acme/x", "", "Acme"])
def test_what_is_no_tenant_has_no_webhook(line: Line, tenant: str) -> None:
    with pytest.raises(NoWebhook):
        line.put("https://hooks.example/", tenant)


# what goes wrong


def test_what_fails_is_sent_again_as_the_same_message_and_later_each_time(
    line: Line, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = line.put(receiver.url)
    waits: list[int] = []
    monkeypatch.setattr(line.teller._notices, "later", lambda notice, seconds: waits.append(seconds))
    about = line.order()
    receiver.answers = [500, 302, 404, 200]
    for attempt in (1, 2, 3, 4):
        line.now(line.tell(attempt)) if attempt < 4 else line.tell(attempt)
    assert waits == [*AGAIN_SECONDS[:3]] and line.left() == 0
    assert receiver.messages == [about.id] * 4 and all(got.verified(secret) for got in receiver.got)
    assert len({got.body for got in receiver.got}) == 1
    found = line.webhooks.get("acme")
    assert found.failure == "the receiver answered 404" and found.last_success > found.last_failure
    assert [row["outcome"] for row in line.rows] == ["failed"] * 3 + ["delivered"]


def test_the_queue_counts_attempts_and_keeps_a_notice_back(line: Line, receiver: Receiver) -> None:
    line.put(receiver.url)
    line.order()
    receiver.answers = [503]
    first = line.tell()
    assert first is not None and first.attempt == 1
    assert line.tell() is None and line.left() == 1, "it waits"
    line.now(first)
    (second,) = line.notices.next(0)
    assert second.attempt == 2 and second.about == first.about


def test_growing_waits_are_what_sqs_allows_and_end_within_a_day() -> None:
    assert [*AGAIN_SECONDS] == sorted(AGAIN_SECONDS) and AGAIN_SECONDS[-1] <= 12 * 3600
    assert 12 * 3600 < sum(AGAIN_SECONDS) < 24 * 3600


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("{receiver}", "the receiver answered 500"),
        ("https://nobody.invalid/", "the host has no address, or one that is not the Internet's"),
        ("https://localhost:1/", "no connection with TLS could be made"),
        ("http://localhost/", "`url` begins with https://"),
    ],
)
def test_what_fails_to_the_end_is_put_aside_with_the_reason(line: Line, receiver: Receiver, url: str, reason: str) -> None:
    receiver.answers = [500]
    line.put(url.format(receiver=receiver.url))
    about = line.order()
    line.tell(attempt=1 + len(AGAIN_SECONDS))
    assert line.left() == 0
    assert line.put_aside() == [({"tenant": "acme", "event": "asset.ready", "subject": about.subject, "at": about.at}, reason)]
    assert line.webhooks.get("acme").failure == reason and line.rows[0]["outcome"] == "aside"


def test_a_secret_that_does_not_open_is_a_failure_that_is_told(line: Line, receiver: Receiver, place: Place) -> None:
    line.put(receiver.url)
    place.clients.kms.disable_key(KeyId=place.key)
    record = place.objects()["webhooks/acme.json"]
    changed = {**json.loads(record), "secrets": [{"wrapped": "AAAA", "until": None}]}
    place.clients.s3.put_object(Bucket="media", Key="webhooks/acme.json", Body=json.dumps(changed).encode())
    line.order()
    line.tell()
    assert "KMS does not open a webhook's secret" in line.webhooks.get("acme").failure
    assert not receiver.got and line.left() == 1


def test_a_record_that_is_no_record_is_tried_again_and_put_aside(line: Line, place: Place) -> None:
    place.clients.s3.put_object(Bucket="media", Key="webhooks/acme.json", Body=b"{}")
    line.order()
    line.now(line.tell())
    line.tell(attempt=8)
    ((_, reason),) = line.put_aside()
    assert reason.startswith("KeyError") and line.left() == 0


def test_a_receiver_that_is_gone_switches_its_webhook_off_until_it_is_put_again(line: Line, receiver: Receiver) -> None:
    line.put(receiver.url)
    receiver.answers = [410]
    for _ in range(2):
        line.order()
        line.tell()
    assert len(receiver.got) == 1 and line.left() == 0 and not line.put_aside()
    assert line.webhooks.get("acme").off == "the receiver answered 410: it wants no more"
    assert not line.webhooks.wants("acme", "asset.ready") and line.rows[0]["outcome"] == "off"
    receiver.answers = [200]
    assert line.put(receiver.url) == ""
    line.order()
    line.tell()
    assert len(receiver.got) == 2 and line.webhooks.get("acme").last_success


def test_what_was_set_meanwhile_is_not_switched_off(line: Line, receiver: Receiver) -> None:
    line.put(receiver.url)
    line.put("https://another.example/")
    line.webhooks.put("acme", "https://another.example/", ALL, False)
    with pytest.raises(NoWebhook):
        line.webhooks.note("acme", receiver.url, off="gone")
    assert not line.webhooks.get("acme").off


def test_a_slow_receiver_is_given_up_and_tried_again(line: Line, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "SECONDS", 0.5)
    line.put(receiver.url)
    receiver.hold.clear()
    line.order()
    line.tell()
    assert line.webhooks.get("acme").failure.startswith("no answer in") and line.left() == 1


def test_who_is_to_end_ends_what_is_being_sent(line: Line, receiver: Receiver) -> None:
    line.put(receiver.url)
    receiver.hold.clear()
    line.order()
    running, settling = threading.Thread(target=line.teller.run), threading.Thread(target=line.teller.settle)
    running.start()
    until(lambda: bool(receiver.got))
    line.stop.set()
    settling.start()
    assert settling.is_alive() and line.left() == 1
    receiver.hold.set()
    settling.join(60)
    running.join(60)
    assert not settling.is_alive() and not running.is_alive() and line.left() == 0


def test_while_the_queue_does_not_answer_it_is_waited_for(line: Line, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tell, "UNANSWERED_SECONDS", 0.05)
    line.put(receiver.url)
    line.order()
    real, asked = line.teller._notices.next, iter((EndpointConnectionError(endpoint_url="https://sqs.test"), KeyError("Messages")))

    def next_(**more: int) -> list[Notice]:
        for error in asked:
            raise error
        return real(**more)

    monkeypatch.setattr(line.teller._notices, "next", next_)
    running = threading.Thread(target=line.teller.run)
    running.start()
    until(lambda: line.left() == 0)
    line.stop.set()
    line.order()  # so that it is not waited for
    running.join(60)
    assert len(receiver.got) == 1 and not running.is_alive()


def test_nobody_is_told_of_what_nobody_wants(line: Line, receiver: Receiver) -> None:
    line.put(receiver.url, events=("asset.failed",))
    for tenant, subject in (("acme", ""), ("bloom", str(uuid.uuid4())), ("acme", str(uuid.uuid4()))):
        line.order("asset.ready", subject, tenant)
        line.tell()
    line.order("asset.failed", str(uuid.uuid4()))  # of an asset that is gone
    line.tell()
    assert not receiver.got and line.left() == 0 and not line.put_aside()


def test_a_notice_waits_until_the_record_says_the_same(line: Line, receiver: Receiver, place: Place) -> None:
    line.put(receiver.url)
    asset = line.asset(QUEUED)
    line.order("asset.ready", asset.id)
    line.now(line.tell())
    assert not receiver.got and line.left() == 1
    place.assets.change("acme", asset.id, lambda found: replace(found, state=READY))
    line.tell()
    assert len(receiver.got) == 1 and line.left() == 0
    line.order("asset.failed", asset.id)
    line.tell(attempt=8)
    assert len(receiver.got) == 1 and line.left() == 0 and not line.put_aside(), "it never comes to be so"


def test_what_is_no_notice_is_put_aside(line: Line, place: Place) -> None:
    place.clients.sqs.send_message(QueueUrl=place.notices, MessageBody='{"tenant": "acme"}')
    assert line.tell() is None
    assert [reason for _, reason in line.put_aside()] == ["it is no notice: tenant, event, subject and at are asked for, as JSON"]


def test_what_changes_at_the_same_time_is_both_kept(line: Line, receiver: Receiver) -> None:
    line.put(receiver.url)
    for _ in range(4):
        line.order()
    found = line.notices.next(0, 4)
    threads = [threading.Thread(target=line.teller.tell, args=(each,)) for each in found]
    for thread in threads:
        thread.start()
    line.put(receiver.url, events=("asset.ready",))
    for thread in threads:
        thread.join()
    assert len(receiver.got) == 4 and line.left() == 0
    assert line.webhooks.get("acme").events == ("asset.ready",)


# by the worker


def test_of_a_tenant_without_a_webhook_nothing_is_ordered(place: Place, line: Line, tmp_path: Path) -> None:
    place.uploaded(letter(tmp_path))
    place.work()
    assert line.left() == 0


KILLED = """
import os, signal, sys
from media_server import __main__, worker

def killed(name, before, when):
    real = getattr(worker.Worker, name)
    def then(*more, **fields):
        if when(fields):
            before or real(*more, **fields)
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*more, **fields)
    setattr(worker.Worker, name, then)

__main__.Teller.run = lambda self: None  # what it waits for would be given to whoever is dead
where = sys.argv.pop()
if where == "before the order": killed("_tell", True, lambda fields: True)
if where == "after the order": killed("_tell", False, lambda fields: True)
if where == "after the state": killed("_changed", False, lambda fields: "state" in fields)
sys.argv[1:] = ["worker"]
__main__.main()
"""


@pytest.mark.parametrize(
    ("kind", "where"),
    [
        ("letter", "before the order"),
        ("letter", "after the order"),
        ("mp4", "before the order"),
        ("mp4", "after the order"),
        ("mp4", "after the state"),
    ],
)
def test_killed_anywhere_around_the_end_of_a_job_the_tenant_is_told(
    place: Place, line: Line, receiver: Receiver, video: VideoOf, tmp_path: Path, kind: str, where: str
) -> None:
    line.put(receiver.url)
    asset = place.uploaded(letter(tmp_path) if kind == "letter" else video(kind))
    killed = subprocess.run([sys.executable, "-c", KILLED, where], cwd=ROOT, env=place.environment, timeout=300)
    assert killed.returncode == -9
    place.begin_the_queue_anew()  # as once it has waited for long enough
    place.order(asset)
    place.work()
    assert place.is_empty()
    until(lambda: line.tell() is None and line.left() == 0)
    state = FAILED if kind == "letter" else READY
    assert place.assets.get("acme", asset.id).state == state
    assert {*receiver.messages} == {f"msg_asset_{state}_{asset.id}"}, "once at least, and known as one"
    assert {got.said["data"]["state"] for got in receiver.got} == {state}


def test_what_failed_again_and_again_is_told(place: Place, line: Line, receiver: Receiver, tmp_path: Path) -> None:
    line.put(receiver.url)
    asset = place.uploaded(letter(tmp_path))
    place.assets.change("acme", asset.id, lambda found: replace(found, wrapped="AAAA"))
    for _ in range(2):
        job = place.jobs.take(0)
        assert job is not None
        place.worker().work(job)
        if job.attempt == 1:
            place.jobs.again(job, 0)
    line.tell()
    assert [got.said["type"] for got in receiver.got] == ["asset.failed"]
    assert "in 2 attempts" in receiver.got[0].said["data"]["reason"]


# as programs


@contextmanager
def working(place: Place, receiver: Receiver, log: Path) -> Iterator[None]:
    environment = place.environment | {"SSL_CERT_FILE": str(receiver.ca), "MEDIA_WEBHOOK_NETWORKS": NETWORKS}
    with log.open("wb") as out:
        worker = subprocess.Popen([sys.executable, "-m", "media_server", "worker"], cwd=ROOT, env=environment, stdout=out, stderr=out)
    try:
        yield
    finally:
        worker.kill()  # one that has nothing to do would end when the queue has answered
        worker.wait(60)


def test_from_put_to_told(place: Place, receiver: Receiver, tmp_path: Path) -> None:
    def outcome() -> Any:
        return server.ask("GET", "/webhook", backend()).json()

    log = tmp_path / "worker.log"
    with (
        running(place.environment, tmp_path / "server.log", MEDIA_WEBHOOK_NETWORKS=NETWORKS) as server,
        working(place, receiver, log),
    ):
        put = server.ask("PUT", "/webhook", backend(), json={"url": receiver.url, "events": ["asset.failed"]})
        assert put.status_code == 201 and put.headers["cache-control"] == "private, no-store"
        secret = put.json()["secret"]
        assert secret.startswith("whsec_") and "secret" not in outcome()
        ping = server.ask("POST", "/webhook/test", backend())
        assert ping.status_code == 202
        until(lambda: bool(outcome()["last_success"]))
        asset = place.uploaded(letter(tmp_path))
        until(lambda: len(receiver.got) == 2)
        assert receiver.messages == [ping.json()["id"], f"msg_asset_failed_{asset.id}"]
        assert [got.said["type"] for got in receiver.got] == ["ping", "asset.failed"]
        assert all(got.verified(secret) for got in receiver.got)
        receiver.answers = [500]
        server.ask("POST", "/webhook/test", backend())
        until(lambda: bool(outcome()["last_failure"]))
        assert outcome()["last_failure"]["status"] == "the receiver answered 500"
    logs = log.read_text() + (tmp_path / "server.log").read_text()
    assert '"outcome": "delivered"' in logs and asset.id in logs
    assert all(word not in logs for word in (secret.removeprefix("whsec_"), "of-their-own", "v1,"))


def test_a_tenant_sees_its_own_webhook_only(place: Place, server: Server) -> None:
    body = {"url": "https://hooks.example/acme", "events": [*ALL]}
    made = server.ask("PUT", "/webhook", backend(), json=body).json()
    assert (made["url"], made["events"], made["off"], made["last_success"], made["last_failure"]) == (body["url"], [*ALL], "", None, None)
    for method, path in (("GET", "/webhook"), ("DELETE", "/webhook"), ("POST", "/webhook/test")):
        assert server.ask(method, path, backend("bloom")).status_code == 404
        for token in ("", session("acme", str(uuid.uuid4()), 60)):
            assert server.ask(method, path, token).status_code == 401
    assert server.ask("PUT", "/webhook", "", json=body).status_code == 401
    again = server.ask("PUT", "/webhook", backend(), json={"url": "https://hooks.example/other"})
    assert again.status_code == 200 and "secret" not in again.json() and again.json()["events"] == [*ALL]
    rotated = server.ask("PUT", "/webhook", backend(), json={**body, "rotate": True})
    assert rotated.status_code == 200 and rotated.json()["secret"] != made["secret"]
    assert server.ask("GET", "/webhook", backend()).json()["url"] == body["url"]
    assert [*place.objects()] == ["webhooks/acme.json"]
    Webhooks(place.clients.s3, "media", place.wrapper).note("acme", body["url"], off="it is gone")
    assert server.ask("POST", "/webhook/test", backend()).status_code == 409
    assert server.ask("DELETE", "/webhook", backend()).status_code == 204
    assert server.ask("GET", "/webhook", backend()).status_code == 404 and not place.objects()
    for body, said in (
        ({}, "`url` is a text"),
        ({"url": 5}, "`url` is a text"),
        ({"url": "http://hooks.example/"}, "`url` begins with https://"),
        ({"url": "https://hooks.example:8443/"}, "the port of `url` is 443"),
        ({"url": "https://hooks.example/", "events": []}, "`events` is a list of some of asset.ready, asset.failed"),
        ({"url": "https://hooks.example/", "events": ["ping"]}, "`events` is a list of some of"),
        ({"url": "https://hooks.example/", "events": [["asset.ready"]]}, "`events` is a list of some of"),
        ({"url": "https://hooks.example/", "rotate": "yes"}, "`rotate` is true or false"),
    ):
        answer = server.ask("PUT", "/webhook", backend(), json=body)
        assert answer.status_code == 400 and said in answer.json()["title"], body
    assert not place.objects()


def letter(home: Path) -> Path:
    """What is no video."""
    source = home / "letter.mp4"
    source.write_bytes(b"Dear Sir or Madam, " * 1000)
    return source
