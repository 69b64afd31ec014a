"""The signed manifest of an asset: the SHA-256 of each of its objects. Pure. Who has it knows of each whether it is what was made."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass

VERSION = 1


class Forged(Exception):
    """This is no manifest that was signed with this key, or it is another asset's."""


@dataclass(frozen=True)
class Manifest:
    """What an asset is.

    Attributes:
        asset: Its id.
        objects: SHA-256 (hex) of each object, by its path below the asset's.
    """

    asset: str
    objects: Mapping[str, str]

    def vouches(self, path: str, data: bytes | memoryview) -> bool:
        """Return whether these bytes are the object at a path."""
        return hmac.compare_digest(self.objects.get(path, ""), hashlib.sha256(data).hexdigest())


def signed(manifest: Manifest, key: bytes) -> bytes:
    """Return a manifest as it is kept: JSON, with HMAC-SHA-256 by a key that is the asset's (keys.py)."""
    said = _said(manifest)
    return json.dumps({**said, "signature": _signature(said, key)}, indent=1, sort_keys=True).encode() + b"\n"


def verified(data: bytes, asset: str, key: bytes) -> Manifest:
    """Return a manifest that was kept.

    Raises:
        Forged: It was changed, or signed with another key.
    """
    try:
        said = json.loads(data)
        given, version = str(said["signature"]), said["version"]
        manifest = Manifest(str(said["asset"]), {str(path): str(each) for path, each in said["objects"].items()})
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Forged("it is no manifest") from None
    if version != VERSION or not hmac.compare_digest(given, _signature(_said(manifest), key)) or manifest.asset != asset:
        raise Forged(f"it was not signed as the manifest of {asset}")
    return manifest


def _said(manifest: Manifest) -> dict[str, object]:
    return {"version": VERSION, "asset": manifest.asset, "objects": dict(manifest.objects)}


def _signature(said: Mapping[str, object], key: bytes) -> str:
    text = json.dumps(said, sort_keys=True, separators=(",", ":")).encode()
    return hmac.digest(key, text, "sha256").hex()
