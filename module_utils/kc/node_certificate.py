"""A node's certificate: the key is made on the node and never leaves it, the platform's authority signs on the controller.

`converge` runs on the node, `sign` on the controller; between them go a request and a certificate, no secrets.
"""

from __future__ import annotations

import ipaddress
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from . import files
from .errors import KcError

VALID = timedelta(days=365)
RENEW = timedelta(days=30)
"""How much has to be left of it."""
EARLIER = timedelta(minutes=5)
"""How far a node's clock may be behind the controller's."""
LONGEST_NAME = 64
"""Characters of a common name (RFC 5280, ub-common-name)."""

Authority = Mapping[str, str]
"""What `kc.authority` makes: `certificate`, `private_key` (on the controller only), `chain`, `trusted`; the last two may be left out."""

CA, CERTIFICATE, KEY, FULL = "ca.pem", "node.pem", "node.key", "node.full.pem"


@dataclass
class Result:
    """What a node's certificate came to.

    Attributes:
        due: Why it has to be signed; empty where it is as wanted.
        request: What is to be signed, where it is due; empty in check mode.
        files: What was written, or would be.
    """

    due: list[str] = field(default_factory=list)
    request: str = ""
    files: files.Result = field(default_factory=files.Result)


# --- on the node


def converge(
    directory: Path,
    names: Sequence[str],
    authority: Authority,
    *,
    group: int,
    now: datetime,
    signed: str = "",
    check: bool = False,
) -> Result:
    """Have a directory hold authority, certificate and key, as far as it can be without a signature.

    Args:
        directory: Where they are.
        names: What the certificate is for.
        authority: Without its key.
        group: Who may read them, besides root.
        now: The time.
        signed: A certificate that `sign` made of an earlier result's request.
        check: Only tell.

    Raises:
        KcError: `signed` is not for this node's key, or a file can't be read or written.
    """
    key, certificate = _key(directory / KEY), _read(directory / CERTIFICATE)
    result = Result()
    if signed:
        if key is None or _public(_load(signed).public_key()) != _public(key.public_key()):
            raise KcError("the signed certificate is not for this node's key", hint="run it again")
        certificate = signed
    else:
        result.due = due(certificate, key, names, authority, now)
    wanted = [files.File(CA, authority.get("trusted") or authority["certificate"])]
    if key is None and not check:
        key = ec.generate_private_key(ec.SECP256R1())
    if key is not None:
        secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
        wanted.append(files.File(KEY, secret, secret=True))
        if certificate:
            chain = certificate if result.due else _pem(_load(certificate)) + (authority.get("chain") or "")
            wanted += [files.File(CERTIFICATE, chain), files.File(FULL, secret + chain, secret=True)]
        if result.due and not check:
            result.request = _request(key, names)
    access = files.Access(0, group, 0o640)
    inside = files.Access(0, group, 0o750)
    result.files = files.converge(directory, wanted, manifest=".kc-files.json", access=access, directory=inside, make=inside, check=check)
    return result


def due(certificate: str, key: ec.EllipticCurvePrivateKey | None, names: Sequence[str], authority: Authority, now: datetime) -> list[str]:
    """Return why a certificate has to be signed anew."""
    if key is None:
        return ["there is no key"]
    if not certificate:
        return ["there is no certificate"]
    try:
        found = _load(certificate)
    except KcError:
        return ["what stands there is no certificate"]
    reasons = []
    if _public(found.public_key()) != _public(key.public_key()):
        reasons.append("it is for another key")
    if not _signed_by(found, _load(authority["certificate"])):
        reasons.append("another authority signed it")
    if _names(found) != set(names):
        reasons.append(f"it is for {', '.join(sorted(_names(found))) or 'no name'}")
    left = _end(found) - now
    if left < RENEW:
        reasons.append(f"{left.days} days are left of it" if left > timedelta() else "it has expired")
    return reasons


def _key(path: Path) -> ec.EllipticCurvePrivateKey | None:
    """Return the key that stands there; one that can't be read, or is of another kind, is made anew."""
    try:
        found = serialization.load_pem_private_key(path.read_bytes(), None)
    except (FileNotFoundError, ValueError, TypeError):
        return None
    return found if isinstance(found, ec.EllipticCurvePrivateKey) else None


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except (FileNotFoundError, UnicodeDecodeError):
        return ""


def _request(key: ec.EllipticCurvePrivateKey, names: Sequence[str]) -> str:
    about = x509.CertificateSigningRequestBuilder().subject_name(_subject(names))
    return about.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


# --- on the controller


def sign(request: str, names: Sequence[str], by: Authority, now: datetime) -> str:
    """Return a certificate for the key of a request.

    It is for the names that the controller gives: what the request says of names counts for nothing.

    Raises:
        KcError: The request is none, or the authority can't sign.
    """
    asked = x509.load_pem_x509_csr(request.encode())
    if not asked.is_signature_valid:
        raise KcError("the node's request is not signed with its own key")
    authority = _load(by["certificate"])
    try:
        key = serialization.load_pem_private_key(by["private_key"].encode(), None)
    except (ValueError, TypeError) as error:
        raise KcError("the authority's private key can't be read") from error
    if _public(key.public_key()) != _public(authority.public_key()):
        raise KcError("the authority's private key is not that of its certificate")
    if _end(authority) < now + RENEW:
        raise KcError(
            f"the authority's certificate ends on {_end(authority):%d %B %Y}", hint="make a new authority before anything is signed"
        )
    usage = x509.KeyUsage(True, False, False, False, True, False, False, False, False)
    made = (
        x509.CertificateBuilder()
        .subject_name(_subject(names))
        .issuer_name(authority.subject)
        .public_key(asked.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - EARLIER)
        .not_valid_after(min(now + VALID, _end(authority)))
        .add_extension(x509.BasicConstraints(False, None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(asked.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), critical=False)  # type: ignore[arg-type]
        .sign(key, hashes.SHA256())  # type: ignore[arg-type]
    )
    return _pem(made)


def issued(names: Sequence[str], by: Authority, now: datetime) -> dict[str, str]:
    """Return a key made here, its certificate with the chain behind it, and what is trusted: for who is no node, such as a service.

    Raises:
        KcError: The authority can't sign.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
    certificate = sign(_request(key, names), names, by, now) + (by.get("chain") or "")
    return {"private_key": secret, "certificate": certificate, "trusted": by.get("trusted") or by["certificate"]}


# --- both


def _load(text: str) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(text.encode())
    except ValueError as error:
        raise KcError("what should be a certificate (PEM) can't be read as one") from error


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _subject(names: Sequence[str]) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:LONGEST_NAME])])


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _names(certificate: x509.Certificate) -> set[str]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return set()
    return {str(name.value) for name in found}


def _public(key: object) -> bytes:
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)  # type: ignore[attr-defined]


def _signed_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    """Return whether the authority's key signed it."""
    if certificate.issuer != authority.subject:
        return False
    key, signature, signed = authority.public_key(), certificate.signature, certificate.tbs_certificate_bytes
    algorithm = certificate.signature_hash_algorithm
    try:
        if isinstance(key, ec.EllipticCurvePublicKey) and algorithm:
            key.verify(signature, signed, ec.ECDSA(algorithm))
        elif isinstance(key, rsa.RSAPublicKey) and algorithm:
            key.verify(signature, signed, padding.PKCS1v15(), algorithm)
        else:
            return False
    except InvalidSignature:
        return False
    return True


def _end(certificate: x509.Certificate) -> datetime:
    with warnings.catch_warnings():  # Debian's version knows only the one without a zone, later ones warn of it
        warnings.simplefilter("ignore")
        return certificate.not_valid_after.replace(tzinfo=UTC)
