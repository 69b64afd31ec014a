"""A region's AWS, with all that the media server needs of it: moto's, as the lab mends it."""

from __future__ import annotations

import base64
import hashlib
import os
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import boto3

from lab.settings import Settings
from media_server import settings
from media_server.assets import QUEUED, READY, Asset, Assets
from media_server.aws import Clients
from media_server.cell import coding
from media_server.jobs import Jobs, order
from media_server.manifest import Manifest, signed
from media_server.store import Bucket
from media_server.video.offer import Offer
from media_server.video.plan import Plan, Rendition
from media_server.where import EDGE, objects_of
from media_server.worker import Worker
from media_server.wrap import Wrapper

from .videos import CELL_USER, sealed

WAITS = {"VisibilityTimeout": "300"}
HOME, OTHER = "me-west-1", "eu-central-1"
OFFERS = (Offer("aes128", "ts"), Offer("cbcs", "fmp4"))
PLAN = Plan((Rendition("180p", 180, False, 320, 1_000_000, ("avc1.64000d",)),), (Fraction(0), Fraction(4)), Fraction(0), 1)


@dataclass
class Place:
    """A region's AWS, with all that a worker needs."""

    url: str
    clients: Clients
    key: str
    queue: str
    dead: str
    notices: str
    notices_dead: str

    @property
    def wrapper(self) -> Wrapper:
        return Wrapper(self.clients.kms, self.key)

    @property
    def assets(self) -> Assets:
        return Assets(self.clients.s3, "media")

    @property
    def jobs(self) -> Jobs:
        return Jobs(self.clients.sqs, self.queue, self.dead, attempts=2)

    @property
    def environment(self) -> dict[str, str]:
        """What programs are told, and nothing of this process's but where programs are."""
        lab = Settings.load()
        return {
            **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
            "AWS_REGION": HOME,
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": lab.access_key,
            "AWS_SECRET_ACCESS_KEY": lab.secret_key,
            "MEDIA_BUCKET": "media",
            "MEDIA_UPLOADS": "uploads",
            "MEDIA_KEY": self.key,
            "MEDIA_QUEUE": self.queue,
            "MEDIA_DEAD": self.dead,
            "MEDIA_NOTICES": self.notices,
            "MEDIA_NOTICES_DEAD": self.notices_dead,
            "MEDIA_ATTEMPTS": "2",
            "MEDIA_SLOTS": "1",
            "MEDIA_PERIOD": "1",
            "MEDIA_CELL_USER": str(CELL_USER),
        }

    def worker(self, slots: int = 1) -> Worker:
        return Worker(replace(settings.worker(self.environment), slots=slots), self.clients, threading.Event())

    def order(self, asset: Asset) -> None:
        order(self.clients.sqs, self.queue, asset.tenant, asset.id)

    def work(self, slots: int = 1) -> None:
        """Do one job."""
        job = self.jobs.take(0)
        assert job is not None
        self.worker(slots).work(job)

    def uploaded(self, source: Path, tenant: str = "acme", offers: tuple[Offer, ...] = OFFERS) -> Asset:
        """Have an asset whose upload is complete, with its job."""
        name = str(uuid.uuid4())
        _, wrapped = self.wrapper.new(tenant, uuid.UUID(name))
        made = Asset(name, tenant, "a video", source.stat().st_size, base64.b64encode(wrapped).decode(), offers, QUEUED)
        self.seal(made, source)
        made = self.assets.create(made)
        self.order(made)
        return made

    def published(self, objects: Mapping[str, bytes], plan: Plan = PLAN) -> Asset:
        """Have an asset that can be played, of these objects, as if a worker had made them."""
        name = str(uuid.uuid4())
        keys, wrapped = self.wrapper.new("acme", uuid.UUID(name))
        made = Asset(name, "acme", "objects", 1, base64.b64encode(wrapped).decode(), OFFERS, READY, plan=coding.encode(plan))
        hashes = {path: hashlib.sha256(data).hexdigest() for path, data in objects.items()}
        store = Bucket(self.clients.s3, "media", objects_of(made))
        for path, data in objects.items():
            store.put(path, data, hashes[path])
        self.assets.keep_manifest(made, signed(Manifest(name, hashes), keys.manifest))
        return self.assets.create(made)

    def begin_the_queue_anew(self) -> None:
        """Forget jobs that somebody has taken."""
        self.clients.sqs.delete_queue(QueueUrl=self.queue)
        self.queue = self.clients.sqs.create_queue(QueueName="jobs", Attributes=WAITS)["QueueUrl"]

    def make_anew(self, asset: Asset, source: Path, slots: int = 1) -> None:
        """Take away all that was made of an asset, and have it made by an undisturbed worker."""
        for key in self.made():
            self.clients.s3.delete_object(Bucket="media", Key=key)
        self.begin_the_queue_anew()
        self.seal(asset, source)
        self.assets.change(asset.tenant, asset.id, lambda found: replace(found, state=QUEUED, plan={}))
        self.order(asset)
        self.work(slots)

    def seal(self, asset: Asset, source: Path) -> None:
        """Put a file where uploads are, as an upload."""
        key = self.wrapper.open(asset.tenant, uuid.UUID(asset.id), asset.root).upload
        self.clients.s3.put_object(Bucket="uploads", Key=asset.path, Body=sealed(key, source.read_bytes()))

    def objects(self, bucket: str = "media") -> dict[str, bytes]:
        found = self.clients.s3.list_objects_v2(Bucket=bucket).get("Contents", [])
        return {each["Key"]: self.clients.s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read() for each in found}

    def made(self) -> dict[str, bytes]:
        """All that was made of assets."""
        return {key: data for key, data in self.objects().items() if key.startswith((EDGE, "manifests/"))}

    def put_aside(self) -> list[dict[str, Any]]:
        answer = self.clients.sqs.receive_message(QueueUrl=self.dead, MessageAttributeNames=["All"], MaxNumberOfMessages=10)
        return list(answer.get("Messages", []))

    def is_empty(self) -> bool:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        told = self.clients.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=names)["Attributes"]
        return all(told[name] == "0" for name in names)


def client(url: str, region: str, name: str) -> Any:
    """Return a client of a region's service."""
    lab = Settings.load()
    words = {"aws_access_key_id": lab.access_key, "aws_secret_access_key": lab.secret_key}
    return boto3.client(name, region_name=region, endpoint_url=url, **words)


def made_at(url: str) -> Place:
    """Make what the media server needs, at an AWS that is empty."""
    of = Clients(*(client(url, HOME, name) for name in ("s3", "kms", "sqs")))
    for bucket in ("media", "uploads"):
        of.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": HOME})
    of.s3.put_bucket_versioning(Bucket="media", VersioningConfiguration={"Status": "Enabled"})
    key = of.kms.create_key(MultiRegion=True)["KeyMetadata"]["KeyId"]
    of.kms.replicate_key(KeyId=key, ReplicaRegion=OTHER)
    queues = (of.sqs.create_queue(QueueName=name, Attributes=WAITS)["QueueUrl"] for name in ("jobs", "dead", "notices", "notices-dead"))
    return Place(url, of, key, *queues)
