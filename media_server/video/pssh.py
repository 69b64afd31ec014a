"""What tells a player of the keys that it needs, in a system's own words: the W3C's common one, which ClearKey takes. Pure."""

from __future__ import annotations

import struct
import uuid
from collections.abc import Sequence

from . import boxes

COMMON = uuid.UUID("1077efec-c0b2-4d02-ace3-3c1e52e2fb4b")
"""The W3C's system: key ids as they are, and nothing else."""


def box(key_ids: Sequence[uuid.UUID]) -> bytes:
    """Return a `pssh` of the W3C's common system ("cenc" Initialization Data Format, 3)."""
    told = (struct.pack(">I", len(key_ids)), *(each.bytes for each in key_ids), struct.pack(">I", 0))
    return boxes.full(b"pssh", 1, 0, COMMON.bytes, *told)
