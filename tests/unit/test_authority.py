"""The platform's certificate authority: what it is, and that nodes follow another one in any order."""

from __future__ import annotations

import datetime
import itertools
import json
import ssl
from collections.abc import Mapping
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from kc.authority import PATH_LENGTH, YEARS, Authority, authority, authority_in
from kc.units.parameters import LONGEST

HOST = "clickhouse-1.me-west-1.kc-lab.internal"


def loaded(pem: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem.encode())


def key_of(made: Authority) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(made["private_key"].encode(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key


def node(of: Authority) -> tuple[str, str]:
    """Return a node's certificate with what follows it, and its key, as the authority signs them."""
    key, by, now = ec.generate_private_key(ec.SECP256R1()), loaded(of["certificate"]), datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
    made = (
        x509.CertificateBuilder(by.subject, name, key.public_key(), x509.random_serial_number(), now, now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key_of(of).public_key()), critical=False)
        .sign(key_of(of), hashes.SHA384())
    )
    encoding, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    private = key.private_bytes(encoding, pkcs8, serialization.NoEncryption()).decode()
    return made.public_bytes(encoding).decode() + of["chain"], private


def accepts(trusted: str, shown: tuple[str, str], directory: Path) -> bool:
    """Whether one that trusts `trusted` takes a server that shows a certificate for what it says that it is."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.verify_flags |= ssl.VerifyFlags.VERIFY_X509_STRICT
    client.load_verify_locations(cadata=trusted)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    for name, text in zip(("certificate", "key"), shown, strict=True):
        (directory / name).write_text(text)
    server.load_cert_chain(directory / "certificate", directory / "key")
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (client.wrap_bio(to_client, to_server, server_hostname=HOST), server.wrap_bio(to_server, to_client, server_side=True))
    done: set[int] = set()
    for which in itertools.chain.from_iterable(itertools.repeat((0, 1), 20)):
        try:
            ends[which].do_handshake()
            done.add(which)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLCertVerificationError:
            return False
    assert done == {0, 1}
    return True


@pytest.fixture(scope="module")
def line() -> list[Authority]:
    """Three authorities, each of which took over from the one before it."""
    found: list[Authority] = []
    for _ in range(3):
        found.append(authority("kc lab", found[-1] if found else None))
    return found


def test_it_signs_certificates_of_nodes_and_nothing_else(line: list[Authority]) -> None:
    made = loaded(line[0]["certificate"])
    assert made.subject == made.issuer
    assert made.subject.rfc4514_string() == "CN=kc lab"
    assert made.not_valid_after_utc - datetime.datetime.now(datetime.UTC) > datetime.timedelta(days=365 * YEARS - 1)
    assert made.not_valid_before_utc < datetime.datetime.now(datetime.UTC)
    limits = made.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (limits.critical, limits.value.ca, limits.value.path_length) == (True, True, PATH_LENGTH) == (True, True, 0)
    usage = made.extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical
    assert usage.value.key_cert_sign
    assert usage.value.crl_sign
    assert not usage.value.digital_signature
    key = key_of(line[0])
    assert key.curve.name == "secp384r1"
    assert key.public_key() == made.public_key()
    assert (line[0]["chain"], line[0]["trusted"]) == ("", line[0]["certificate"])


def test_each_is_another(line: list[Authority]) -> None:
    assert len({each["private_key"] for each in line}) == 3
    assert len({loaded(each["certificate"]).serial_number for each in line}) == 3


@pytest.mark.parametrize("follower", [0, 1, 2])
@pytest.mark.parametrize("shower", [0, 1, 2])
def test_nodes_follow_in_any_order(line: list[Authority], follower: int, shower: int, tmp_path: Path) -> None:
    """Who is one rotation ahead or behind is understood; who is two behind is not any more."""
    assert accepts(line[follower]["trusted"], node(line[shower]), tmp_path) is (abs(follower - shower) <= 1)


def test_it_is_the_chain_that_those_behind_believe(line: list[Authority], tmp_path: Path) -> None:
    assert not accepts(line[0]["trusted"], node({**line[1], "chain": ""}), tmp_path)


def test_another_platform_is_not_trusted(line: list[Authority], tmp_path: Path) -> None:
    assert not accepts(authority("kc lab")["trusted"], node(line[0]), tmp_path)


def test_the_parameter_has_room_for_what_is_trusted(line: list[Authority]) -> None:
    made = authority("x" * 80, authority("x" * 80))
    assert len(made["trusted"].encode()) + 120 < LONGEST
    assert loaded(made["certificate"]).subject.rfc4514_string() == f"CN={'x' * 64}"
    assert made["trusted"].count("BEGIN CERTIFICATE") == line[2]["trusted"].count("BEGIN CERTIFICATE") == 2


def test_one_of_another_name_is_not_taken_over_from(line: list[Authority]) -> None:
    made = authority("kc staging", line[0])
    assert (made["chain"], made["trusted"]) == ("", made["certificate"])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", None),
        ("theirs", None),
        ("[]", None),
        ('{"password": "x"}', None),
        ('{"certificate": "a", "private_key": ""}', None),
        ('{"certificate": "a", "private_key": "b"}', {"certificate": "a", "private_key": "b", "chain": "", "trusted": "a"}),
    ],
)
def test_what_a_secret_holds(text: str, found: Mapping[str, str] | None) -> None:
    assert authority_in(text) == found


def test_what_is_made_is_found_again(line: list[Authority]) -> None:
    assert authority_in(json.dumps(line[1])) == line[1]
