"""Signed cookies of CloudFront: with them the edge gives a viewer the segments of one asset, and of no other.

Amazon CloudFront developer guide, "Set signed cookies using a custom policy". The key pair is `media-cookies` (docs/platform.md).
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

KEPT_SECONDS = 120
"""How often is looked for another version; the edge takes the one before until the next rotation."""


@dataclass(frozen=True)
class Signer:
    """Signs with a key pair's private half.

    Attributes:
        key_pair: Its id at CloudFront.
        key: The private half.
    """

    key_pair: str
    key: rsa.RSAPrivateKey

    @classmethod
    def of(cls, key_pair: str, pem: bytes) -> Signer:
        """Return a signer of a PEM.

        Raises:
            ValueError: It is no RSA key.
        """
        key = serialization.load_pem_private_key(pem, None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise ValueError("the key of signed cookies is no RSA key")
        return cls(key_pair, key)

    def cookies(self, url: str, expires: int) -> dict[str, str]:
        """Return the cookies that are good for all URLs that begin so, until then (seconds since the epoch)."""
        condition = {"DateLessThan": {"AWS:EpochTime": expires}}
        policy = json.dumps({"Statement": [{"Resource": f"{url}*", "Condition": condition}]}, separators=(",", ":")).encode()
        # RSA with SHA-1: what CloudFront takes where nothing else is said
        signature = self.key.sign(policy, padding.PKCS1v15(), hashes.SHA1())  # noqa: S303
        return {"CloudFront-Policy": _safe(policy), "CloudFront-Signature": _safe(signature), "CloudFront-Key-Pair-Id": self.key_pair}


class Signers:
    """Tells whom to sign with now: which version of the key pair the edge knows stands in a parameter (docs/platform.md).

    Args:
        ssm, secrets: A region's clients.
        parameter, secret: Their names.
        clock: Seconds, for tests.
    """

    def __init__(self, ssm: Any, secrets: Any, parameter: str, secret: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._ssm, self._secrets = ssm, secrets
        self._parameter, self._secret = parameter, secret
        self._clock = clock
        self._kept: tuple[float, Signer] | None = None

    def __call__(self) -> Signer:
        """Return it. While AWS does not answer the one before stays good, as it does at the edge."""
        if self._kept is not None and self._kept[0] > self._clock():
            return self._kept[1]
        try:
            signer = self._read()
        except (BotoCoreError, ClientError):
            if self._kept is None:
                raise
            signer = self._kept[1]
        self._kept = self._clock() + KEPT_SECONDS, signer
        return signer

    def _read(self) -> Signer:
        said = json.loads(self._ssm.get_parameter(Name=self._parameter)["Parameter"]["Value"])
        pair = self._secrets.get_secret_value(SecretId=self._secret, VersionId=said["version"])["SecretString"]
        return Signer.of(said["key"], json.loads(pair)["private_key"].encode())


def _safe(data: bytes) -> str:
    """Return Base64 with CloudFront's own replacements."""
    return base64.b64encode(data).decode().translate(str.maketrans("+=/", "-_~"))
