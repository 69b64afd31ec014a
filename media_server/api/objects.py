"""What was made of assets: what there is, and what it has to be, the signed manifest tells. It is ciphertext, so it may be kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from ..manifest import Manifest
from . import metrics
from .kept import Body, Directory, File, Lately, Once, Room
from .ring import Opened, Ring

T = TypeVar("T")

ON_THE_WAY = 256 << 20
"""Bytes of what is being read and sent, beside what is kept."""

MANIFESTS = 64 << 20
"""Bytes of manifests that are kept."""

MANIFEST_OBJECT = 400
"""Bytes that a manifest takes for each object in it: two texts, and a place in a table."""

READERS = 8
"""Objects that are read side by side."""


class Objects:
    """Fetches objects once for all who ask for them at the same time, checks them, and keeps them by their SHA-256.

    Args:
        ring: Reads them.
        memory: Bytes that are kept in memory; 0: none are.
        directory: Where else they are kept; None: nowhere.
    """

    def __init__(self, ring: Ring, memory: int, directory: Directory | None) -> None:
        self._ring = ring
        self._directory = directory
        self._room = Room(memory + ON_THE_WAY)
        self._memory: Lately[Body] = Lately(memory)
        self._manifests: Lately[tuple[Opened, Manifest]] = Lately(MANIFESTS)
        self._pool = ThreadPoolExecutor(READERS, "objects")
        self._verified: Once[Manifest] = Once()
        self._fetched: Once[Body] = Once()

    async def manifest(self, opened: Opened) -> Manifest:
        """Return an asset's manifest; see `Ring.manifest`."""
        name = opened.asset.path
        kept = self._manifests.get(name)
        if kept is not None and kept[0] is opened:
            return kept[1]

        async def verify() -> Manifest:
            found = await self.in_thread(partial(self._ring.manifest, opened))
            self._manifests.put(name, (opened, found), len(found.objects) * MANIFEST_OBJECT)
            return found

        return await self._verified(name, verify)

    async def get(self, opened: Opened, path: str, sha256: str) -> Body | File:
        """Return what is at a path below an asset's, as its manifest has it; see `Ring.object`."""
        body = self._memory.get(sha256)
        if body is not None:
            metrics.SEGMENTS.labels("memory").inc()
            return body
        file = self._directory.find(sha256) if self._directory else None
        if file is not None:
            metrics.SEGMENTS.labels("directory").inc()
            return file
        metrics.SEGMENTS.labels("bucket").inc()

        async def fetch() -> Body:
            found = await self.in_thread(partial(self._fetch, opened, path, sha256))
            self._memory.put(sha256, found, found.length)
            return found

        return await self._fetched(sha256, fetch)

    async def in_thread(self, do: Callable[[], T]) -> T:
        """Return what something gives that takes a while: as many are done side by side as objects are read."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, do)

    def _fetch(self, opened: Opened, path: str, sha256: str) -> Body:
        body = self._ring.object(opened, path, sha256, self._room)
        if self._directory is not None:
            self._directory.put(sha256, body)
        return body
