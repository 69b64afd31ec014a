"""Objects of S3 that are changed only if they are the ones that were read."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from .aws import code

ATTEMPTS = 8
"""How often something is read and changed, while others change it too."""

JSON = "application/json"


def put_if(s3: Any, bucket: str, key: str, body: bytes, tag: str | None) -> bool:
    """Put a JSON object if it is the one that was read; return whether it was.

    Args:
        s3: A region's client.
        bucket, key: Where it is.
        body: What it shall be.
        tag: The ETag of what was read; None: there was none.
    """
    condition = {"IfNoneMatch": "*"} if tag is None else {"IfMatch": tag}
    try:
        s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType=JSON, **condition)
    except ClientError as error:
        # the last: it was deleted meanwhile
        if code(error) not in ("PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey"):
            raise
        return False
    return True
