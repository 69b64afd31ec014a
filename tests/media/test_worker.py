"""Workers against an AWS that is moto's, as the lab mends it: real SQS, KMS and S3 can't be had here. Cells and videos are real."""

from __future__ import annotations

import contextlib
import json
import random
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import boto3
import pytest

from lab.settings import ROOT, Settings
from media_server import manifest, settings
from media_server import worker as work
from media_server.assets import FAILED, READY, WAITING, Changed, Missing, manifest_of
from media_server.cell.client import Cell
from media_server.jobs import order
from media_server.package import package
from media_server.video.offer import Wanted
from media_server.video.plan import plan
from media_server.where import EDGE, PICTURES, key_uri, licence_uri
from media_server.wrap import Locked, Wrapper

from .directory import Directory
from .place import OFFERS, OTHER, Place
from .videos import USER, VideoOf


def test_an_asset_is_made_and_its_manifest_vouches_for_all_of_it(place: Place, video: VideoOf, tmp_path: Path) -> None:
    asset = place.uploaded(video("mp4"))
    place.work()
    found = place.assets.get("acme", asset.id)
    assert (found.state, found.reason, found.seconds) == (READY, "", 13.0)
    assert found.done == found.total > 0
    assert place.is_empty() and not place.objects("uploads"), "the upload is not needed any more"
    keys = place.wrapper.open("acme", uuid.UUID(asset.id), asset.root)
    made = place.objects()
    said = manifest.verified(made[manifest_of(asset)], asset.id, keys.manifest)
    prefix = f"{EDGE}{asset.path}/"
    served = {key.removeprefix(prefix): data for key, data in made.items() if key.startswith(EDGE)}
    assert {*served} == {*said.objects}
    assert all(said.vouches(path, data) for path, data in served.items())
    with Cell(video("mp4"), USER) as cell:
        by = plan(cell.probe(), period=1)
        objects: dict[str, str] = {}
        for offer in OFFERS:
            wanted = Wanted(offer, by, keys, key_uri(asset), licence_uri(asset))
            objects |= package([cell], [wanted], Directory(tmp_path))
    of_profiles = {path: sha256 for path, sha256 in said.objects.items() if not path.startswith(PICTURES)}
    assert objects == of_profiles, "each profile is as it is alone"


def test_several_cells_make_the_same_as_one(place: Place, video: VideoOf) -> None:
    asset = place.uploaded(video("mp4"))
    place.work()
    alone = place.made()
    place.make_anew(asset, video("mp4"), slots=3)
    assert place.made() == alone


def test_a_job_may_come_before_the_record_says_that_the_upload_is_complete(place: Place, video: VideoOf) -> None:
    asset = place.uploaded(video("mp4"), offers=OFFERS[:1])
    place.assets.change("acme", asset.id, lambda found: replace(found, state=WAITING, upload="an upload"))
    place.work()
    found = place.assets.get("acme", asset.id)
    assert (found.state, found.upload) == (READY, "")


def test_what_is_no_video_fails_with_its_reason_and_is_not_tried_again(place: Place, tmp_path: Path) -> None:
    source = tmp_path / "letter.mp4"
    source.write_bytes(b"Dear Sir or Madam, " * 1000)
    asset = place.uploaded(source)
    place.work()
    found = place.assets.get("acme", asset.id)
    assert found.state == FAILED and found.reason.startswith("it is no video in MP4")
    assert place.is_empty() and not place.put_aside() and not place.made()


def test_what_fails_again_and_again_is_put_aside_with_the_reason(place: Place, video: VideoOf) -> None:
    asset = place.uploaded(video("mp4"))
    place.clients.kms.disable_key(KeyId=place.key)
    place.assets.change("acme", asset.id, lambda found: replace(found, wrapped="AAAA"))
    for attempt in (1, 2):
        job = place.jobs.take(0)
        assert job is not None and job.attempt == attempt
        place.worker().work(job)
        if attempt == 1:
            assert place.assets.get("acme", asset.id).state == "working"
            place.jobs.again(job, 0)
    found = place.assets.get("acme", asset.id)
    assert found.state == FAILED and "in 2 attempts" in found.reason and "KMS does not open" in found.reason
    (aside,) = place.put_aside()
    assert json.loads(aside["Body"]) == {"tenant": "acme", "asset": asset.id}
    assert "KMS does not open" in aside["MessageAttributes"]["reason"]["StringValue"]
    assert place.is_empty()


def test_what_is_no_job_is_put_aside(place: Place) -> None:
    place.clients.sqs.send_message(QueueUrl=place.queue, MessageBody="hello")
    assert place.jobs.take(0) is None
    assert [aside["Body"] for aside in place.put_aside()] == ["hello"] and place.is_empty()


def test_the_job_of_an_asset_that_is_gone_is_over(place: Place) -> None:
    order(place.clients.sqs, place.queue, "acme", str(uuid.uuid4()))
    place.work()
    assert place.is_empty() and not place.put_aside()


def test_another_tenants_root_does_not_open(place: Place, video: VideoOf) -> None:
    asset = place.uploaded(video("mp4"))
    for tenant, name in (("bloom", asset.id), ("acme", str(uuid.uuid4()))):
        with pytest.raises(Locked):
            place.wrapper.open(tenant, uuid.UUID(name), asset.root)
    with pytest.raises(Missing):
        place.assets.get("bloom", asset.id)
    for tenant, name in (("acme/../bloom", asset.id), ("acme", "../x"), ("", asset.id), ("acme", "")):
        with pytest.raises(Missing):
            place.assets.get(tenant, name)


def test_the_other_region_opens_a_root_by_itself_and_a_root_is_wrapped_anew(place: Place, video: VideoOf) -> None:
    asset = place.uploaded(video("mp4"))
    lab = Settings.load()
    words = {"region_name": OTHER, "endpoint_url": place.url, "aws_access_key_id": lab.access_key, "aws_secret_access_key": lab.secret_key}
    there = Wrapper(boto3.client("kms", **words), place.key)
    keys = place.wrapper.open("acme", uuid.UUID(asset.id), asset.root)
    assert there.open("acme", uuid.UUID(asset.id), asset.root).root == keys.root
    again = place.wrapper.again("acme", uuid.UUID(asset.id), asset.root)
    assert again != asset.root
    assert there.open("acme", uuid.UUID(asset.id), again).root == keys.root


def test_changes_of_a_record_that_meet_are_both_kept(place: Place, video: VideoOf) -> None:
    asset = place.uploaded(video("mp4"))

    def count() -> None:
        for _ in range(5):
            with contextlib.suppress(Changed):
                place.assets.change("acme", asset.id, lambda found: replace(found, done=found.done + 1))
                done.append(1)

    done: list[int] = []
    threads = [threading.Thread(target=count) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert place.assets.get("acme", asset.id).done == len(done) > 0


def program(place: Place) -> subprocess.Popen[str]:
    environment = place.environment | {"MEDIA_SLOTS": "2"}
    return subprocess.Popen([sys.executable, "-m", "media_server", "worker"], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)


def until(condition: Callable[[], bool], seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_worker_that_is_to_end_gives_back_what_it_has(place: Place, video: VideoOf) -> None:
    asset = place.uploaded(video("mp4"))
    with program(place) as worker:
        until(lambda: len(place.made()) >= 2)
        worker.send_signal(signal.SIGTERM)
        said, _ = worker.communicate(timeout=60)
        assert worker.returncode == 0, said
    before = place.made()
    if place.assets.get("acme", asset.id).state != READY:
        assert "is given back" in said
        place.work()
    assert place.assets.get("acme", asset.id).state == READY
    assert before.items() <= place.made().items()


def test_a_worker_waits_while_the_queue_does_not_answer(place: Place, video: VideoOf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "UNANSWERED_SECONDS", 0.1)
    asset, queue, stop = place.uploaded(video("mp4")), place.queue, threading.Event()
    gone = work.Worker(replace(settings.worker(place.environment), queue=f"{place.url}/123456789012/none"), place.clients, stop)
    thread = threading.Thread(target=gone.run)
    thread.start()
    time.sleep(0.5)
    assert thread.is_alive() and place.assets.get("acme", asset.id).state == "queued"
    gone._jobs._queue = queue
    until(lambda: place.assets.get("acme", asset.id).state == READY)
    stop.set()
    thread.join(60)
    assert not thread.is_alive()


KILLS = [pytest.param(seed, marks=[] if seed < 3 else pytest.mark.soak) for seed in range(100)]


@pytest.mark.parametrize("seed", KILLS)
def test_killed_at_any_moment_the_next_makes_what_is_missing(place: Place, video: VideoOf, seed: int) -> None:
    """Objects are those of an undisturbed run, and none that was there is written again."""
    offers, total = [(OFFERS[:1], 5), (OFFERS[1:], 18), (OFFERS, 22)][seed % 3]
    asset = place.uploaded(video("mp4"), offers=offers)
    chance = random.Random(seed)  # noqa: S311
    with program(place) as worker:
        there = chance.randrange(total)
        until(lambda: len(place.made()) >= there)
        time.sleep(chance.random() * 0.05)
        worker.kill()
        worker.communicate()
    there_then = place.made()
    if place.assets.get("acme", asset.id).state != READY:
        place.begin_the_queue_anew()
        place.order(asset)
        place.work()
    assert place.assets.get("acme", asset.id).state == READY
    disturbed = place.made()
    assert there_then.items() <= disturbed.items()
    versions = place.clients.s3.list_object_versions(Bucket="media", Prefix=EDGE)["Versions"]
    assert sorted(each["Key"] for each in versions) == sorted(key for key in disturbed if key.startswith(EDGE)), "each was put once"
    place.make_anew(asset, video("mp4"))
    assert place.made() == disturbed
