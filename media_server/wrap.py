"""An asset's root, and how KMS wraps it.

The key is a multi-region key: what one region's wrapped, the other's opens by itself (KMS developer guide, "Multi-Region keys"). Tenant
and asset are the encryption context, so that a root does not open as another's, and CloudTrail tells whose was opened.
"""

from __future__ import annotations

import uuid
from typing import Any

from botocore.exceptions import ClientError

from .aws import code
from .keys import ROOT_BYTES, Keys


class Locked(Exception):
    """KMS does not open a root: it is another tenant's or asset's, or nobody may."""


class Wrapper:
    """Makes, opens and wraps anew.

    Args:
        kms: A region's client.
        key: The multi-region key: its id, ARN or alias.
    """

    def __init__(self, kms: Any, key: str) -> None:
        self._kms = kms
        self._key = key

    def new(self, tenant: str, asset: uuid.UUID) -> tuple[Keys, bytes]:
        """Return the keys of a new asset, and its root as it is kept."""
        root, wrapped = self.data_key(_context(tenant, asset))
        return Keys(asset, root), wrapped

    def open(self, tenant: str, asset: uuid.UUID, wrapped: bytes) -> Keys:
        """Return the keys of an asset.

        Raises:
            Locked: It is not this tenant's asset, or KMS may not be asked.
        """
        return Keys(asset, self.opened(wrapped, _context(tenant, asset), f"the root of asset {asset}"))

    def again(self, tenant: str, asset: uuid.UUID, wrapped: bytes) -> bytes:
        """Return a root wrapped by the key as it is now: after a rotation, or by another key. KMS does it; nobody sees the root."""
        context = _context(tenant, asset)
        done = self._kms.re_encrypt(
            CiphertextBlob=wrapped, SourceEncryptionContext=context, DestinationKeyId=self._key, DestinationEncryptionContext=context
        )
        return bytes(done["CiphertextBlob"])

    def data_key(self, context: dict[str, str]) -> tuple[bytes, bytes]:
        """Return 32 bytes that KMS made, and them as they are kept."""
        made = self._kms.generate_data_key(KeyId=self._key, NumberOfBytes=ROOT_BYTES, EncryptionContext=context)
        return made["Plaintext"], made["CiphertextBlob"]

    def opened(self, wrapped: bytes, context: dict[str, str], what: str) -> bytes:
        """Return what was wrapped with a context.

        Raises:
            Locked: The context is another's, or KMS may not be asked.
        """
        try:
            return bytes(self._kms.decrypt(CiphertextBlob=wrapped, EncryptionContext=context)["Plaintext"])
        except ClientError as error:
            if code(error) in ("InvalidCiphertextException", "AccessDeniedException", "IncorrectKeyException", "DisabledException"):
                raise Locked(f"KMS does not open {what}: {code(error)}") from None
            raise


def _context(tenant: str, asset: uuid.UUID) -> dict[str, str]:
    return {"tenant": tenant, "asset": str(asset)}
