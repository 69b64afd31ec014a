"""What users do. Each action is noted in the record as soon as its outcome is known: `start` and `segment` are two kinds of one action."""

from __future__ import annotations

import asyncio
import json
import re
import ssl
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urljoin, urlsplit

from .names import Names
from .playlist import Segment, renditions, segments
from .record import Record
from .visitor import Answer, Failed, Visitor

COURSE = "spreadsheets"
"""That they enrol in."""

LINKED = re.compile(r'(?:src|href)="([^"]+\.(?:js|css|svg))"')
"""What a page loads."""

TUS = {"Tus-Resumable": "1.0.0", "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
BROKEN_OFF = "the run ended before"


@dataclass(frozen=True)
class Stage:
    """What users find.

    Attributes:
        domain: The platform's; a port may follow.
        trusted: Whose certificates are trusted.
        run: What this run's writes are called after.
        token: A tenant's backend's, for sessions and uploads.
        asset: The video that is watched.
        film: The file that is uploaded.
        names: Makes what a new browser knows of names.
    """

    domain: str
    trusted: ssl.SSLContext
    run: str
    token: str = ""
    asset: str = ""
    film: bytes = b""
    names: Callable[[], Names] = Names

    def url(self, host: str, path: str) -> str:
        """Return the URL of something of the platform."""
        return f"https://{host}.{self.domain}{path}"

    def visitor(self) -> Visitor:
        """Return somebody new."""
        return Visitor(self.trusted, self.names())

    def bearer(self, **more: str) -> dict[str, str]:
        """Return the headers of a tenant's backend."""
        return {"Authorization": f"Bearer {self.token}", **more}


@dataclass
class Users:
    """Those who do it.

    Attributes:
        ending: Whether to begin nothing more.
    """

    stage: Stage
    record: Record
    ending: asyncio.Event = field(default_factory=asyncio.Event)

    async def page(self, visitor: Visitor, number: int) -> None:
        """Somebody who was not here before opens a page of one of the front-ends: it is there once all that it loads is."""
        url = self.stage.url(("app", "learn")[number % 2], "/")
        async with self.stage.visitor() as newcomer:
            await self._noted("page", str(number), self._loaded(newcomer, url))

    async def read(self, visitor: Visitor, number: int) -> None:
        """Somebody looks at the courses, or at his own ones."""
        path = "/courses" if number % 2 else f"/enrolments?learner={self.stage.run}-{number}"
        await self._noted("read", str(number), visitor.ask("GET", self.stage.url("api", path)))

    async def write(self, visitor: Visitor, number: int) -> None:
        """Somebody enrols: a learner of this very number, so that it can be asked for."""
        learner = f"{self.stage.run}-{number}"
        body = json.dumps({"course": COURSE, "learner": learner}).encode()
        url, headers = self.stage.url("api", "/enrolments"), {"Content-Type": "application/json"}

        async def enrolled() -> Answer:
            answer = await visitor.ask("POST", url, headers, body)
            answer.told("enrolment")  # it says so itself: a good status alone may be somebody else's
            return answer

        await self._noted("write", learner, enrolled())

    async def report(self, visitor: Visitor, number: int) -> None:
        """Somebody looks at a report."""
        await self._noted("report", str(number), visitor.ask("GET", self.stage.url("reports", "/reports/courses")))

    async def upload(self, visitor: Visitor, number: int) -> None:
        """A tenant's backend sends a video; it is acknowledged once all of it has come."""
        film, headers = self.stage.film, self.stage.bearer(**{"Content-Type": "application/json"})
        about = json.dumps({"title": f"{self.stage.run}-{number}", "length": len(film)}).encode()

        async def sent() -> Answer:
            asset = await visitor.ask("POST", self.stage.url("media", "/assets"), headers, about)
            await visitor.ask("PATCH", self.stage.url("media", f"/uploads/{asset.told('id')}"), self.stage.bearer(**TUS), film)
            return asset

        await self._noted("upload", str(number), sent(), lambda asset: str(asset.told("id")))

    async def video(self, visitor: Visitor, number: int) -> None:
        """Somebody watches the video to its end, in the best rendition: its start, then a segment after the other as they are played."""
        async with self.stage.visitor() as viewer:
            watching = Watching(self.stage, viewer)
            if not await self._noted("start", str(number), watching.start(visitor)):
                return
            for at, (before, after) in enumerate(zip(watching.left, watching.left[1:], strict=False), 1):
                if await self._ends(before.seconds):
                    return
                await self._noted("segment", f"{number}-{at}", watching.load(after))

    async def _ends(self, seconds: float) -> bool:
        """Wait; return whether the run ends meanwhile."""
        try:
            await asyncio.wait_for(self.ending.wait(), seconds)
        except TimeoutError:
            return False
        return True

    async def _loaded(self, visitor: Visitor, url: str) -> Answer:
        page = await visitor.ask("GET", url)
        await asyncio.gather(*(visitor.ask("GET", urljoin(url, each)) for each in dict.fromkeys(LINKED.findall(page.text))))
        return page

    async def _noted(self, kind: str, name: str, doing: Awaitable[Answer], named: Callable[[Answer], str] | None = None) -> bool:
        """Do something and note it; return whether it was answered.

        Args:
            kind: Of what is done.
            name: What it is called.
            doing: It.
            named: What it is called once it is answered, if that is something else.
        """
        sent = self.record.clock()
        try:
            answer = await doing
        except Failed as failed:
            self.record.failed(kind, name, sent, str(failed), failed.region)
            return False
        except (LookupError, TypeError, ValueError) as error:
            self.record.failed(kind, name, sent, f"an answer that can't be read ({type(error).__name__})")
            return False
        except asyncio.CancelledError:
            self.record.failed(kind, name, sent, BROKEN_OFF)
            raise
        self.record.acknowledged(kind, named(answer) if named else name, sent, answer.region)
        return True


@dataclass
class Watching:
    """One viewer and his video.

    Attributes:
        left: Its segments.
    """

    stage: Stage
    viewer: Visitor
    left: list[Segment] = field(default_factory=list)
    _session: str = ""
    _cookies: str = ""
    _keys: set[str] = field(default_factory=set)

    async def start(self, backend: Visitor) -> Answer:
        """Let the viewer in and load what the first picture takes."""
        order = json.dumps({"asset": self.stage.asset}).encode()
        headers = self.stage.bearer(**{"Content-Type": "application/json"})
        self._session = (await backend.ask("POST", self.stage.url("media", "/sessions"), headers, order)).told("token")
        begun = await self.viewer.ask("POST", self.stage.url("media", "/play"), {"Authorization": f"Bearer {self._session}"})
        self._cookies = _cookies(begun)
        master = next((each["hls"] for each in begun.told("offers") if each["profile"] == "aes128"), "")
        if not master:
            raise Failed("the video is not offered in `aes128`")
        best, *_ = renditions((await self._get(master)).text)
        index = urljoin(master, best)
        self.left = segments(index, (await self._get(index)).text)
        return await self.load(self.left[0])

    async def load(self, segment: Segment) -> Answer:
        """Load a segment, and its key where that is another one."""
        if segment.key not in self._keys:
            await self._get(segment.key)
            self._keys.add(segment.key)
        return await self._get(segment.url)

    async def _get(self, url: str) -> Answer:
        own = {"Authorization": f"Bearer {self._session}"} if urlsplit(url).path.startswith("/keys/") else {"Cookie": self._cookies}
        return await self.viewer.ask("GET", url, own)


def _cookies(answer: Answer) -> str:
    """Return what an answer's cookies are sent back as."""
    given = [SimpleCookie(value) for name, value in answer.headers if name == "set-cookie"]
    pairs: Mapping[str, str] = {name: morsel.value for each in given for name, morsel in each.items()}
    return "; ".join(f"{name}={value}" for name, value in pairs.items())


KINDS: Mapping[str, Callable[[Users, Visitor, int], Coroutine[Any, Any, None]]] = {
    "page": Users.page,
    "read": Users.read,
    "write": Users.write,
    "report": Users.report,
    "video": Users.video,
    "upload": Users.upload,
}
"""Actions that have a rate."""

MEDIA = ("video", "upload")
"""Those that take a tenant's backend."""
