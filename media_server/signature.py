"""How a notice is signed: Standard Webhooks 1.0 (https://www.standardwebhooks.com). Pure."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterable


def shown(secret: bytes) -> str:
    """Return a secret as a receiver is given it."""
    return f"whsec_{base64.b64encode(secret).decode()}"


def headers(message: str, seconds: int, body: bytes, secrets: Iterable[bytes]) -> dict[str, str]:
    """Return the headers that tell a receiver what a notice is, and that it is ours.

    Args:
        message: What it is known by; the same at each attempt.
        seconds: When it is sent, since the epoch.
        body: It.
        secrets: All that are good; each signs.
    """
    signed = f"{message}.{seconds}.".encode() + body
    made = (base64.b64encode(hmac.digest(secret, signed, "sha256")).decode() for secret in secrets)
    return {"webhook-id": message, "webhook-timestamp": str(seconds), "webhook-signature": " ".join(f"v1,{each}" for each in made)}
