"""What the media server asks of AWS, and how long it waits: a region that does not answer must not hold a viewer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config

CONNECT_SECONDS, READ_SECONDS, ATTEMPTS = 2, 8, 2
"""With these the other region is asked after 20 s at most."""

LONG_POLL_SECONDS = 20
CONNECTIONS = 32
"""That are kept to a service: one a thread."""


@dataclass(frozen=True)
class Clients:
    """Clients of one region."""

    s3: Any
    kms: Any
    sqs: Any


def client(region: str, name: str, read_seconds: int = READ_SECONDS) -> Any:
    """Return a client of a service; credentials and endpoints are found as AWS's SDKs find them."""
    settings = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=read_seconds,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        max_pool_connections=CONNECTIONS,
        # URLs that are signed beforehand name the region's own host so; else they name one that knows of few regions
        s3={"addressing_style": "virtual"},
        # the SHA-256 of what is put is known already
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    return boto3.client(name, region_name=region, config=settings)


def clients(region: str) -> Clients:
    """Return a region's clients."""
    return Clients(client(region, "s3"), client(region, "kms"), client(region, "sqs", READ_SECONDS + LONG_POLL_SECONDS))


def code(error: Exception) -> str:
    """Return AWS's code of a `ClientError`, empty of what is none."""
    response: dict[str, Any] = getattr(error, "response", {})
    return str(response.get("Error", {}).get("Code", ""))
