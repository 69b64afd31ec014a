"""A node's certificate: when it is due, what is signed, and what lies on the node afterwards."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from kc import authority, node_certificate
from kc.errors import KcError
from kc.node_certificate import Result, converge, sign

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
NAMES = ["clickhouse-1.me-west-1.kc-test.internal", "localhost", "10.10.1.11"]


class Authority:
    def __init__(self, name: str, *, old: bool = False, days: int = 3650) -> None:
        self.key = rsa.generate_private_key(65537, 2048) if old else ec.generate_private_key(ec.SECP384R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(self.key.public_key())
            .serial_number(1)
            .not_valid_before(NOW - timedelta(days=1))
            .not_valid_after(NOW + timedelta(days=days))
            .add_extension(x509.BasicConstraints(True, None), critical=True)
            .sign(self.key, hashes.SHA256())
        )
        self.certificate = made
        pem = made.public_bytes(serialization.Encoding.PEM).decode()
        private = self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        self.public = {"certificate": pem}
        self.whole = {"certificate": pem, "private_key": private.decode()}


PLATFORM = Authority("platform")


def run(directory: Path, names: list[str] = NAMES, by: Authority = PLATFORM, now: datetime = NOW, check: bool = False) -> Result:
    """Do what the action does: ask the node, sign what it wants signed, hand it back."""
    gid = directory.parent.stat().st_gid
    asked = converge(directory, names, by.public, group=gid, now=now, check=check)
    if asked.request:
        signed = sign(asked.request, names, by.whole, now)
        converge(directory, names, by.public, group=gid, now=now, signed=signed)
    return asked


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("os.chown", lambda *about: None)
    return tmp_path / "tls"


def certificate(directory: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate((directory / "node.pem").read_bytes())


def test_a_certificate_for_server_and_client(directory: Path) -> None:
    assert run(directory).due == ["there is no key"]
    found = certificate(directory)
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(name.value) for name in names] == NAMES
    assert len(names.get_values_for_type(x509.IPAddress)) == 1
    usage = found.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert {*usage} == {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}
    assert not found.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert found.not_valid_after_utc == NOW + timedelta(days=365)
    found.verify_directly_issued_by(PLATFORM.certificate)
    key = serialization.load_pem_private_key((directory / "node.key").read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert key.curve.name == "secp256r1"
    assert key.public_key() == found.public_key()


def test_what_lies_on_the_node(directory: Path) -> None:
    run(directory)
    key, own = (directory / "node.key").read_text(), (directory / "node.pem").read_text()
    assert (directory / "ca.pem").read_text() == PLATFORM.public["certificate"]
    assert (directory / "node.full.pem").read_text() == key + own
    assert key.startswith("-----BEGIN PRIVATE KEY-----")  # Java reads no other
    assert stat.S_IMODE(directory.stat().st_mode) == 0o750
    assert {stat.S_IMODE((directory / name).stat().st_mode) for name in ("ca.pem", "node.pem", "node.key", "node.full.pem")} == {0o640}


def test_a_second_run_changes_nothing(directory: Path) -> None:
    run(directory)
    before = {path.name: path.read_bytes() for path in directory.iterdir()}
    again = run(directory, now=NOW + timedelta(days=300))
    assert (again.due, again.files.changed, again.request) == ([], [], "")
    assert {path.name: path.read_bytes() for path in directory.iterdir()} == before


def test_check_writes_nothing(directory: Path) -> None:
    found = run(directory, check=True)
    assert (found.due, found.request, directory.exists()) == (["there is no key"], "", False)


@pytest.mark.parametrize(
    ("later", "names", "by", "reason"),
    [
        (timedelta(days=334), NAMES, PLATFORM, ""),
        (timedelta(days=336), NAMES, PLATFORM, "29 days are left of it"),
        (timedelta(days=400), NAMES, PLATFORM, "it has expired"),
        (timedelta(), NAMES[:2], PLATFORM, "it is for 10.10.1.11, clickhouse-1.me-west-1.kc-test.internal, localhost"),
        (timedelta(), [*reversed(NAMES)], PLATFORM, ""),
        (timedelta(), NAMES, Authority("another"), "another authority signed it"),
        (timedelta(), NAMES, Authority("platform"), "another authority signed it"),  # of the same name
    ],
)
def test_when_it_is_signed_again(directory: Path, later: timedelta, names: list[str], by: Authority, reason: str) -> None:
    run(directory)
    key, serial = (directory / "node.key").read_text(), certificate(directory).serial_number
    found = run(directory, names, by, NOW + later)
    assert found.due == ([reason] if reason else [])
    assert (certificate(directory).serial_number == serial) is not bool(reason)
    assert (directory / "node.key").read_text() == key
    assert run(directory, names, by, NOW + later).due == []


@pytest.mark.parametrize(
    ("name", "content", "reason"), [("node.key", "nonsense", "there is no key"), ("node.pem", "", "there is no certificate")]
)
def test_what_is_broken_is_made_anew(directory: Path, name: str, content: str, reason: str) -> None:
    run(directory)
    (directory / name).write_text(content)
    assert run(directory).due == [reason]
    assert run(directory).due == []
    key = serialization.load_pem_private_key((directory / "node.key").read_bytes(), None)
    assert key.public_key() == certificate(directory).public_key()  # type: ignore[union-attr]


def test_a_file_changed_by_hand_is_put_back_without_a_signature(directory: Path) -> None:
    run(directory)
    (directory / "ca.pem").write_text("")
    (directory / "node.full.pem").unlink()
    found = run(directory)
    assert (found.due, sorted(found.files.changed)) == ([], ["ca.pem", "node.full.pem"])


def test_the_key_is_never_shown(directory: Path) -> None:
    first = run(directory)
    (directory / "node.key").write_text("nonsense")
    again = run(directory)
    assert "PRIVATE" not in str(first) + str(again)


def test_names_are_the_controllers_to_say(directory: Path) -> None:
    asked = converge(directory, ["everything.example"], PLATFORM.public, group=0, now=NOW)
    signed = sign(asked.request, NAMES, PLATFORM.whole, NOW)
    found = x509.load_pem_x509_certificate(signed.encode())
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(name.value) for name in names] == NAMES
    assert found.subject.rfc4514_string() == f"CN={NAMES[0]}"


def test_an_authority_that_takes_over(directory: Path) -> None:
    old = authority.authority("platform")
    gid = directory.parent.stat().st_gid

    def follow(whole: Mapping[str, str], now: datetime) -> Result:
        public = {name: text for name, text in whole.items() if name != "private_key"}
        asked = converge(directory, NAMES, public, group=gid, now=now)
        if asked.request:
            converge(directory, NAMES, public, group=gid, now=now, signed=sign(asked.request, NAMES, whole, now))
        return asked

    now = datetime.now(UTC)
    follow(old, now)
    new = authority.authority("platform", before=old)
    assert follow(new, now).due == ["another authority signed it"]
    own, link = x509.load_pem_x509_certificates((directory / "node.pem").read_bytes())
    successor, predecessor = x509.load_pem_x509_certificates((directory / "ca.pem").read_bytes())
    own.verify_directly_issued_by(successor)
    link.verify_directly_issued_by(predecessor)
    assert follow(new, now).files.changed == []
    ended = {**new, "chain": "", "trusted": new["certificate"]}
    found = follow(ended, now)
    assert (found.due, sorted(found.files.changed)) == ([], ["ca.pem", "node.full.pem", "node.pem"])
    assert x509.load_pem_x509_certificates((directory / "node.pem").read_bytes()) == [own]


def test_an_authority_of_the_older_kind(directory: Path) -> None:
    old = Authority("old", old=True)
    run(directory, by=old)
    assert run(directory, by=old).due == []


def test_a_certificate_never_outlives_its_authority(directory: Path) -> None:
    run(directory, by=Authority("short", days=100))
    assert certificate(directory).not_valid_after_utc == NOW + timedelta(days=100)


@pytest.mark.parametrize(
    ("whole", "message"),
    [
        ({**PLATFORM.whole, "private_key": Authority("another").whole["private_key"]}, "is not that of its certificate"),
        ({**PLATFORM.whole, "private_key": "nonsense"}, "private key can't be read"),
        ({**PLATFORM.whole, "certificate": "nonsense"}, "can't be read as one"),
        (Authority("ending", days=20).whole, "the authority's certificate ends on 21 May 2026. Make a new authority"),
    ],
)
def test_an_authority_that_can_not_sign(directory: Path, whole: dict[str, str], message: str) -> None:
    asked = converge(directory, NAMES, PLATFORM.public, group=0, now=NOW)
    with pytest.raises(KcError, match=message):
        sign(asked.request, NAMES, whole, NOW)


def test_a_certificate_for_another_node_is_refused(directory: Path, tmp_path: Path) -> None:
    asked = converge(directory, NAMES, PLATFORM.public, group=0, now=NOW)
    other = converge(tmp_path / "other", NAMES, PLATFORM.public, group=0, now=NOW)
    signed = sign(other.request, NAMES, PLATFORM.whole, NOW)
    assert asked.request
    with pytest.raises(KcError, match="not for this node's key"):
        converge(directory, NAMES, PLATFORM.public, group=0, now=NOW, signed=signed)


def test_a_long_name_is_no_obstacle(directory: Path) -> None:
    names = [f"{'long-' * 15}.me-west-1.kc-test.internal"]
    run(directory, names)
    assert node_certificate.due((directory / "node.pem").read_text(), None, names, PLATFORM.public, NOW) == ["there is no key"]
    assert run(directory, names).due == []
