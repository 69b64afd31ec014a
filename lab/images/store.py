"""podman's store: the images named `localhost/kc/…`, which are the lab's."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..podman import PodmanError, podman

OURS = "localhost/kc"


@dataclass(frozen=True)
class Stored:
    """An image in podman's store.

    Attributes:
        name: Such as `localhost/kc/php-api:0a1b2c3d4e5f`.
        id: podman's own.
        digest: Of its manifest: what a registry knows it by.
        created: Seconds since 1970.
        size: Bytes, with its base.
    """

    name: str
    id: str
    digest: str
    created: int
    size: int


def stored() -> dict[str, Stored]:
    """Return our images, by name."""
    return {
        name: Stored(name, about["Id"], about["Digest"], about["Created"], about["Size"])
        for about in json.loads(podman("images", "--format", "json") or "[]")
        for name in about.get("Names") or []
        if name.startswith(f"{OURS}/")
    }


def digest(manifest: str) -> str:
    """Return what a registry knows a manifest by (OCI image specification, Descriptor: digest)."""
    return f"sha256:{hashlib.sha256(manifest.encode()).hexdigest()}"


def manifest(image: Stored) -> str:
    """Return an image's manifest, byte for byte: its hash is the image's digest.

    podman prints manifests of registries only, so it is read from the store.
    """
    store = json.loads(podman("info", "--format", "json"))["store"]
    text = (Path(store["graphRoot"]) / f"{store['graphDriverName']}-images" / image.id / "manifest").read_text()
    if digest(text) != image.digest:
        raise PodmanError(f"podman's store has another manifest for {image.name} than {image.digest}")
    return text


@contextmanager
def files(name: str) -> Iterator[Path]:
    """Give an image's files to read, as a directory."""
    try:
        yield Path(podman("image", "mount", name).strip())
    finally:
        podman("image", "unmount", name)


def forget_older(repository: str, kept: int) -> None:
    """Remove an image's older versions but the `kept` newest; those in use stay."""
    versions = sorted((one for one in stored().values() if one.name.rpartition(":")[0] == repository), key=lambda one: one.created)
    for one in versions[:-kept]:
        podman("rmi", one.name, check=False)
