"""All keys of an asset, derived from its root. Pure; see docs/media.md for what is derived of what.

HKDF-SHA-256 is RFC 5869's. The salt is the asset's id, and the info names purpose and place with their lengths, so that no two
places share one: `("a", "b/c")` is not `("a/b", "c")`.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

ROOT_BYTES = 32
KEY_BYTES = 16
BLOCK = 16
"""Of AES, in bytes; an IV is as long."""

_SCHEME = b"kc-media/1"


@dataclass(frozen=True)
class Place:
    """A segment's place: what its key and its IV are derived of.

    Attributes:
        profile: `aes128` or `cbcs`.
        rendition: Name.
        period: Its number, from 0.
    """

    profile: str
    rendition: str
    period: int

    @property
    def path(self) -> str:
        """As it stands in paths and in the audit."""
        return f"{self.profile}/{self.rendition}/{self.period}"


@dataclass(frozen=True)
class Keys:
    """An asset's keys.

    Attributes:
        asset: Whose.
        root: 32 bytes; in no text of this object.

    Raises:
        ValueError: The root has another length.
    """

    asset: uuid.UUID
    root: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.root) != ROOT_BYTES:
            raise ValueError(f"the root of asset {self.asset} has {len(self.root)} bytes instead of {ROOT_BYTES}")

    def content(self, place: Place) -> bytes:
        """Return the key (16 bytes) of a period's segments: what a viewer is given."""
        return self._derive(KEY_BYTES, "content", place.profile, place.rendition, place.period)

    def key_id(self, place: Place) -> uuid.UUID:
        """Return what players call that key by. It tells nothing of it."""
        return uuid.UUID(bytes=self._derive(16, "key id", place.profile, place.rendition, place.period))

    def iv(self, profile: str, rendition: str, segment: int) -> bytes:
        """Return the IV (16 bytes) of a whole segment, by its number from 0. No two segments of an asset share a key and an IV."""
        return self._derive(BLOCK, "iv", profile, rendition, segment)

    def constant_iv(self, place: Place) -> bytes:
        """Return the IV (16 bytes) with which each sample of a period begins: `cbcs` has one (ISO/IEC 23001-7, 10.4.1)."""
        return self._derive(BLOCK, "constant iv", place.profile, place.rendition, place.period)

    def picture(self, name: str) -> bytes:
        """Return the key (32 bytes) of a picture that is shown before and beside the video, by its name (sealed.py)."""
        return self._derive(32, "picture", name)

    @property
    def upload(self) -> bytes:
        """The key (32 bytes) that the keys of an upload's parts are derived from (records.py)."""
        return self._derive(32, "upload")

    @property
    def manifest(self) -> bytes:
        """The key (32 bytes) that the manifest is signed with."""
        return self._derive(32, "manifest")

    @property
    def captions(self) -> bytes:
        """The key (32 bytes) that texts beside the video are sealed with (captions/track.py)."""
        return self._derive(32, "captions")

    def _derive(self, length: int, *purpose: str | int | bytes) -> bytes:
        parts = [part if isinstance(part, bytes) else str(part).encode() for part in purpose]
        info = _SCHEME + b"".join(len(part).to_bytes(2) + part for part in parts)
        return HKDF(hashes.SHA256(), length, self.asset.bytes, info).derive(self.root)
