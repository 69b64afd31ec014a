"""Throw-away certificate authorities, for servers on loopback."""

from __future__ import annotations

import datetime
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

NOW = datetime.datetime.now(datetime.UTC)


@dataclass(frozen=True)
class Authority:
    """An authority; `ca` is the file with its certificate."""

    home: Path
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def make(cls, home: Path, name: str = "throw-away") -> Authority:
        home.mkdir(parents=True)
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _named(name)
        built = _dated(NOW - datetime.timedelta(days=30), NOW + datetime.timedelta(days=30)).subject_name(subject).issuer_name(subject)
        built = built.public_key(key.public_key()).add_extension(x509.BasicConstraints(True, None), critical=True)
        built = built.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        made = cls(home, key, built.sign(key, hashes.SHA256()))
        made.ca.write_bytes(made.certificate.public_bytes(serialization.Encoding.PEM))
        return made

    @property
    def ca(self) -> Path:
        return self.home / "ca.pem"

    def issue(self, *names: str, days: tuple[int, int] = (-1, 7)) -> tuple[Path, Path]:
        """Return the files of a certificate for host names or addresses, valid between two days from now, and of its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        begin, end = (NOW + datetime.timedelta(days=each) for each in days)
        built = _dated(begin, end).subject_name(_named(names[0])).issuer_name(self.certificate.subject).public_key(key.public_key())
        alternatives = x509.SubjectAlternativeName([_name(each) for each in names])
        made = built.add_extension(alternatives, critical=False).sign(self.key, hashes.SHA256())
        stem = f"{len(list(self.home.iterdir()))}"
        certificate, private = self.home / f"{stem}.pem", self.home / f"{stem}.key"
        certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        private.write_bytes(
            key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
        )
        return certificate, private


def _dated(begin: datetime.datetime, end: datetime.datetime) -> x509.CertificateBuilder:
    return x509.CertificateBuilder().serial_number(x509.random_serial_number()).not_valid_before(begin).not_valid_after(end)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])


def _name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)
