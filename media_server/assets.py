"""Assets: their records, as objects in the bucket that their segments are in. A record is changed only if it is the one that was read."""

from __future__ import annotations

import base64
import json
import re
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from .aws import code
from .captions.track import Track
from .conditional import ATTEMPTS, put_if
from .video.offer import Offer

TENANT = re.compile(r"[a-z][a-z0-9-]{0,30}")
"""What a tenant may be called: what the inventory calls it."""

WAITING, QUEUED, WORKING, READY, FAILED = "waiting", "queued", "working", "ready", "failed"
"""States: its upload is not complete · a job is ordered · a worker has it · it can be played · it can't, and `reason` says why."""

READERS = 16
"""Records that are read side by side."""


class Missing(Exception):
    """There is no such asset of this tenant."""


class Changed(Exception):
    """Somebody else changes it all the time."""


@dataclass(frozen=True)
class Asset:
    """An asset's record.

    Attributes:
        id: Its UUID.
        tenant: Whose.
        title: What people call it.
        length: Bytes of its file.
        wrapped: Its root (wrap.py), base64.
        offers: What is to be made.
        state: One of the states.
        reason: Why it failed.
        upload: S3's id of the multipart upload, while it is waiting.
        plan: What is made of it (cell/coding.py); empty: nobody has looked at it yet.
        done, total: Segments, of all profiles.
        seconds: It lasts.
        captions: What was put beside it, by language.
        created, changed: ISO 8601, UTC.
    """

    id: str
    tenant: str
    title: str
    length: int
    wrapped: str
    offers: tuple[Offer, ...]
    state: str = WAITING
    reason: str = ""
    upload: str = ""
    plan: dict[str, Any] = field(default_factory=dict)
    done: int = 0
    total: int = 0
    seconds: float = 0.0
    captions: tuple[Track, ...] = ()
    created: str = ""
    changed: str = ""

    @property
    def root(self) -> bytes:
        """Its root, wrapped."""
        return base64.b64decode(self.wrapped)

    @property
    def path(self) -> str:
        """Where its objects are, in every bucket."""
        return f"{self.tenant}/{self.id}"


def now() -> str:
    """Return the time as records have it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class Assets:
    """The records of a bucket.

    Args:
        s3: A region's client.
        bucket: Its name.
    """

    def __init__(self, s3: Any, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def create(self, asset: Asset) -> Asset:
        """Keep a new asset; return it."""
        asset = replace(asset, created=now(), changed=now())
        self._s3.put_object(Bucket=self._bucket, Key=_key(asset.tenant, asset.id), Body=_encode(asset), IfNoneMatch="*", ContentType=_JSON)
        return asset

    def get(self, tenant: str, asset: str) -> Asset:
        """Return an asset.

        Raises:
            Missing: There is none.
        """
        return self._read(tenant, asset)[0]

    def all_of(self, tenant: str) -> list[Asset]:
        """Return a tenant's assets."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=_key(tenant, ""))
        keys = [each["Key"] for page in pages for each in page.get("Contents", ())]
        names = [key.removeprefix(_key(tenant, "")).removesuffix(_SUFFIX) for key in keys]
        with ThreadPoolExecutor(READERS, "assets") as pool:
            return [each for each in pool.map(lambda name: self._there(tenant, name), names) if each is not None]

    def manifest(self, asset: Asset) -> bytes:
        """Return an asset's manifest as it is kept.

        Raises:
            Missing: There is none.
        """
        return self._object(manifest_of(asset), asset.id)[0]

    def keep_manifest(self, asset: Asset, data: bytes) -> None:
        """Keep an asset's manifest."""
        self._s3.put_object(Bucket=self._bucket, Key=manifest_of(asset), Body=data, ContentType=_JSON)

    def keep_captions(self, asset: Asset, track: Track, sealed: bytes) -> None:
        """Keep captions that were sealed; its record has still to tell of them."""
        self._s3.put_object(
            Bucket=self._bucket, Key=f"{captions_of(asset)}{track.path}", Body=sealed, ContentType="application/octet-stream"
        )

    def captions(self, asset: Asset, track: Track) -> bytes:
        """Return captions as they are kept: sealed.

        Raises:
            Missing: There are none of this name.
        """
        return self._object(f"{captions_of(asset)}{track.path}", asset.id)[0]

    def made(self, asset: Asset, key: str) -> tuple[int, Callable[[int], bytes]]:
        """Return how many bytes something has that was made of an asset, and what reads so many of them.

        Raises:
            Missing: There is no such thing.
        """
        found = self._found(key, asset.id)
        return found["ContentLength"], found["Body"].read

    def change(self, tenant: str, asset: str, change: Callable[[Asset], Asset | None]) -> Asset:
        """Change an asset; nothing that somebody else wrote meanwhile is lost.

        Args:
            tenant, asset: Which.
            change: Returns what it shall be, or None to leave it; it may be asked several times.

        Raises:
            Missing: There is none.
            Changed: It is changed by others each time.
        """
        for _ in range(ATTEMPTS):
            found, tag = self._read(tenant, asset)
            wanted = change(found)
            if wanted is None or wanted == found:
                return found
            wanted = replace(wanted, changed=now())
            if put_if(self._s3, self._bucket, _key(tenant, asset), _encode(wanted), tag):
                return wanted
        raise Changed(f"asset {asset} was changed by others {ATTEMPTS} times in a row")

    def delete(self, tenant: str, asset: str) -> None:
        """Take a record away; what it is about is taken away before."""
        self._s3.delete_object(Bucket=self._bucket, Key=_key(tenant, asset))

    def _read(self, tenant: str, asset: str) -> tuple[Asset, str]:
        try:
            uuid.UUID(asset)
        except ValueError:
            raise Missing(asset) from None
        if not TENANT.fullmatch(tenant):
            raise Missing(asset)
        data, tag = self._object(_key(tenant, asset), asset)
        return _decode(data), tag

    def _there(self, tenant: str, asset: str) -> Asset | None:
        try:
            return self.get(tenant, asset)
        except Missing:
            return None  # deleted meanwhile

    def _object(self, key: str, asset: str) -> tuple[bytes, str]:
        found = self._found(key, asset)
        return found["Body"].read(), found["ETag"]

    def _found(self, key: str, asset: str) -> Any:
        try:
            return self._s3.get_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if code(error) in ("NoSuchKey", "404"):
                raise Missing(asset) from None
            raise


_JSON, _SUFFIX = "application/json", ".json"


def manifest_of(asset: Asset) -> str:
    """Return where an asset's signed manifest is: not where the edge serves it."""
    return f"manifests/{asset.path}{_SUFFIX}"


def captions_of(asset: Asset) -> str:
    """Return the prefix of an asset's captions: not where the edge serves them either, since only the server can open them."""
    return f"captions/{asset.path}/"


def _key(tenant: str, asset: str) -> str:
    # not below v/, which the edge serves
    return f"assets/{tenant}/{asset}{_SUFFIX if asset else ''}"


def _encode(asset: Asset) -> bytes:
    return json.dumps(asdict(asset), sort_keys=True).encode()


def _decode(data: bytes) -> Asset:
    said = json.loads(data)
    offers = tuple(Offer(**each) for each in said["offers"])
    captions = tuple(Track(**each) for each in said.get("captions", ()))  # older records have none
    return Asset(**{**said, "offers": offers, "captions": captions})
