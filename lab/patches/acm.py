"""ACM: a certificate has the kind of key that was asked for."""

from __future__ import annotations

import datetime
from typing import Any

CURVES = {"EC_prime256v1": "SECP256R1", "EC_secp384r1": "SECP384R1", "EC_secp521r1": "SECP521R1"}
"""ACM's names of elliptic curves (ACM API, RequestCertificate: KeyAlgorithm), and cryptography's."""

DAYS = 395
"""How long ACM's certificates are good for (ACM user guide, Certificate characteristics)."""


def key_as_asked() -> None:
    """RequestCertificate makes a key of the KeyAlgorithm asked for; moto 5.2.5 makes RSA_2048 always, for 100 ms of computing."""
    from moto.acm.models import CertBundle
    from moto.acm.responses import AWSCertificateManagerResponse as Response

    generate, request = CertBundle.generate_cert, Response.request_certificate
    asked = [""]  # one request at a time (`server.OneAtATime`)

    def requested(self: Any) -> Any:
        asked[0] = self._get_param("KeyAlgorithm") or ""
        return request(self)

    def generated(cls: Any, domain_name: str, account_id: str, region: str, sans: Any = None, cert_authority_arn: Any = None) -> Any:
        if asked[0] not in CURVES or cert_authority_arn:
            return generate(domain_name, account_id, region, sans, cert_authority_arn)
        certificate, key = self_signed(domain_name, [*(sans or [])], CURVES[asked[0]])
        about = {"cert_type": "AMAZON_ISSUED", "cert_status": "PENDING_VALIDATION"}
        return cls(certificate=certificate, private_key=key, account_id=account_id, region=region, **about)

    CertBundle.generate_cert = classmethod(generated)
    Response.request_certificate = requested


def self_signed(domain: str, names: list[str], curve: str) -> tuple[bytes, bytes]:
    """Return a certificate for `domain` and `names`, and its private key, as PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(getattr(ec, curve)())
    issuer = [(NameOID.ORGANIZATION_NAME, "Amazon"), (NameOID.COMMON_NAME, "Amazon")]
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, domain)]))
        .issuer_name(x509.Name([x509.NameAttribute(oid, value) for oid, value in issuer]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=DAYS))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in sorted({domain, *names})]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
    return certificate.public_bytes(serialization.Encoding.PEM), private


ALL = (key_as_asked,)
