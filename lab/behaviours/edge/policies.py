"""What CloudFront's policies mean for a request: what tells two of them apart, what goes on to the origin, how long answers are kept."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Config = Mapping[str, Any]


def items(config: Config | None, name: str) -> list[Any]:
    """Return the items of one of the API's counted lists, which may be left out."""
    return list(((config or {}).get(name) or {}).get("Items") or ())


class Unsupported(Exception):
    """Something that the lab's edge does not carry out."""


Names = tuple[str, ...]
ALL: Names = ("*",)
"""All names there are, where others are listed."""


@dataclass(frozen=True)
class Parts:
    """Parts of a request, by name.

    Attributes:
        headers: Header names, in lower case, `host` apart.
        cookies: Names of cookies.
        query: Names of query parameters.
        host: Whether the viewer's Host is one.
    """

    headers: Names = ()
    cookies: Names = ()
    query: Names = ()
    host: bool = False

    def __or__(self, other: Parts) -> Parts:
        """Return the parts of both."""
        return Parts(
            _both(self.headers, other.headers),
            _both(self.cookies, other.cookies),
            _both(self.query, other.query),
            self.host or other.host,
        )


@dataclass(frozen=True)
class Caching:
    """A cache policy.

    Attributes:
        id: Of the policy.
        least: Seconds that every answer is kept at least, whatever its origin says.
        usual: Seconds that one is kept whose origin says nothing.
        most: Seconds that one is kept at most; 0: none is.
        key: What, beside distribution and path, tells two requests apart.
        gzip: Whether answers may be compressed so.
        brotli: Whether answers may be compressed so.
    """

    id: str
    least: int = 0
    usual: int = 0
    most: int = 0
    key: Parts = Parts()
    gzip: bool = False
    brotli: bool = False


MANAGED_CACHING = {
    policy.id: policy
    for policy in (
        Caching("4135ea2d-6df8-44a3-9df3-4b5a84be39ad"),  # CachingDisabled
        Caching("658327ea-f89d-4fab-a63d-7e88639e58f6", 1, 86400, 31536000, gzip=True, brotli=True),  # CachingOptimized
    )
}
"""AWS's own cache policies. Amazon CloudFront developer guide, "Use managed cache policies"."""

MANAGED_REQUESTS = {
    "216adef6-5c7f-47e4-b989-5492eafa07d3": Parts(ALL, ALL, ALL, host=True),  # AllViewer
    "b689b0a8-53d0-40ab-baf2-68738e2966ac": Parts(ALL, ALL, ALL),  # AllViewerExceptHostHeader
}
"""AWS's own origin request policies: what goes to the origin beside the key. Developer guide, "Use managed origin request policies"."""


def caching(id: str, config: Config) -> Caching:
    """Return a cache policy from its configuration in the API.

    Raises:
        Unsupported: It takes all but some, or names that nginx has no variable for.
    """
    sent = config["ParametersInCacheKeyAndForwardedToOrigin"]
    headers = tuple(name.lower() for name in _names(sent.get("HeadersConfig"), "Header"))
    key = Parts(
        tuple(name for name in headers if name != "host"),
        _names(sent.get("CookiesConfig"), "Cookie"),
        _names(sent.get("QueryStringsConfig"), "QueryString"),
        "host" in headers,
    )
    for name in (*key.cookies, *key.query):
        if name != "*" and not re.fullmatch(r"\w+", name):
            raise Unsupported(f"cache policy {id} names `{name}`, which nginx has no variable for")
    least, usual, most = (int(config.get(ttl, default)) for ttl, default in (("MinTTL", 0), ("DefaultTTL", 86400), ("MaxTTL", 31536000)))
    gzip, brotli = (bool(sent.get(f"EnableAcceptEncoding{kind}")) for kind in ("Gzip", "Brotli"))
    return Caching(id, least, usual, most, key, gzip, brotli)


def _both(one: Names, other: Names) -> Names:
    return ALL if ALL in (one, other) else tuple(dict.fromkeys([*one, *other]))


def _names(config: Config | None, what: str) -> Names:
    behaviour = (config or {}).get(f"{what}Behavior", "none")
    if behaviour == "none":
        return ()
    if behaviour == "all":
        return ALL
    if behaviour == "whitelist":
        return tuple(items(config, f"{what}s"))
    raise Unsupported(f"{what} behaviour `{behaviour}`")
