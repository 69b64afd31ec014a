"""Captions of a video in one language: what is told of them, and how their text lies in its bucket. Pure but for chance.

An object is `nonce (12) | text, encrypted by AES-256-GCM, and its tag (16)`. It knows the language and the name that it was sealed for: one
that was moved or changed does not open.
"""

from __future__ import annotations

import os
import uuid
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ..records import Damaged

KINDS = ("subtitles", "captions")
"""For who does not know the language · for who does not hear: what is heard besides is told too (HTML, 4.8.11.1)."""

LANGUAGES_MAX = 32
LABEL_MAX = 100
NONCE = 12


@dataclass(frozen=True)
class Track:
    """What an asset's record says of them.

    Attributes:
        language: Its tag (language.py).
        label: What people call them; empty: by the language.
        kind: One of `KINDS`.
        cues: How many.
        name: Of the object; each text that is put has another.
        put: When, in ISO 8601, UTC.
    """

    language: str
    label: str
    kind: str
    cues: int
    name: str
    put: str

    @property
    def path(self) -> str:
        """Where the object is, below all captions of the asset."""
        return f"{self.language}/{self.name}"


def new_name() -> str:
    """Return a name that no other object has."""
    return uuid.uuid4().hex


def seal(key: bytes, track: Track, text: bytes) -> bytes:
    """Return a text as it lies in its bucket, by the asset's key of captions (32 bytes; keys.py)."""
    nonce = os.urandom(NONCE)
    return nonce + AESGCM(key).encrypt(nonce, text, track.path.encode())


def opened(key: bytes, track: Track, sealed: bytes) -> bytes:
    """Return a text that was sealed.

    Raises:
        Damaged: It is not what was sealed there.
    """
    try:
        return AESGCM(key).decrypt(sealed[:NONCE], sealed[NONCE:], track.path.encode())
    except (InvalidTag, ValueError):
        raise Damaged(f"the captions {track.path} do not hold what was written") from None
