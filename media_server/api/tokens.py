"""Tokens: JSON Web Tokens (RFC 7519) by a key that is derived from the platform's secret, one for each purpose. Pure but for the clock.

A tenant's token lets its backend order; an upload's lets a browser send one file; a session's lets a viewer play one asset. None is good
for another purpose: the keys differ, and the audience is checked besides.
"""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass

import jwt

from ..settings import SIGNING_MIN
from .secret import derived

TENANT, UPLOAD, SESSION = "tenant", "upload", "session"
PURPOSES = (TENANT, UPLOAD, SESSION)
SESSION_SECONDS, SESSION_SECONDS_MAX = 3600, 12 * 3600
UPLOAD_SECONDS = 24 * 3600
KNOWN_MAX = 20_000
"""Tokens that were verified, and need not be again until they expire."""

_ALGORITHM = "HS256"


class Refused(Exception):
    """A token is none of ours, or not for this, or not any more."""


@dataclass(frozen=True)
class Token:
    """What a token says.

    Attributes:
        tenant: Whose.
        asset: Of which asset; empty in a tenant's.
        id: Its own, by which it is revoked.
        expires: Seconds since the epoch.
    """

    tenant: str
    asset: str
    id: str
    expires: int


class Tokens:
    """Makes and reads tokens.

    Args:
        secret: The platform's; `SIGNING_MIN` bytes at least.

    Raises:
        ValueError: The secret is too short.
    """

    def __init__(self, secret: bytes) -> None:
        if len(secret) < SIGNING_MIN:
            raise ValueError(f"the secret that tokens are signed with has {len(secret)} bytes, and {SIGNING_MIN} are the least")
        self._keys = {purpose: derived(secret, purpose) for purpose in PURPOSES}
        self._known: dict[tuple[str, str], Token] = {}

    def make(self, purpose: str, tenant: str, asset: str, seconds: int) -> tuple[str, Token]:
        """Return a token, and what it says."""
        made = Token(tenant, asset, uuid.uuid4().hex, int(time.time()) + seconds)
        claims = {"aud": purpose, "sub": tenant, "ast": asset, "jti": made.id, "exp": made.expires}
        return jwt.encode(claims, self._keys[purpose], _ALGORITHM), made

    def read(self, purpose: str, text: str) -> Token:
        """Return what a token says.

        Raises:
            Refused: It is none for this purpose, or it has expired.
        """
        known = self._known.get((purpose, text))
        if known is None:
            known = self._verified(purpose, text)
            if len(self._known) >= KNOWN_MAX:
                self._known.clear()
            self._known[purpose, text] = known
        if known.expires <= time.time():
            raise Refused("it has expired")
        return known

    def _verified(self, purpose: str, text: str) -> Token:
        required = ["aud", "sub", "ast", "jti", "exp"]
        try:
            said = jwt.decode(text, self._keys[purpose], [_ALGORITHM], audience=purpose, options={"require": required})
            return Token(str(said["sub"]), str(said["ast"]), str(said["jti"]), int(said["exp"]))
        except (jwt.InvalidTokenError, ValueError, TypeError) as error:
            raise Refused(str(error)) from None
