"""Where journals are kept: objects below a prefix of a bucket, none of which is ever written twice."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from ..aws.session import Aws
from ..errors import KcError
from .journal import Entry, Late

TAKEN = ("PreconditionFailed", "ConditionalRequestConflict")
"""S3's codes where an object of the name is there, or is being written (S3 user guide, conditional writes)."""


class Bucket:
    """A shelf in S3.

    Args:
        aws: The region's.
        bucket: Its bucket.
        prefix: Where in it.
        kept: A directory where what was read is kept for as long as whoever reads may trust it, so that it is not asked for again; an
            entry is never written twice. None: nowhere.
    """

    def __init__(self, aws: Aws, bucket: str, prefix: str = "runbooks", kept: Path | None = None) -> None:
        self._aws, self._bucket, self._prefix = aws, bucket, prefix
        self._kept = kept and kept / bucket

    def epochs(self) -> list[int]:
        """Return the runs that there are, in the order of their numbers."""
        listed = self._aws.pages("s3", "list_objects_v2", "CommonPrefixes", Bucket=self._bucket, Prefix=f"{self._prefix}/", Delimiter="/")
        names = (each["Prefix"].removeprefix(f"{self._prefix}/").rstrip("/") for each in listed)
        return sorted(int(name) for name in names if name.isdecimal())

    def read(self, epoch: int) -> list[str]:
        """Return a run's entries as they were written, in their order."""
        prefix = f"{self._prefix}/{epoch:06}/"
        keys = sorted(each["Key"] for each in self._aws.pages("s3", "list_objects_v2", "Contents", Bucket=self._bucket, Prefix=prefix))
        return self._aws.map(self._text, keys)

    def behind(self, entry: Entry) -> list[tuple[int, int]]:
        """Return what was written behind an entry, in its run and in later ones: epoch and number of each."""
        prefix = f"{self._prefix}/"
        listed = self._aws.pages(
            "s3", "list_objects_v2", "Contents", Bucket=self._bucket, Prefix=prefix, StartAfter=self._key(entry.epoch, entry.number)
        )
        places = (each["Key"].removeprefix(prefix).removesuffix(".json").split("/") for each in listed)
        return [(int(epoch), int(number)) for epoch, number in places]

    def add(self, entry: Entry) -> None:
        """Write an entry.

        Raises:
            Late: Another one of this number is there.
        """
        key = self._key(entry.epoch, entry.number)
        try:
            self._aws.call("s3", "put_object", Bucket=self._bucket, Key=key, Body=entry.text.encode(), IfNoneMatch="*")
        except KcError as error:
            if error.code not in TAKEN:
                raise
            # an answer that was lost: what is there is this very entry
            if self._get(key) != entry.text:
                raise Late(f"somebody else goes on with run {entry.epoch}: entry {entry.number} is there already") from None

    def _key(self, epoch: int, number: int) -> str:
        return f"{self._prefix}/{epoch:06}/{number:06}.json"

    def _text(self, key: str) -> str:
        """Return an entry, from where it is kept if it is."""
        if self._kept is None:
            return self._get(key)
        path = self._kept / key
        try:
            return path.read_text(encoding="utf-8")
        except FileNotFoundError:
            text = self._get(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
        new.write_text(text, encoding="utf-8")
        new.replace(path)
        return text

    def _get(self, key: str) -> str:
        return self._aws.call("s3", "get_object", Bucket=self._bucket, Key=key)["Body"].read().decode()
