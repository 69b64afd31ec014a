"""The worker: takes jobs, has cells make what is missing of their assets, and says what became of them.

It keeps nothing: who takes a job up after it lists what is there. So it may end at any time.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from . import manifest, notices, settings, stills
from .alive import touch
from .assets import FAILED, QUEUED, READY, WAITING, WORKING, Asset, Assets, Missing
from .aws import Clients
from .cell import coding
from .cell.client import Cell, Failed, Upload
from .jobs import Job, Jobs
from .keys import Keys
from .package import Stopped, package
from .store import Bucket, Uploaded
from .video.offer import Wanted
from .video.plan import Refused, plan
from .webhooks import Webhooks
from .where import key_uri, licence_uri, objects_of
from .wrap import Locked, Wrapper

log = logging.getLogger(__name__)

UNANSWERED_SECONDS = 5.0
TOLD_SECONDS = 5.0
"""How often an asset's record is told how far it is, at most."""


class Worker:
    """Does one job at a time, in several cells.

    Args:
        told: Its settings.
        clients: Of its region.
        stop: Set: it gives back what it has, and ends.
    """

    def __init__(self, told: settings.Worker, clients: Clients, stop: threading.Event) -> None:
        self._told = told
        self._s3 = clients.s3
        self._stop = stop
        self._wrapper = Wrapper(clients.kms, told.key)
        self._jobs = Jobs(clients.sqs, told.queue, told.dead, told.attempts)
        self._assets = Assets(clients.s3, told.media)
        self._webhooks = Webhooks(clients.s3, told.media, self._wrapper)
        self._notify = partial(notices.order, clients.sqs, told.notices)

    def run(self) -> None:
        """Work until it is to stop. While AWS does not answer it waits."""
        while not self._stop.is_set():
            touch(self._told.beat)
            try:
                job = self._jobs.take()
                if job is not None:
                    self.work(job)
            except (BotoCoreError, ClientError) as error:
                log.warning("the queue does not answer: %s", error)
                self._stop.wait(UNANSWERED_SECONDS)

    def work(self, job: Job) -> None:
        """Do a job, and say what became of it; what is wrong with it is not raised."""
        try:
            with self._jobs.kept(job, self._told.visibility):
                self._make(job)
        except Missing:
            log.info("asset %s of %s is gone, and its job with it", job.asset, job.tenant)
            self._jobs.done(job)
        except Refused as refused:
            self._failed(job, str(refused))
            self._jobs.done(job)
        except Stopped:
            log.info("asset %s is given back: this worker ends", job.asset)
            self._jobs.again(job, 0)
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            log.warning(
                "attempt %d at asset %s failed: %s", job.attempt, job.asset, reason, exc_info=not isinstance(error, (Failed, Locked))
            )
            if job.attempt < self._jobs.attempts:
                self._jobs.again(job)
            else:
                self._failed(job, f"it could not be made in {job.attempt} attempts; the last one: {reason}")
                self._jobs.aside(job, reason)
        else:
            self._jobs.done(job)

    def _make(self, job: Job) -> None:
        asset = self._assets.change(job.tenant, job.asset, _begun)
        if asset.state != WORKING:
            log.info("asset %s is %s: there is nothing to do", asset.id, asset.state)
            return
        keys = self._wrapper.open(asset.tenant, uuid.UUID(asset.id), asset.root)
        with ExitStack() as stack:
            cells = [stack.enter_context(self._cell(asset, keys)) for _ in range(self._told.slots)]
            self._make_in(cells, asset, keys)

    def _cell(self, asset: Asset, keys: Keys) -> Cell:
        source = Uploaded(self._s3, self._told.uploads, asset.path, asset.length)
        return Cell(Upload(keys.upload, asset.length, source.fetch), self._told.user)

    def _make_in(self, cells: Sequence[Cell], asset: Asset, keys: Keys) -> None:
        first, *others = cells
        found = first.probe()
        for cell in others:
            cell.open()
        by = coding.plan(asset.plan) if asset.plan else plan(found, period=self._told.period)
        wanted = [Wanted(offer, by, keys, key_uri(asset), licence_uri(asset)) for offer in asset.offers]
        segments = by.segments * sum(len(each.renditions) for each in wanted)
        self._changed(asset, plan=coding.encode(by), total=segments, done=0)
        progress = _Progress(lambda done: self._changed(asset, done=done), self._told.beat)
        store = Bucket(self._s3, self._told.media, objects_of(asset))
        objects = stills.make(first, found, keys, store, self._stop.is_set)
        objects |= package(cells, wanted, store, progress.one, self._stop.is_set)
        self._assets.keep_manifest(asset, manifest.signed(manifest.Manifest(asset.id, objects), keys.manifest))
        self._tell(asset.tenant, asset.id, READY)
        self._changed(asset, state=READY, done=segments, seconds=float(sum(by.durations)), reason="")
        self._s3.delete_object(Bucket=self._told.uploads, Key=asset.path)

    def _changed(self, asset: Asset, **fields: Any) -> Asset:
        return self._assets.change(asset.tenant, asset.id, lambda found: replace(found, **fields))

    def _failed(self, job: Job, reason: str) -> None:
        log.warning("asset %s of %s failed: %s", job.asset, job.tenant, reason)
        self._tell(job.tenant, job.asset, FAILED)
        try:
            self._assets.change(job.tenant, job.asset, lambda found: replace(found, state=FAILED, reason=reason))
        except Missing:
            log.info("asset %s of %s is gone", job.asset, job.tenant)

    def _tell(self, tenant: str, asset: str, state: str) -> None:
        """Order the notice of a state, before the record has it: so nobody who is killed leaves a state that is not told of."""
        event = notices.EVENTS[state]
        if self._webhooks.wants(tenant, event):
            self._notify(tenant, event, asset)


def _begun(asset: Asset) -> Asset | None:
    # a job is ordered once an upload is complete, and taken up before the record says so where a worker is quick
    return replace(asset, state=WORKING, upload="") if asset.state in (WAITING, QUEUED) else None


class _Progress:
    """Counts segments, and tells of them from time to time.

    Args:
        tell: Is told how many there are.
        beat: The file that is touched with each.
    """

    def __init__(self, tell: Callable[[int], object], beat: Path) -> None:
        self._tell = tell
        self._beat = beat
        self._lock = threading.Lock()
        self._done = 0
        self._told = time.monotonic()

    def one(self) -> None:
        """Count one more."""
        touch(self._beat)
        with self._lock:
            self._done += 1
            if time.monotonic() - self._told >= TOLD_SECONDS:
                self._tell(self._done)
                self._told = time.monotonic()
