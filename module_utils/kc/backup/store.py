"""Where backups are kept: a prefix of a bucket.

<prefix>/<shelf>/<name>.json    a manifest: what makes a backup whole, written last and deleted first
<prefix>/parts/<sha256>         what it needs, an object each, named by what is in it: what several need is there once
"""

from __future__ import annotations

import datetime
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, Self, TypeVar

from ..aws.session import Aws, Connection
from ..errors import KcError
from ..sql.report import Params

PIECE = 64 << 20
"""Bytes that are sent in one call; larger archives go in pieces of at least this."""

PIECES = 10_000
"""Pieces of an object at most (S3 user guide, Amazon S3 multipart upload limits)."""

WORKERS = 4
"""Objects that are sent or fetched at a time."""

READ = 1 << 20
"""Bytes that are read at a time."""

AT_ONCE = 1000
"""Objects that are deleted with one call at most (S3 API, DeleteObjects)."""

GRACE = datetime.timedelta(days=2)
"""How old an archive that no manifest names has to be before it goes: another run may just be about to name it."""

WRONG_KEYS = ("InvalidAccessKeyId", "SignatureDoesNotMatch", "AccessDenied", "403")


class Kept(Protocol):
    """A manifest."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def objects(self) -> Set[str]:
        """The objects below `parts/` that it needs."""

    def text(self) -> str:
        """Return it as JSON."""


M = TypeVar("M", bound=Kept)


@dataclass(frozen=True)
class Shelf(Generic[M]):
    """Manifests of one kind.

    Attributes:
        folder: Where they are.
        names: What they are called: nothing else counts.
        parse: Reads one; its second argument is where it was found, for errors.
        word: What one is, for errors.
    """

    folder: str
    names: re.Pattern[str]
    parse: Callable[[bytes, str], M]
    word: str = "backup"


class Store(Generic[M]):
    """Backups of one kind.

    Every error is a `KcError` that names the bucket or the object.
    """

    def __init__(self, aws: Aws, bucket: str, prefix: str, shelf: Shelf[M]) -> None:
        self.aws = aws
        self.bucket = bucket
        self.prefix = prefix.strip("/")
        self.shelf = shelf
        if not self.prefix:
            raise KcError(
                "`prefix` is empty", hint="give these backups a part of the bucket that is their own, such as clickhouse/platform"
            )

    @classmethod
    def of(cls, params: Params, shelf: Shelf[M]) -> Self:
        """Return what a module's options name (`options.STORE`)."""
        given = {key: each for key, each in (params.get("aws") or {}).items() if each is not None}
        return cls(Aws(Connection(**given), params["region"]), params["bucket"], params["prefix"], shelf)

    @property
    def where(self) -> str:
        """Where it is, for people."""
        return f"s3://{self.bucket}/{self.prefix}"

    def key(self, *parts: str) -> str:
        """Return an object's key."""
        return "/".join((self.prefix, *parts))

    def url(self, *parts: str) -> str:
        """Return where an object is, as a server is told."""
        return f"https://{self.bucket}.s3.{self.aws.region}.amazonaws.com/{self.key(*parts)}"

    def names(self) -> list[str]:
        """Return the names of the whole backups, oldest first."""
        begin = self.key(self.shelf.folder, "")
        found = (item["Key"].removeprefix(begin).partition(".json") for item in self._list(begin))
        return sorted(name for name, end, more in found if end and not more and self.shelf.names.fullmatch(name))

    def find(self, name: str) -> M:
        """Return the manifest of a backup; of the newest where no name is given.

        Raises:
            KcError: There is none of this name.
        """
        names = self.names()  # a role that lists nothing but its own is told 403 of what is not there
        name = name or (names[-1] if names else "latest")
        if name not in names:
            hint = f"whole ones are {', '.join(names[-5:])}" if names else "none is whole yet"
            raise KcError(f"there is no {self.shelf.word} {name!r} at {self.where}", hint=hint)
        return self.read([name])[0]

    def read(self, names: Iterable[str]) -> list[M]:
        """Return the manifests of backups that are there, in this order."""

        def one(name: str) -> M:
            key = self._manifest(name)
            found = self._told(lambda: self.aws.call("s3", "get_object", Bucket=self.bucket, Key=key))
            return self.shelf.parse(found["Body"].read(), f"s3://{self.bucket}/{key}")

        with ThreadPoolExecutor(WORKERS) as pool:
            return list(pool.map(one, names))

    def write(self, manifests: Sequence[M]) -> None:
        """Make backups whole, in this order.

        Raises:
            KcError: One of their archives is not there.
        """
        if manifests:
            self.whole(manifests)
        for manifest in manifests:
            body, key = manifest.text().encode(), self._manifest(manifest.name)
            about = {"Bucket": self.bucket, "Key": key, "Body": body, "ContentType": "application/json"}
            self._told(lambda about=about: self.aws.call("s3", "put_object", **about))

    def archives(self) -> dict[str, datetime.datetime]:
        """Return the archives that are there, and since when."""
        begin = self.key("parts", "")
        return {item["Key"].removeprefix(begin): item["LastModified"] for item in self._list(begin)}

    def put(self, name: str, pieces: Iterable[bytes], size: int) -> None:
        """Keep an archive of `size` bytes. It is there as a whole or not at all.

        What a run that ends meanwhile has sent of it goes by the bucket's lifecycle rule.
        """
        where = {"Bucket": self.bucket, "Key": self.key("parts", name)}
        if size <= PIECE:
            body = b"".join(pieces)
            self._told(lambda: self.aws.call("s3", "put_object", **where, Body=body))
            return
        upload = self._told(lambda: self.aws.call("s3", "create_multipart_upload", **where))["UploadId"]
        sent = []
        for number, piece in enumerate(_gathered(pieces, max(PIECE, -(-size // PIECES))), start=1):
            answer = self.aws.call("s3", "upload_part", **where, UploadId=upload, PartNumber=number, Body=piece)
            sent.append({"PartNumber": number, "ETag": answer["ETag"]})
        self.aws.call("s3", "complete_multipart_upload", **where, UploadId=upload, MultipartUpload={"Parts": sent})

    def get(self, name: str) -> Reader:
        """Return an archive, for reading."""
        key = self.key("parts", name)
        found = self._told(lambda: self.aws.call("s3", "get_object", Bucket=self.bucket, Key=key))
        return Reader(found["Body"], f"s3://{self.bucket}/{key}", name)

    def whole(self, manifests: Iterable[M]) -> None:
        """See that all archives of backups are there.

        Raises:
            KcError: One is not.
        """
        there = self.archives().keys()
        for manifest in manifests:
            if gone := sorted(manifest.objects - there):
                raise KcError(
                    f"s3://{self.bucket}/{self.key('parts', gone[0])} is not there, and the {self.shelf.word} {manifest.name} needs it",
                    hint="what was deleted stays in the bucket for a time as an older version, and in the other region's bucket",
                )

    def drop(self, names: Iterable[str]) -> None:
        """Delete manifests; what they needed is no longer theirs."""
        self.delete(map(self._manifest, names))

    def sweep(self, needed: Set[str]) -> int:
        """Delete the archives that no backup needs, and return how many: not the young, which a run may just be about to name."""
        before = datetime.datetime.now(datetime.UTC) - GRACE
        loose = [self.key("parts", name) for name, since in self.archives().items() if name not in needed and since <= before]
        self.delete(loose)
        return len(loose)

    def keys(self, *parts: str) -> list[str]:
        """Return the objects below one of the prefix's own."""
        return [item["Key"] for item in self._list(self.key(*parts, ""))]

    def _manifest(self, name: str) -> str:
        return self.key(self.shelf.folder, f"{name}.json")

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects."""
        todo = sorted(keys)
        for first in range(0, len(todo), AT_ONCE):
            objects = [{"Key": key} for key in todo[first : first + AT_ONCE]]
            answer = self._told(
                lambda objects=objects: self.aws.call(
                    "s3", "delete_objects", Bucket=self.bucket, Delete={"Objects": objects, "Quiet": True}
                )
            )
            for error in answer.get("Errors") or []:
                raise KcError(
                    f"s3://{self.bucket}/{error['Key']} can't be deleted: {error.get('Code')}", hint="may this role delete there?"
                )

    def _list(self, begin: str) -> list[Any]:
        return list(self._told(lambda: self.aws.pages("s3", "list_objects_v2", "Contents", Bucket=self.bucket, Prefix=begin)))

    def _told(self, call: Any) -> Any:
        """Return what a call does; where the bucket or the keys are the reason that it can't, the error says so."""
        try:
            return call()
        except KcError as error:
            if error.code == "NoSuchBucket":
                raise KcError(
                    f"`bucket`: there is no bucket {self.bucket}",
                    hint="the unit `storage` makes buckets (kc_storage_buckets)",
                    code=error.code,
                ) from None
            if error.code in WRONG_KEYS:
                raise KcError(
                    f"S3 does not let this node use {self.where}: {error.code}",
                    hint="look at the keys in `aws`, or at the role of the node's instance: it may use its own prefix only",
                    code=error.code,
                ) from None
            raise


class Sent:
    """What a store has of archives, and what it got of this run.

    Attributes:
        there: Names of those that it has.
        sizes: Bytes, by name, of those that it got.
    """

    def __init__(self, store: Store[Any]) -> None:
        self.store = store
        self.there = set(store.archives())
        self.sizes: dict[str, int] = {}

    def keep(self, content: Callable[[], Iterable[bytes]]) -> tuple[str, int]:
        """Have the store keep what comes in pieces, each time anew; return what that is called there, and its bytes."""
        name, size = digest(content())
        if name not in self.there:
            self.store.put(name, content(), size)
            self.there.add(name)
            self.sizes[name] = size
        return name, size


class Reader:
    """An archive that is read once, from its begin to its end."""

    def __init__(self, body: Any, where: str, name: str) -> None:
        self.body = body
        self.where = where
        self.name = name
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """Return what comes next.

        Raises:
            KcError: The connection was lost.
        """
        from botocore.exceptions import BotoCoreError

        try:
            found = bytes(self.body.read(size if size >= 0 else None))
        except (BotoCoreError, OSError) as error:
            raise KcError(f"{self.where} can't be read to its end: {error}", hint="run again", transient=True) from None
        self.digest.update(found)
        return found

    def whole(self) -> bool:
        """Whether all of it, to its end, is what it is named by."""
        while self.read(READ):
            pass
        return self.digest.hexdigest() == self.name


def pieces(path: Path) -> Iterator[bytes]:
    """Yield a file's bytes."""
    with path.open("rb") as file:
        while found := file.read(READ):
            yield found


def digest(pieces: Iterable[bytes]) -> tuple[str, int]:
    """Return the SHA-256 of what comes in pieces, by which it is kept, and how many bytes it has."""
    found, size = hashlib.sha256(), 0
    for piece in pieces:
        found.update(piece)
        size += len(piece)
    return found.hexdigest(), size


def _gathered(pieces: Iterable[bytes], size: int) -> Iterator[bytes]:
    """Yield the same bytes in pieces of `size`, the last one as it comes."""
    held = bytearray()
    for piece in pieces:
        held += piece
        while len(held) >= size:
            yield bytes(held[:size])
            del held[:size]
    if held:
        yield bytes(held)
