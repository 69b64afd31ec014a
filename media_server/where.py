"""Where everything of an asset is: in buckets, and for viewers. Pure."""

from __future__ import annotations

from collections.abc import Callable

from .assets import Asset
from .keys import Place

EDGE = "v/"
"""What the edge serves from the bucket, for signed cookies."""

PICTURES = "pictures/"
"""Below an asset's objects: what is shown before and beside it, sealed. The server opens it for viewers, at paths that begin so."""


def objects_of(asset: Asset) -> str:
    """Return the prefix of all that viewers load of an asset."""
    return f"{EDGE}{asset.path}/"


def captions_uri(asset: Asset) -> str:
    """Return where players get captions: below it, by their language."""
    return f"/captions/{asset.path}"


def key_uri(asset: Asset) -> Callable[[Place], str]:
    """Return where players get keys, as playlists tell it: on the host that they come from."""
    return lambda place: f"/keys/{asset.path}/{place.path}"


def picture_uri(asset: Asset, name: str) -> str:
    """Return where viewers get a picture, or the track that tells of them."""
    return f"/{PICTURES}{asset.path}/{name}"


def licence_uri(asset: Asset) -> str:
    """Return where players get licences."""
    return f"/licences/{asset.path}"
