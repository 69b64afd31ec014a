"""What the tests of the media server share."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import boto3
import httpx
import pytest

from lab.settings import ROOT, Settings
from media_server.assets import Asset
from media_server.aws import Clients
from tests import ports

from .place import HOME, OTHER, WAITS, Place
from .server import SECRET, Server, environment
from .videos import KINDS, VideoOf, made


@pytest.fixture(scope="session")
def video(tmp_path_factory: pytest.TempPathFactory) -> VideoOf:
    """A video of a kind."""
    top = tmp_path_factory.mktemp("videos")
    found: dict[str, Path] = {}

    def of(kind: str) -> Path:
        if kind not in found:
            more, suffix = KINDS[kind]
            found[kind] = made(top / f"{kind}.{suffix}", *more)
        return found[kind]

    return of


@pytest.fixture
def place(aws_api: str) -> Place:
    lab = Settings.load()
    words = {"region_name": HOME, "endpoint_url": aws_api, "aws_access_key_id": lab.access_key, "aws_secret_access_key": lab.secret_key}
    of = Clients(*(boto3.client(name, **words) for name in ("s3", "kms", "sqs")))
    for bucket in ("media", "uploads"):
        of.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": HOME})
    of.s3.put_bucket_versioning(Bucket="media", VersioningConfiguration={"Status": "Enabled"})
    key = of.kms.create_key(MultiRegion=True)["KeyMetadata"]["KeyId"]
    of.kms.replicate_key(KeyId=key, ReplicaRegion=OTHER)
    queue, dead = (of.sqs.create_queue(QueueName=name, Attributes=WAITS)["QueueUrl"] for name in ("jobs", "dead"))
    return Place(aws_api, of, key, queue, dead)


@pytest.fixture
def server(place: Place, tmp_path: Path) -> Iterator[Server]:
    port = ports.free()
    log = tmp_path / "server.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "media_server", "server"], cwd=ROOT, env=environment(place.environment, port), stdout=out, stderr=out
        )
    running = Server(f"http://127.0.0.1:{port}", log, process)
    try:
        deadline = time.monotonic() + 180
        while True:
            with contextlib.suppress(httpx.HTTPError):
                if running.ask("GET", "/readyz").status_code == 200:
                    break
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        yield running
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    assert SECRET not in log.read_text()


@pytest.fixture
def asset(place: Place, video: VideoOf) -> Asset:
    """An asset that can be played."""
    made = place.uploaded(video("mp4"))
    place.work()
    return place.assets.get("acme", made.id)
