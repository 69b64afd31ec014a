"""Telling tenants: takes notices, sends them, and keeps in mind what came of it. Done at least once, whoever is killed."""

from __future__ import annotations

import json
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import IO, Any

import httpx
from botocore.exceptions import BotoCoreError, ClientError

from . import settings, signature
from .assets import Assets, Changed, Missing, now
from .aws import Clients
from .notices import AGAIN_SECONDS, EVENTS, PING, About, Notice, Notices
from .reach import Sender, Unfit, Unreached
from .webhooks import NoWebhook, Webhook, Webhooks
from .wrap import Locked, Wrapper

log = logging.getLogger(__name__)

SIDE_BY_SIDE = 10
"""Notices that are sent at once: as many as SQS gives. So a slow receiver holds up few others'."""

UNANSWERED_SECONDS = 5.0
GONE = 410

DELIVERED, FAILED, OFF, ASIDE = "delivered", "failed", "off", "aside"
"""Outcomes: taken · to be sent again, unless it was a ping · the receiver wants no more · given up."""


@dataclass(frozen=True)
class Answer:
    """What a receiver answered.

    Attributes:
        status: Of HTTP; 0: it did not answer.
        words: What went wrong.
    """

    status: int
    words: str

    @property
    def good(self) -> bool:
        """Whether it took the notice."""
        return 200 <= self.status < 300


class Teller:
    """Sends a region's notices.

    Args:
        told: The worker's settings.
        clients: Of its region.
        stop: Set: it ends.
        stream: Where rows about deliveries go.
        sender: Sends.
    """

    def __init__(self, told: settings.Worker, clients: Clients, stop: threading.Event, stream: IO[str], sender: Sender) -> None:
        self._stop = stop
        self._stream = stream
        self._sender = sender
        self._assets = Assets(clients.s3, told.media)
        self._webhooks = Webhooks(clients.s3, told.media, Wrapper(clients.kms, told.key))
        self._notices = Notices(clients.sqs, told.notices, told.notices_dead, 1 + len(AGAIN_SECONDS))
        self._busy = threading.Lock()

    def run(self) -> None:
        """Send until it is to stop. While AWS does not answer it waits."""
        with ThreadPoolExecutor(SIDE_BY_SIDE, "tell") as pool:
            while not self._stop.is_set():
                try:
                    found = self._notices.next(most=SIDE_BY_SIDE)
                    with self._busy:
                        # what came too late is told by another, once the queue gives it away again
                        list(pool.map(self.tell, () if self._stop.is_set() else found))
                except Exception as error:  # nobody else would begin it again
                    known = isinstance(error, (BotoCoreError, ClientError))
                    log.warning("notices can't be had: %s: %s", type(error).__name__, error, exc_info=not known)
                    self._stop.wait(UNANSWERED_SECONDS)

    def settle(self) -> None:
        """Wait until what is being sent has been sent, once it is to stop."""
        with self._busy:
            return

    def tell(self, notice: Notice) -> None:
        """Tell a tenant; what goes wrong is not raised, unless the queue does not answer."""
        try:
            self._tell(notice)
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            log.warning("attempt %d at notice %s failed: %s", notice.attempt, notice.about.id, reason, exc_info=True)
            self._again(notice, reason)

    def _tell(self, notice: Notice) -> None:
        about = notice.about
        try:
            webhook = self._webhooks.get(about.tenant)
            data = self._data(about)
        except (NoWebhook, Missing):
            self._notices.done(notice)
            return
        if webhook.off or about.event not in (*webhook.events, PING):
            self._notices.done(notice)
        elif data is None:
            self._unsettled(notice)
        else:
            self._send(notice, webhook, data)

    def _data(self, about: About) -> dict[str, Any] | None:
        """Return what is told of an asset; None: it is not so yet.

        Raises:
            Missing: It is gone.
        """
        if about.event == PING:
            return {}
        asset = self._assets.get(about.tenant, about.subject)
        if EVENTS.get(asset.state) != about.event:
            return None
        return {"asset": asset.id, "title": asset.title, "state": asset.state, "reason": asset.reason, "seconds": asset.seconds}

    def _unsettled(self, notice: Notice) -> None:
        """Wait for a record to say what a notice says. If its worker was killed in between, whoever does its job orders another."""
        if notice.attempt < self._notices.attempts:
            self._notices.later(notice, AGAIN_SECONDS[notice.attempt - 1])
        else:
            self._notices.done(notice)

    def _send(self, notice: Notice, webhook: Webhook, data: dict[str, Any]) -> None:
        began = time.monotonic()
        answer = self._answer(notice.about, webhook, data)
        taken = time.monotonic() - began
        outcome = _outcome(notice, answer, self._notices.attempts)
        self._write(notice, webhook, answer, outcome, taken)
        self._note(notice, webhook, answer)
        if outcome in (FAILED, ASIDE) and notice.about.event != PING:
            self._again(notice, answer.words)
        else:
            self._notices.done(notice)

    def _answer(self, about: About, webhook: Webhook, data: dict[str, Any]) -> Answer:
        body = json.dumps({"type": about.event, "timestamp": about.at, "data": data}).encode()
        try:
            signed = signature.headers(about.id, int(time.time()), body, self._webhooks.secrets(about.tenant, webhook))
            said = {"content-type": "application/json", "user-agent": "media-server", **signed}
            status = self._sender.post(webhook.url, said, body)
        except (Unfit, Unreached, Locked) as error:
            return Answer(0, str(error))
        return Answer(status, f"the receiver answered {status}")

    def _again(self, notice: Notice, reason: str) -> None:
        if notice.attempt < self._notices.attempts:
            self._notices.later(notice, AGAIN_SECONDS[notice.attempt - 1])
        else:
            self._notices.aside(notice, reason)

    def _note(self, notice: Notice, webhook: Webhook, answer: Answer) -> None:
        fields = {"last_success": now()} if answer.good else {"last_failure": now(), "failure": answer.words}
        if answer.status == GONE:
            fields["off"] = f"{answer.words}: it wants no more"
        try:
            self._webhooks.note(notice.about.tenant, webhook.url, **fields)
        except NoWebhook:
            log.info("the webhook of %s is another, or gone", notice.about.tenant)
        except (Changed, BotoCoreError, ClientError) as error:
            log.warning("what came of notice %s was not noted: %s", notice.about.id, error)

    def _write(self, notice: Notice, webhook: Webhook, answer: Answer, outcome: str, taken: float) -> None:
        """Write a row about a delivery, from which CloudWatch counts: its embedded metric format."""
        counted = {"Namespace": "media", "Dimensions": [["outcome"]], "Metrics": [{"Name": "deliveries", "Unit": "Count"}]}
        row = {
            "_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [counted]},
            "deliveries": 1,
            "outcome": outcome,
            "notice": notice.about.id,
            "tenant": notice.about.tenant,
            "host": httpx.URL(webhook.url).host,
            "attempt": notice.attempt,
            "status": answer.status,
            "reason": "" if answer.good else answer.words,
            "seconds": round(taken, 3),
        }
        self._stream.write(f"{json.dumps(row)}\n")
        self._stream.flush()


def _outcome(notice: Notice, answer: Answer, attempts: int) -> str:
    if answer.good:
        return DELIVERED
    if answer.status == GONE:
        return OFF
    # who ordered a ping looks what came of it, and orders another
    return FAILED if notice.about.event == PING or notice.attempt < attempts else ASIDE
