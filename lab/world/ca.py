"""The lab's certificate authority: what ACM is to AWS, for the names of this lab only."""

from __future__ import annotations

import datetime
import fcntl
import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ..files import write

CA_DAYS, DAYS = 3650, 397
"""Of the CA, and of what it issues: the longest that browsers take (CA/Browser Forum, Baseline Requirements 6.3.2)."""

MARGIN = datetime.timedelta(days=30)
"""A certificate is issued anew so long before its end."""


class CA:
    """The CA of one lab; made when it is first asked for.

    Args:
        home: The world's directory; the CA is in `ca/` there, its keys readable by the owner only.
    """

    def __init__(self, home: Path) -> None:
        self.home = home / "ca"
        self.pem = self.home / "ca.pem"
        """What clients trust."""
        self._key = self.home / "ca.key"
        with self._alone():
            if not self.pem.exists():
                self._make()

    def certificate(self, names: Sequence[str]) -> tuple[Path, Path]:
        """Return the files of a certificate for DNS names (wildcards too), with its chain, and of its key.

        It is the same every time, until it is about to expire.
        """
        wanted = sorted({*names})
        digest = hashlib.sha256(json.dumps(wanted).encode()).hexdigest()[:16]
        pem, key = self.home / f"{digest}.pem", self.home / f"{digest}.key"
        with self._alone():
            if not (pem.exists() and key.exists()) or _ends(pem) < datetime.datetime.now(datetime.UTC) + MARGIN:
                self._issue(wanted, pem, key)
        return pem, key

    def _make(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "The lab's CA")])
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        certificate = (
            _dated(CA_DAYS)
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        write(self._key, _pem(key))
        write(self.pem, certificate.public_bytes(serialization.Encoding.PEM), 0o644)  # tasks read it as users of their own

    def _issue(self, names: Sequence[str], pem: Path, key_file: Path) -> None:
        signer = cast(ec.EllipticCurvePrivateKey, serialization.load_pem_private_key(self._key.read_bytes(), None))
        ca = x509.load_pem_x509_certificate(self.pem.read_bytes())
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = (
            _dated(DAYS)
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, min(names, key=len)[:64])]))
            .issuer_name(ca.subject)
            .public_key(key.public_key())
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
            .sign(signer, hashes.SHA256())
        )
        write(key_file, _pem(key))
        write(pem, certificate.public_bytes(serialization.Encoding.PEM) + self.pem.read_bytes())

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.home / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _dated(days: int) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder().serial_number(x509.random_serial_number())
    return builder.not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(now + datetime.timedelta(days=days))


def _ends(pem: Path) -> datetime.datetime:
    return x509.load_pem_x509_certificate(pem.read_bytes()).not_valid_after_utc


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
