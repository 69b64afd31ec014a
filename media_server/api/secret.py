"""Keys that are derived from the platform's secret, one for each purpose."""

from __future__ import annotations

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def derived(secret: bytes, purpose: str) -> bytes:
    """Return the key (32 bytes) of a purpose."""
    return HKDF(hashes.SHA256(), 32, None, f"kc-media/1 {purpose}".encode()).derive(secret)
