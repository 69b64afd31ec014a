"""Signed URLs and signed cookies, judged as CloudFront judges them.

Amazon CloudFront developer guide, "Serve private content with signed URLs and signed cookies". Signatures are RSA with
SHA-1, as CloudFront takes them where nothing else is said.
"""

from __future__ import annotations

import base64
import ipaddress
import json
import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

NAMES = ("Policy", "Signature", "Key-Pair-Id", "Expires")
"""Parameters of a signed URL; cookies are called the same, with COOKIE before."""

COOKIE = "CloudFront-"
OWN = {*NAMES, "Hash-Algorithm"}
"""Parameters that are the edge's: origins don't see them, and no canned policy names them."""


class Refused(Exception):
    """The request is answered with 403; the text says why."""


def judge(url: str, cookies: str, viewer: str, now: float, keys: Mapping[str, str]) -> None:
    """Let a request pass, or not.

    Args:
        url: As the viewer asked for it, with scheme, host and query string.
        cookies: Its Cookie header.
        viewer: Its address.
        now: Seconds since the epoch.
        keys: The public keys of the trusted key groups (PEM) by id.

    Raises:
        Refused: Nothing is signed, or not for this, or no more, or by another key.
    """
    given = _signed(url, cookies)
    if not given.get("Key-Pair-Id"):
        raise Refused("MissingKey: neither a query parameter nor a cookie names a key")
    if not given.get("Signature"):
        raise Refused("AccessDenied: no signature")
    policy = _decoded(given["Policy"]) if given.get("Policy") else canned(stripped(url), given.get("Expires", ""))
    _verify(policy, _decoded(given["Signature"]), keys.get(given["Key-Pair-Id"], ""))
    _allow(policy, stripped(url), viewer, now)


def stripped(url: str) -> str:
    """Return a URL without the parameters that sign it."""
    base, mark, query = url.partition("?")
    kept = "&".join(part for part in query.split("&") if part.partition("=")[0] not in OWN)
    return f"{base}{mark}{kept}" if kept else base


def canned(url: str, expires: str) -> bytes:
    """Return the canned policy of a URL, as it is signed.

    Raises:
        Refused: `expires` is no time.
    """
    if not expires.isdecimal():
        raise Refused("AccessDenied: it says neither a policy nor when it expires")
    return f'{{"Statement":[{{"Resource":"{url}","Condition":{{"DateLessThan":{{"AWS:EpochTime":{expires}}}}}}}]}}'.encode()


def _signed(url: str, cookies: str) -> dict[str, str]:
    """Return what signs a request: parameters of its URL, which go first, or cookies."""
    query = dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
    if any(name in query for name in NAMES):
        return {name: query[name] for name in NAMES if name in query}
    jar = dict(part.strip().partition("=")[::2] for part in cookies.split(";"))
    return {name: jar[COOKIE + name] for name in NAMES if COOKIE + name in jar}


def _decoded(text: str) -> bytes:
    """Undo CloudFront's base64, which has `-`, `_` and `~` where URLs would not take the others."""
    try:
        return base64.b64decode(text.translate(str.maketrans("-_~", "+=/")), validate=True)
    except ValueError:
        raise Refused("AccessDenied: it is not base64") from None


def _verify(policy: bytes, signature: bytes, pem: str) -> None:
    if not pem:
        raise Refused("AccessDenied: the key is in none of the trusted key groups")
    key = serialization.load_pem_public_key(pem.encode())
    if not isinstance(key, rsa.RSAPublicKey):
        raise Refused("AccessDenied: the lab's edge takes RSA keys only")
    try:
        key.verify(signature, policy, padding.PKCS1v15(), hashes.SHA1())  # noqa: S303 (what CloudFront takes)
    except InvalidSignature:
        raise Refused("AccessDenied: the signature is not the key's") from None


def _allow(policy: bytes, url: str, viewer: str, now: float) -> None:
    try:
        (statement,) = json.loads(policy)["Statement"]
        condition = statement["Condition"]
        ends = int(condition["DateLessThan"]["AWS:EpochTime"])
        begins = int(condition.get("DateGreaterThan", {}).get("AWS:EpochTime", 0))
        network = ipaddress.ip_network(condition.get("IpAddress", {}).get("AWS:SourceIp", "0.0.0.0/0"), strict=False)
        resource = statement.get("Resource", "*")
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Refused("MalformedPolicy: it is no policy") from None
    if not begins <= now < ends:
        raise Refused("AccessDenied: it has expired, or is not good yet")
    if ipaddress.ip_address(viewer) not in network:
        raise Refused("AccessDenied: it is for other addresses")
    if not re.fullmatch(wildcards(resource), url):
        raise Refused("AccessDenied: it is for something else")


def wildcards(pattern: str) -> str:
    """Return the regular expression of a pattern: `*` is any text, `?` any character."""
    return "(?s)" + "".join({"*": ".*", "?": "."}.get(each, re.escape(each)) for each in pattern)
