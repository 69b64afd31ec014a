"""The pages, for a tenant's staff and for a viewer who has a link: what npm built of media_server/pages, as it was at the start."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

INDEX = "index.html"
BELOW = "pages"
"""The directory of what the index loads, and where it is found: files whose names have a hash of their content."""

TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' blob:",  # what the pages asked for with a token, and show
    "connect-src": "'self'",
    "media-src": "blob:",  # where players put what they have decrypted
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}
"""Content Security Policy (W3C, level 3): nothing but the server's own files is loaded or asked."""

_FIXED = {"x-content-type-options": "nosniff", "referrer-policy": "no-referrer", "vary": "accept-encoding"}
_POLICY = {"content-security-policy": "; ".join(f"{name} {value}" for name, value in POLICY.items())}


@dataclass(frozen=True)
class File:
    """A file, as it is answered with.

    Attributes:
        kind: Its content type.
        plain, zipped: Its content.
    """

    kind: str
    plain: bytes
    zipped: bytes

    @classmethod
    def read(cls, path: Path) -> File:
        """Return a file."""
        plain = path.read_bytes()
        return cls(TYPES[path.suffix], plain, gzip.compress(plain, mtime=0))

    def answer(self, request: Request, headers: dict[str, str]) -> Response:
        """Return it as an answer, as small as the request takes it."""
        if "gzip" in request.headers.get("accept-encoding", ""):
            return Response(self.zipped, headers={**_FIXED, **headers, "content-encoding": "gzip"}, media_type=self.kind)
        return Response(self.plain, headers={**_FIXED, **headers}, media_type=self.kind)


@dataclass(frozen=True)
class Pages:
    """Pages that were read.

    Attributes:
        index: What is shown.
        files: What it loads, by name.
    """

    index: File
    files: dict[str, File]

    @classmethod
    def read(cls, directory: Path) -> Pages:
        """Read the pages of a directory, which settings.py has looked at."""
        found = {path.name: File.read(path) for path in sorted((directory / BELOW).iterdir()) if path.suffix in TYPES}
        return cls(File.read(directory / INDEX), found)

    def routes(self) -> Iterator[Route]:
        """Yield where they are found."""

        async def index(request: Request) -> Response:
            return self.index.answer(request, {**_POLICY, "cache-control": "no-cache"})

        async def file(request: Request) -> Response:
            found = self.files.get(request.path_params["name"])
            if found is None:
                return Response(status_code=404)
            return found.answer(request, {"cache-control": "public, max-age=31536000, immutable"})

        yield Route("/", index)
        yield Route("/play", index)  # the token of a viewer's link is in its fragment, which no server sees
        yield Route(f"/{BELOW}/{{name}}", file)
