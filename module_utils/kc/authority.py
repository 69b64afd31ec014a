"""The platform's certificate authority: what is made of it, and how one takes over from another.

Pure, but for the dice. Its subject never changes, so a certificate that an authority makes for its successor is
*self-issued* (RFC 5280, 3.2): it takes none of the path that `PATH_LENGTH` leaves. That is what a rotation lives on (RFC 4210,
4.4: new with old): a node that has followed shows its certificate with the successor's, made by the old one, after it, and who
still trusts nothing but the old one accepts it; and who has followed trusts both. So nodes follow in any order, at any time.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from typing import Any

YEARS = 10
"""How long an authority is good for. A rotation is what ends one."""

PATH_LENGTH = 0
"""Authorities below it: none, it signs nodes' certificates itself."""

SKEW = datetime.timedelta(hours=1)
"""How far a node's clock may be behind."""

LONGEST_NAME = 64
"""Characters of a common name. RFC 5280, appendix A.1: ub-common-name."""

Authority = Mapping[str, str]
"""An authority as PEM.

`certificate` and `private_key` (EC P-384, PKCS#8) are its own; `chain` is what follows the certificate of a node: empty, or its own
certificate made by the authority before it; `trusted` is what to trust: its certificate, then that of the one before it.
"""


def authority(subject: str, before: Authority | None = None) -> Authority:
    """Make another authority, which takes over from the one `before`, if there is one that still stands.

    Args:
        subject: Its common name; that of the one before it.
        before: The one that it takes over from.
    """
    # here, since loading it costs every task as much as a call to AWS
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP384R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, subject[:LONGEST_NAME])])
    now = datetime.datetime.now(datetime.UTC)
    ends = now + datetime.timedelta(days=365 * YEARS)

    def signed(by: Any, until: datetime.datetime) -> str:
        made = (
            x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - SKEW, until)
            .add_extension(x509.BasicConstraints(ca=True, path_length=PATH_LENGTH), critical=True)
            .add_extension(x509.KeyUsage(**{**dict.fromkeys(_USAGES, False), "key_cert_sign": True, "crl_sign": True}), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()), critical=False)
            .sign(by, hashes.SHA384())
        )
        return made.public_bytes(serialization.Encoding.PEM).decode()

    certificate, chain, trusted = signed(key, ends), "", ""
    old = x509.load_pem_x509_certificate(before["certificate"].encode()) if before else None
    if before and old and old.subject == name and old.not_valid_after_utc > now:
        old_key = serialization.load_pem_private_key(before["private_key"].encode(), None)
        chain, trusted = signed(old_key, min(ends, old.not_valid_after_utc)), before["certificate"]
    pkcs8, no_password = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, pkcs8, no_password).decode()
    return {"certificate": certificate, "private_key": private, "chain": chain, "trusted": certificate + trusted}


_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


def authority_in(text: str) -> Authority | None:
    """Return the authority that a secret's value holds, or None: it was written by hand and holds none.

    One that was brought along holds `certificate` and `private_key` at least.
    """
    try:
        found = {key: str(value) for key, value in json.loads(text).items()}
    except (ValueError, AttributeError):
        return None
    if not found.get("certificate") or not found.get("private_key"):
        return None
    return {"chain": "", "trusted": found["certificate"], **found}
