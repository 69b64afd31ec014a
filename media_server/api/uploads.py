"""Resumable uploads: tus 1.0 (core, creation, termination) over a multipart upload of S3. Nothing of a file is kept here.

What a browser sends is sealed as it comes and passed on to S3, one part behind the other; a part that breaks off is not there, and is sent
again. The offset is what S3 has. So any server may go on with any upload.
"""

from __future__ import annotations

import base64
import os
import ssl
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from itertools import takewhile
from typing import Any

import httpx
from botocore.exceptions import ClientError
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from ..assets import QUEUED, WAITING, Asset, Assets, Missing
from ..aws import code
from ..records import PART, Range, Sealer, part_of, parts
from ..wrap import Wrapper
from . import metrics

VERSION = "1.0.0"
SECONDS = 300
"""To pass on a part."""


class Conflict(Exception):
    """An upload is somewhere else than was said, or not to be gone on with; the text says why."""


class Broken(Exception):
    """S3 did not take a part."""


class Uploads:
    """The uploads of a region.

    Args:
        s3: Its client.
        bucket: Where uploads go.
        assets: Records.
        wrapper: Opens roots.
        order: Orders the job of a complete one, by its tenant and asset.
    """

    def __init__(self, s3: Any, bucket: str, assets: Assets, wrapper: Wrapper, order: Callable[[str, str], None]) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._assets = assets
        self._wrapper = wrapper
        self._order = order
        trusted = os.environ.get("AWS_CA_BUNDLE")
        context = ssl.create_default_context(cafile=trusted)
        self._http = httpx.AsyncClient(timeout=httpx.Timeout(SECONDS, connect=2), verify=context)

    def create(self, asset: Asset) -> Asset:
        """Begin an upload: of an asset without a root yet. Return its record."""
        _, wrapped = self._wrapper.new(asset.tenant, uuid.UUID(asset.id))
        begun = self._s3.create_multipart_upload(Bucket=self._bucket, Key=asset.path)
        return self._assets.create(replace(asset, wrapped=base64.b64encode(wrapped).decode(), upload=begun["UploadId"]))

    def offset(self, asset: Asset) -> int:
        """Return how many bytes of a file are there. What is complete, and was not ordered, is put together and ordered.

        Raises:
            Missing: S3 has forgotten the upload.
        """
        if asset.state != WAITING:
            return asset.length
        found = self._parts(asset)
        if found is None or len(found) == parts(asset.length):
            self._finish(asset, found)
            return asset.length
        return len(found) * PART

    async def send(self, asset: Asset, offset: int, length: int | None, body: AsyncIterator[bytes]) -> int:
        """Take bytes of a file; return how many are there then.

        Args:
            asset: Whose upload.
            offset: Where the bytes begin.
            length: How many there are, if it was said.
            body: They, as they come.

        Raises:
            Conflict: They begin elsewhere, or are too few for a part.
            Broken: S3 did not take them.
        """
        here = await run_in_threadpool(self.offset, asset)
        if offset != here or asset.state != WAITING:
            raise Conflict(f"the upload is at byte {here}, not at {offset}")
        if length is not None and length < min(PART, asset.length - offset):
            raise Conflict(f"{length} bytes are too few: S3 takes parts of {PART} bytes, so let a request have as many or all that is left")
        keys = await run_in_threadpool(self._wrapper.open, asset.tenant, uuid.UUID(asset.id), asset.root)
        stream = _Stream(body)
        while here < asset.length and not await stream.ends():
            wanted = min(PART, asset.length - here)
            if not await self._part(asset, keys.upload, here // PART, wanted, stream):
                break
            here += wanted
            metrics.UPLOADED.inc(wanted)
        return await run_in_threadpool(self.offset, asset) if here == asset.length else here

    def end(self, asset: Asset) -> None:
        """Give up an upload, and what is there of it."""
        if asset.upload:
            try:
                self._s3.abort_multipart_upload(Bucket=self._bucket, Key=asset.path, UploadId=asset.upload)
            except ClientError as error:
                if code(error) != "NoSuchUpload":
                    raise
        self._s3.delete_object(Bucket=self._bucket, Key=asset.path)
        metrics.UPLOADS.labels("ended").inc()

    def _finish(self, asset: Asset, found: list[dict[str, Any]] | None) -> None:
        """Put a complete upload together, of its parts, if nobody has; and order it. Done again, it does what is missing."""
        if found is not None:
            together = {"Parts": [{"PartNumber": each["PartNumber"], "ETag": each["ETag"]} for each in found]}
            try:
                self._s3.complete_multipart_upload(Bucket=self._bucket, Key=asset.path, UploadId=asset.upload, MultipartUpload=together)
            except ClientError as error:
                if code(error) != "NoSuchUpload":  # another server was quicker
                    raise
        self._order(asset.tenant, asset.id)
        self._assets.change(asset.tenant, asset.id, _queued)
        metrics.UPLOADS.labels("complete").inc()

    def _parts(self, asset: Asset) -> list[dict[str, Any]] | None:
        """Return the parts that are there, from the first without a gap; None: they have been put together."""
        pages = self._s3.get_paginator("list_parts").paginate(Bucket=self._bucket, Key=asset.path, UploadId=asset.upload)
        try:
            found = [each for page in pages for each in page.get("Parts", ())]
        except ClientError as error:
            if code(error) != "NoSuchUpload":
                raise
            self._together(asset)
            return None
        numbered = enumerate(found)
        return [each for number, each in takewhile(lambda pair: _is_whole(*pair, asset.length), numbered)]

    def _together(self, asset: Asset) -> None:
        try:
            self._s3.head_object(Bucket=self._bucket, Key=asset.path)
        except ClientError as error:
            if code(error) in ("404", "NoSuchKey", "NotFound"):
                raise Missing(asset.id) from None
            raise

    async def _part(self, asset: Asset, key: bytes, number: int, wanted: int, stream: _Stream) -> bool:
        """Pass a part on as it comes; return whether all of it came. S3 forgets what breaks off."""
        where = {"Bucket": self._bucket, "Key": asset.path, "UploadId": asset.upload, "PartNumber": number + 1}
        url = self._s3.generate_presigned_url("upload_part", Params=where, ExpiresIn=2 * SECONDS)
        sealer = Sealer(key, number)

        async def sealed() -> AsyncIterator[bytes]:
            left = wanted
            while left:
                piece = await stream.next(left)
                left -= len(piece)
                if ready := sealer.feed(piece):
                    yield ready
            if rest := sealer.end():
                yield rest

        length = _length(part_of(number, asset.length))
        try:
            answer = await self._http.put(url, content=sealed(), headers={"Content-Length": str(length)})
        except _Ended:
            return False
        except httpx.HTTPError as error:
            raise Broken(f"part {number + 1} could not be passed on: {type(error).__name__}: {error}") from None
        if answer.status_code != 200:
            raise Broken(f"S3 answered {answer.status_code} to part {number + 1}")
        return True


class _Ended(Exception):
    """Whoever sends has stopped."""


class _Stream:
    """A request's body, to be had in pieces of a size.

    Args:
        body: Its pieces as they come.
    """

    def __init__(self, body: AsyncIterator[bytes]) -> None:
        self._body = body
        self._rest = memoryview(b"")

    async def ends(self) -> bool:
        """Return whether nothing more comes."""
        try:
            while not self._rest:
                self._rest = memoryview(await anext(self._body))
        except (StopAsyncIteration, ClientDisconnect):
            return True
        return False

    async def next(self, most: int) -> bytes:
        """Return some bytes, one at least.

        Raises:
            _Ended: None come any more.
        """
        if await self.ends():
            raise _Ended
        found, self._rest = bytes(self._rest[:most]), self._rest[most:]
        return found


def _is_whole(number: int, part: dict[str, Any], length: int) -> bool:
    return bool(part["PartNumber"] == number + 1 and part["Size"] == _length(part_of(number, length)))


def _queued(asset: Asset) -> Asset | None:
    return replace(asset, state=QUEUED, upload="") if asset.state == WAITING else None


def _length(where: Range) -> int:
    return where.end - where.begin
