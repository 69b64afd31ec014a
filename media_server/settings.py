"""What a server or a worker is told, by its environment: where things are. Secrets come as ECS gives them, or as systemd does."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

from .alive import beat
from .cell import rights
from .video.plan import PERIOD_SEGMENTS

SIGNING_MIN = 32
"""Bytes of the secret that tokens are signed with: as many as HMAC with SHA-256 makes of it (RFC 7518, 3.2)."""

Network = IPv4Network | IPv6Network


class Unset(Exception):
    """A setting is missing or makes no sense; the text says which, and what it is for."""


@dataclass(frozen=True)
class Worker:
    """A worker's settings.

    Attributes:
        region: Its own.
        media, uploads: Buckets, by name.
        key: The multi-region key that wraps roots: id, ARN or alias.
        queue, dead: URLs.
        notices, notices_dead: Those of the queue of notices.
        networks: That webhooks may lead to beside the Internet, at any port (reach.py).
        attempts: After which a job is put aside.
        visibility: Seconds that the queue waits for a worker that has fallen silent.
        slots: Cells side by side.
        period: Segments that share a key, at least.
        user: Whom cells run as, where this is root, or may have processes of another user; None: as this.
        beat: The file that it touches with each step (alive.py).
    """

    region: str
    media: str
    uploads: str
    key: str
    queue: str
    dead: str
    notices: str
    notices_dead: str
    networks: tuple[Network, ...]
    attempts: int
    visibility: int
    slots: int
    period: int
    user: int | None
    beat: Path


def worker(environment: Mapping[str, str] = os.environ) -> Worker:
    """Return a worker's settings.

    Raises:
        Unset: One is missing.
    """
    return Worker(
        region=_text(environment, "AWS_REGION", "the region's code"),
        media=_text(environment, "MEDIA_BUCKET", "the bucket that segments go to"),
        uploads=_text(environment, "MEDIA_UPLOADS", "the bucket that uploads are in"),
        key=_text(environment, "MEDIA_KEY", "the KMS key that wraps assets' roots"),
        queue=_text(environment, "MEDIA_QUEUE", "the URL of the queue of jobs"),
        dead=_text(environment, "MEDIA_DEAD", "the URL of its dead-letter queue"),
        notices=_text(environment, "MEDIA_NOTICES", "the URL of the queue of notices"),
        notices_dead=_text(environment, "MEDIA_NOTICES_DEAD", "the URL of the dead-letter queue of notices"),
        networks=_networks(environment),
        attempts=_number(environment, "MEDIA_ATTEMPTS", "5", "after which a job is put aside"),
        visibility=_number(environment, "MEDIA_VISIBILITY", "300", "seconds that the queue waits for a silent worker"),
        slots=_number(environment, "MEDIA_SLOTS", str(os.cpu_count() or 1), "cells side by side"),
        period=_number(environment, "MEDIA_PERIOD", str(PERIOD_SEGMENTS), "segments that share a key, at least"),
        user=_number(environment, "MEDIA_CELL_USER", "65533", "whom cells run as") if rights.may_have_another_user() else None,
        beat=beat(environment),
    )


@dataclass(frozen=True)
class Server:
    """A server's settings.

    Attributes:
        region, other: Its own, and the one that is asked where this one's S3 or KMS does not answer; empty: none is.
        media, other_media: Their buckets of segments and records.
        uploads: The bucket that uploads go to.
        key, queue, notices, networks: See `Worker`.
        public: The server's URL, as viewers know it.
        origins: Pages of other hosts that may ask.
        pages: The directory of its own pages (media_server/pages/dist); None: it has none.
        secret: What tokens and the audit are signed with.
        cookies_parameter, cookies_secret: Which secret signs cookies, and where its version is told; empty: no edge asks for any.
        port: It listens there.
        tls: Files of its certificate and key, in PEM; None: it speaks plain HTTP, to a load balancer that speaks TLS.
        memory: Bytes of segments that are kept in it; 0: none are.
        cache, cache_bytes: Directory that segments are kept in, and how many bytes of them; empty: none are.
    """

    region: str
    other: str
    media: str
    other_media: str
    uploads: str
    key: str
    queue: str
    notices: str
    networks: tuple[Network, ...]
    public: str
    origins: frozenset[str]
    pages: Path | None
    secret: bytes
    cookies_parameter: str
    cookies_secret: str
    port: int
    tls: tuple[Path, Path] | None
    memory: int
    cache: str
    cache_bytes: int


def server(environment: Mapping[str, str] = os.environ) -> Server:
    """Return a server's settings.

    Raises:
        Unset: One is missing.
    """
    public = _text(environment, "MEDIA_PUBLIC", "the server's URL, as viewers know it").rstrip("/")
    other, parameter = environment.get("MEDIA_OTHER_REGION", ""), environment.get("MEDIA_COOKIES_PARAMETER", "")
    return Server(
        region=_text(environment, "AWS_REGION", "the region's code"),
        other=other,
        media=_text(environment, "MEDIA_BUCKET", "the bucket that segments and records are in"),
        other_media=_text(environment, "MEDIA_OTHER_BUCKET", "the other region's bucket of segments and records") if other else "",
        uploads=_text(environment, "MEDIA_UPLOADS", "the bucket that uploads go to"),
        key=_text(environment, "MEDIA_KEY", "the KMS key that wraps assets' roots"),
        queue=_text(environment, "MEDIA_QUEUE", "the URL of the queue of jobs"),
        notices=_text(environment, "MEDIA_NOTICES", "the URL of the queue of notices"),
        networks=_networks(environment),
        public=public,
        origins=frozenset({public, *environment.get("MEDIA_ORIGINS", "").split()}),
        pages=_pages(environment.get("MEDIA_PAGES", "").strip()),
        secret=signing(environment),
        cookies_parameter=parameter,
        cookies_secret=_text(environment, "MEDIA_COOKIES_SECRET", "the key pair of signed cookies") if parameter else "",
        port=_number(environment, "MEDIA_PORT", "8080", "where it listens"),
        tls=_tls(environment),
        memory=_number(environment, "MEDIA_MEMORY_MIB", "256", "MiB of segments that are kept in memory", least=0) << 20,
        cache=environment.get("MEDIA_CACHE", "").strip(),
        cache_bytes=_number(environment, "MEDIA_CACHE_MIB", "4096", "MiB of segments that are kept in the directory MEDIA_CACHE") << 20,
    )


def signing(environment: Mapping[str, str] = os.environ) -> bytes:
    """Return the secret that tokens are signed with: `MEDIA_SIGNING`, or else the credential `media-signing` (systemd.exec(5)).

    Raises:
        Unset: It is missing, or too short.
    """
    found = (environment.get("MEDIA_SIGNING", "").strip() or _credential(environment, "media-signing")).encode()
    if not found:
        raise Unset("MEDIA_SIGNING is not set: the secret that tokens are signed with")
    if len(found) < SIGNING_MIN:
        raise Unset(f"MEDIA_SIGNING has {len(found)} bytes, and {SIGNING_MIN} are the least: what `openssl rand -hex 32` prints would do")
    return found


def _credential(environment: Mapping[str, str], name: str) -> str:
    file = Path(environment.get("CREDENTIALS_DIRECTORY", ""), name)
    try:
        return file.read_text().strip() if file.is_absolute() else ""
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise Unset(f"{file} can't be read: {error.strerror}") from error


def _text(environment: Mapping[str, str], name: str, what: str) -> str:
    found = environment.get(name, "").strip()
    if not found:
        raise Unset(f"{name} is not set: {what}")
    return found


def _number(environment: Mapping[str, str], name: str, default: str, what: str, least: int = 1) -> int:
    found = environment.get(name, "").strip() or default
    if not found.isdecimal() or int(found) < least:
        raise Unset(f"{name} is `{found}`, and a number of {least} or more is asked for: {what}")
    return int(found)


def _networks(environment: Mapping[str, str]) -> tuple[Network, ...]:
    found = environment.get("MEDIA_WEBHOOK_NETWORKS", "").split()
    try:
        return tuple(map(ip_network, found))
    except ValueError as error:
        raise Unset(f"MEDIA_WEBHOOK_NETWORKS is `{' '.join(found)}`, and networks are asked for, as 192.0.2.0/24: {error}") from None


def _tls(environment: Mapping[str, str]) -> tuple[Path, Path] | None:
    told = {name: environment.get(name, "").strip() for name in ("MEDIA_TLS_CERTIFICATE", "MEDIA_TLS_KEY")}
    if not any(told.values()):
        return None
    for name, file in told.items():
        if not file:
            raise Unset(f"{name} is not set, and the other is: a certificate and its key go together")
    for name, file in told.items():
        if not os.access(file, os.R_OK):
            raise Unset(f"{name} is `{file}`, which is no file that can be read here")
    certificate, key = map(Path, told.values())
    return certificate, key


def _pages(directory: str) -> Path | None:
    if directory and not all((Path(directory) / name).exists() for name in ("index.html", "pages")):
        raise Unset(
            f"MEDIA_PAGES is `{directory}`, where no pages are: `npm ci && npm run build` in media_server/pages makes them in its dist"
        )
    return Path(directory) if directory else None
