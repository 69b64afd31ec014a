"""Where an asset's objects go in S3, and where its upload comes from."""

from __future__ import annotations

import base64
import io
from typing import Any

from botocore.exceptions import ClientError

from .aws import code
from .package import Stored
from .records import Range, part_of, parts
from .video.playlists import TYPES

FOREVER = "max-age=31536000, immutable"
"""Of segments: what is at a path never changes."""

WHILE = "max-age=60"
"""Of what tells players of them: made anew where a job is done again with more to offer."""

KEPT_PARTS = 2


def content_type(path: str) -> str:
    """Return the content type of an object."""
    return TYPES.get(_suffix(path), "application/octet-stream")


def kept_for(path: str) -> str:
    """Return how long an object may be kept by whoever has got it, as `Cache-Control` says it."""
    return WHILE if _suffix(path) in ("m3u8", "mpd") else FOREVER


def _suffix(path: str) -> str:
    return path.rpartition(".")[2]


class Bucket:
    """A `Store` in a bucket. What was there when it was opened is known from one listing; who opens it is the only one who writes.

    Args:
        s3: A region's client.
        bucket: Its name.
        prefix: Of the asset's objects, with a slash behind.
    """

    def __init__(self, s3: Any, bucket: str, prefix: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._prefix = prefix
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        self._there = {each["Key"].removeprefix(prefix) for page in pages for each in page.get("Contents", ())}

    def find(self, path: str) -> Stored | None:
        """See `Store`."""
        if path not in self._there:
            return None
        try:
            found = self._s3.head_object(Bucket=self._bucket, Key=self._prefix + path, ChecksumMode="ENABLED")
        except ClientError as error:
            if code(error) in ("404", "NoSuchKey", "NotFound"):
                return None
            raise
        checksum = found.get("ChecksumSHA256")
        return Stored(found["ContentLength"], base64.b64decode(checksum).hex()) if checksum else None

    def put(self, path: str, data: bytes | memoryview, sha256: str) -> None:
        """See `Store`."""
        self._s3.put_object(
            Bucket=self._bucket,
            Key=self._prefix + path,
            Body=io.BytesIO(data),
            ChecksumAlgorithm="SHA256",
            ChecksumSHA256=base64.b64encode(bytes.fromhex(sha256)).decode(),
            ContentType=content_type(path),
            CacheControl=f"public, {kept_for(path)}",
        )
        self._there.add(path)


class Uploaded:
    """An upload's object, read part by part: a cell asks for little at a time, one piece behind the other.

    Args:
        s3: A region's client.
        bucket, key: Where it is.
        length: Bytes of the file that was sealed in it.
    """

    def __init__(self, s3: Any, bucket: str, key: str, length: int) -> None:
        self._s3 = s3
        self._bucket, self._key = bucket, key
        self._parts = [part_of(number, length) for number in range(parts(length))]
        self._kept: dict[int, bytes] = {}

    def fetch(self, where: Range) -> bytes:
        """Return a range of the object, which lies in one part."""
        number = where.begin // self._parts[0].end
        part = self._parts[number]
        data = self._kept.get(number) or self._read(number)
        return data[where.begin - part.begin : where.end - part.begin]

    def _read(self, number: int) -> bytes:
        part = self._parts[number]
        said = f"bytes={part.begin}-{part.end - 1}"
        data: bytes = self._s3.get_object(Bucket=self._bucket, Key=self._key, Range=said)["Body"].read()
        while len(self._kept) >= KEPT_PARTS:
            del self._kept[next(iter(self._kept))]
        self._kept[number] = data
        return data


def delete_below(s3: Any, bucket: str, prefix: str) -> None:
    """Delete all objects of a bucket below a prefix."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    for page in pages:  # of a thousand objects, as many as can be deleted at once
        if found := [{"Key": each["Key"]} for each in page.get("Contents", ())]:
            s3.delete_objects(Bucket=bucket, Delete={"Objects": found, "Quiet": True})
