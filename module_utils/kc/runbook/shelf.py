"""Where journals are kept: objects below a prefix of a bucket, none of which is ever written twice."""

from __future__ import annotations

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
    """

    def __init__(self, aws: Aws, bucket: str, prefix: str = "runbooks") -> None:
        self._aws, self._bucket, self._prefix = aws, bucket, prefix

    def epochs(self) -> list[int]:
        """Return the runs that there are, in the order of their numbers."""
        listed = self._aws.pages("s3", "list_objects_v2", "CommonPrefixes", Bucket=self._bucket, Prefix=f"{self._prefix}/", Delimiter="/")
        names = (each["Prefix"].removeprefix(f"{self._prefix}/").rstrip("/") for each in listed)
        return sorted(int(name) for name in names if name.isdecimal())

    def read(self, epoch: int) -> list[str]:
        """Return a run's entries as they were written, in their order."""
        prefix = f"{self._prefix}/{epoch:06}/"
        keys = sorted(each["Key"] for each in self._aws.pages("s3", "list_objects_v2", "Contents", Bucket=self._bucket, Prefix=prefix))
        return self._aws.map(self._get, keys)

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

    def _get(self, key: str) -> str:
        return self._aws.call("s3", "get_object", Bucket=self._bucket, Key=key)["Body"].read().decode()
