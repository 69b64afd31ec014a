"""Tells people, through the region's topic."""

from __future__ import annotations

import threading
from collections.abc import Callable

from kc.aws.session import Aws
from kc.aws.sns import publish
from kc.errors import KcError


class Notices:
    """Publishes beside the work: nobody waits for it, and what is not taken is only said in the log.

    Args:
        aws: The region's, which gives up soon.
        topic: The topic's ARN.
        log: Is told what could not be published.
    """

    def __init__(self, aws: Aws, topic: str, log: Callable[[str], None]) -> None:
        self._aws, self._topic, self._log = aws, topic, log

    def tell(self, subject: str, text: str) -> threading.Thread:
        """Publish; return the thread that does."""

        def told() -> None:
            try:
                publish(self._aws, self._topic, subject, text)
            except KcError as error:
                self._log(f"nobody was told: {error.message}")

        thread = threading.Thread(target=told, daemon=True)
        thread.start()
        return thread
