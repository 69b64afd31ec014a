"""What the edge asks: an origin, or the origins of a group one after the other, each behind a socket of its own."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from .policies import Config, Unsupported, items
from .text import block, directives, literal
from .ttl import kept


@dataclass(frozen=True)
class Distribution:
    """A distribution, and what of other services it needs.

    Attributes:
        id: Its id.
        domain: Its own name.
        config: Its configuration in the API.
        certificate: Files of the certificate for its names and of the key.
        readable: Ids of those of its S3 origins whose buckets let it read.
    """

    id: str
    domain: str
    config: Config
    certificate: tuple[Path, Path]
    readable: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Target:
    """Where requests go, for one sort of answers.

    Attributes:
        distribution: Whose it is.
        id: Of the origin or of the group.
        host: Whether origins get the viewer's Host, instead of their own name.
        policy: Id of the cache policy, which says how long answers are kept.
    """

    distribution: Distribution
    id: str
    host: bool
    policy: str

    @property
    def socket(self) -> str:
        """The name of its socket: short, since a socket's path has 107 characters at most."""
        told = f"{self.distribution.id} {self.id} {self.host} {self.policy}"
        return hashlib.sha256(told.encode()).hexdigest()[:8] + ".sock"

    def server(self, directory: Path, ca: Path) -> list[str]:
        """Return its server, with its socket in `directory`."""
        config = self.distribution.config
        origins = {origin["Id"]: origin for origin in items(config, "Origins")}
        group = next((group for group in items(config, "OriginGroups") if group["Id"] == self.id), None)
        members = [member["OriginId"] for member in items(group, "Members")] if group else [self.id]
        codes = turning(group["FailoverCriteria"]["StatusCodes"]["Items"]) if group else []
        lines = [
            f"listen unix:{directory}/{self.socket};",
            "access_log off;",
            f"proxy_ssl_trusted_certificate {literal(ca)};",
            *TLS,
            f"add_header X-Accel-Expires ${kept(self.policy, self.distribution.id)} always;",
        ]
        for index, member in enumerate(members):
            last = index + 1 == len(members)
            turn = [] if last else ["proxy_intercept_errors on;", f"error_page {' '.join(map(str, codes))} = @origin{index + 1};"]
            lines += block(f"location @origin{index}" if index else "location /", [*self._origin(directory, origins[member]), *turn])
        return block("server", lines)

    def _origin(self, directory: Path, origin: Config) -> Iterator[str]:
        domain, path = origin["DomainName"], origin.get("OriginPath") or ""
        attempts, seconds = int(origin.get("ConnectionAttempts", 3)), int(origin.get("ConnectionTimeout", 10))
        yield f"proxy_connect_timeout {seconds}s;"
        yield f"proxy_next_upstream_tries {attempts};"
        for header in items(origin, "CustomHeaders"):
            yield f"proxy_set_header {header['HeaderName']} {literal(header['HeaderValue'])};"
        yield from directives("proxy_set_header", {"Host": "$http_host" if self.host else domain, "Connection": ""})
        if origin.get("CustomOriginConfig"):
            yield from _custom(domain, path, origin["CustomOriginConfig"])
        elif origin["Id"] in self.distribution.readable:
            bucket, region = bucket_of(domain)
            yield f"proxy_set_header X-Edge-Patience {attempts * seconds};"
            yield f"proxy_read_timeout {(origin.get('S3OriginConfig') or {}).get('OriginReadTimeout', 30)}s;"
            yield f"proxy_pass http://unix:{directory}/helper.sock:/s3/{region}/{bucket}{path}$request_uri;"
        else:
            yield "return 403;"


TLS = ("proxy_ssl_server_name on;", "proxy_ssl_verify on;", "proxy_ssl_verify_depth 2;")


def turning(codes: Iterable[int]) -> list[int]:
    """Return the answers at which a group's next origin is asked.

    An origin that can't be connected to is a 503 to CloudFront, one that does not answer in time a 504 (Amazon CloudFront
    developer guide, "Optimize high availability with CloudFront origin failover"); nginx calls the first 502, or 504 where
    nobody answered at all.
    """
    return sorted({*codes, *((502, 504) if 503 in codes else ())})


def bucket_of(domain: str) -> tuple[str, str]:
    """Return the bucket and the region that an S3 origin's domain name names.

    Raises:
        Unsupported: It is no regional name.
    """
    found = re.fullmatch(r"(.+)\.s3[.-]([a-z0-9-]+)\.amazonaws\.com", domain)
    if not found:
        raise Unsupported(f"origin {domain} is no regional name of a bucket")
    return found[1], found[2]


def _custom(domain: str, path: str, custom: Config) -> Iterator[str]:
    """Yield how an origin that is no bucket is asked."""
    if custom["OriginProtocolPolicy"] != "https-only":
        raise Unsupported(f"origin {domain} is asked without TLS")
    yield f"proxy_read_timeout {custom.get('OriginReadTimeout', 30)}s;"
    yield f"proxy_send_timeout {custom.get('OriginReadTimeout', 30)}s;"
    yield f"proxy_ssl_protocols {' '.join(items(custom, 'OriginSslProtocols'))};"
    yield f"proxy_ssl_name {literal(domain)};"
    # by way of a variable, so that the name is asked for again when its time is up
    yield f"set $origin {literal(domain)};"
    yield f"proxy_pass https://$origin:{custom['HTTPSPort']}{path}$request_uri;"
