"""How a picture that is shown before and beside a video lies in its bucket: sealed, with a key of its own.

AES-256-GCM-SIV (RFC 8452): a job that is done again yields the same bytes, so the nonce can't be a new one each time; and should another
release or processor make other bytes under the same name, GCM with a nonce that comes again would give itself away, which this does not.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

_NONCE = bytes(12)
"""Always the same: each picture has a key of its own (keys.py)."""


class Damaged(Exception):
    """This is not what was sealed with this key."""


def seal(key: bytes, clear: bytes) -> bytes:
    """Return a picture as it is kept, by its key (32 bytes)."""
    return AESGCMSIV(key).encrypt(_NONCE, clear, None)


def unseal(key: bytes, sealed: bytes) -> bytes:
    """Return a picture in the clear.

    Raises:
        Damaged: It is not what was sealed.
    """
    try:
        return AESGCMSIV(key).decrypt(_NONCE, sealed, None)
    except (InvalidTag, ValueError):
        raise Damaged("a picture is not what was sealed") from None
