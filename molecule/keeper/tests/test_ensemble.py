"""What the ensemble of five does: serves over TLS both ways and not otherwise, lives with two gone, and comes back from three."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from ensemble import ALL, BEGIN, HOME, OTHER, WITNESS, ensemble, read, session, write
from hands import fqdn, python, run, until

AUTHORITY = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "authority"


def test_five_members_one_leader_all_in_step() -> None:
    found = ensemble(HOME[0])
    assert (found["ready"], found["quorum"], found["reasons"]) == (True, True, [])
    assert sorted(each["state"] for each in found["members"]) == ["follower"] * 4 + ["leader"]
    assert found["leader"] in {fqdn(host) for host in ALL}


def test_what_is_written_to_one_is_read_from_another() -> None:
    write(HOME[0], HOME[0], "/read-elsewhere", "written at home")
    for member in (OTHER[1], WITNESS):
        assert until(lambda member=member: read(OTHER[0], member, "/read-elsewhere")) == "written at home"


def listening(host: str) -> set[int]:
    """The ports that a member's process listens at, but on loopback."""
    lines = run(host, "ss", "--listening", "--tcp", "--numeric", "--no-header").splitlines()
    addresses = [line.split()[3].rpartition(":") for line in lines]
    return {int(port) for address, _, port in addresses if not address.startswith(("127.", "[::1]", "[::ffff:127."))}


def test_nothing_listens_but_tls() -> None:
    for host in ALL:
        assert {9281, 9445} <= listening(host) <= {9281, 9444, 9445}, host  # 9444 is the leader's only


@pytest.mark.parametrize("port", [9281, 9444, 9445])
def test_plain_is_refused(port: int) -> None:
    leader = ensemble(HOME[0])["leader"]
    code = f"""
import socket
with socket.create_connection(({leader!r}, {port}), 5) as s:
    s.settimeout(20)
    s.sendall(b"ruok")
    try:
        print(b"imok" in s.recv(100))
    except ConnectionError:
        print(False)
"""
    assert python(HOME[0], code) == "False"


REFUSED = """
try:
    print(words.ask(way, HOSTS[1], "ruok"))
except KcError as error:
    print("refused:", error)
"""


def test_a_client_without_a_certificate_is_refused() -> None:
    assert python(HOME[0], BEGIN + "way = WAY" + REFUSED) == "imok"
    code = """
import ssl, socket
context = ssl.create_default_context(cafile="/etc/kc/tls/ca.pem")
try:
    with context.wrap_socket(socket.create_connection((HOSTS[1], 9281), 5), server_hostname=HOSTS[1]) as s:
        s.sendall(b"ruok")
        print(s.recv(100).decode() or "refused")
except OSError:
    print("refused")
"""
    assert python(HOME[0], BEGIN + code) == "refused"


@pytest.fixture
def stranger(tmp_path: Path) -> Iterator[str]:
    """A certificate for the right name by another authority, in a directory of the first node."""
    name = fqdn(HOME[0])
    key, request, certificate = (tmp_path / f"stranger.{kind}" for kind in ("key", "csr", "pem"))
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    subprocess.run(
        ["openssl", "req", "-new", *curve, "-keyout", key, "-out", request, "-subj", f"/CN={name}"], check=True, capture_output=True
    )
    by = ["-CA", AUTHORITY / "stranger.pem", "-CAkey", AUTHORITY / "stranger.key", "-CAcreateserial"]
    subprocess.run(["openssl", "x509", "-req", "-in", request, *by, "-days", "1", "-out", certificate], check=True, capture_output=True)
    run(HOME[0], "mkdir", "-p", "/root/stranger")
    for file in (key, certificate):
        run(HOME[0], "sh", "-c", f"cat >/root/stranger/{file.name}", given=file.read_text())
    yield "/root/stranger"
    run(HOME[0], "rm", "-r", "/root/stranger")


def test_a_certificate_of_another_authority_is_refused(stranger: str) -> None:
    code = f'way = Way(9281, "/etc/kc/tls/ca.pem", "{stranger}/stranger.pem", "{stranger}/stranger.key")'
    assert python(HOME[0], BEGIN + code + REFUSED).startswith("refused: ")


def test_a_member_of_another_authority_is_not_believed(stranger: str) -> None:
    code = f'way = Way(9281, "{stranger}/stranger.pem", "/etc/kc/tls/node.pem", "/etc/kc/tls/node.key")'
    assert python(HOME[0], BEGIN + code + REFUSED).startswith("refused: ")


def test_a_member_does_not_leave_its_key_to_others() -> None:
    assert run(WITNESS, "stat", "--format=%a %U:%G", "/etc/kc/tls/node.key").strip() == "640 root:kc-tls"
    assert run(WITNESS, "setpriv", "--reuid=nobody", "--clear-groups", "cat", "/etc/kc/tls/node.key", check=False) == ""


def test_two_are_killed_and_it_serves() -> None:
    gone = [ensemble(WITNESS)["leader"].rpartition(".kc-molecule")[0], WITNESS]
    left = [host for host in ALL if host not in gone]
    gone += [left.pop()] if gone[0] == WITNESS else []
    for host in set(gone):
        run(host, "sh", "-c", "systemctl kill --signal=KILL kc-keeper; systemctl stop kc-keeper")
    found = until(lambda: (seen := ensemble(left[0]))["quorum"] is True and seen)
    assert found["ready"] is False
    assert sum("is unknown" in reason for reason in found["reasons"]) == 2
    until(lambda: write(left[0], left[1], "/with-two-gone", "still there") or True)
    assert until(lambda: read(left[1], left[2], "/with-two-gone")) == "still there"


def test_three_are_gone_and_it_neither_serves_nor_says_so_and_it_comes_back() -> None:
    write(WITNESS, WITNESS, "/before", "kept")
    gone, left = ALL[:3], ALL[3:]
    for host in gone:
        run(host, "systemctl", "stop", "kc-keeper")
    found = until(lambda: (seen := ensemble(left[0]))["quorum"] is not True and not seen["leader"] and seen)
    assert (found["ready"], found["quorum"], found["leader"]) == (False, "unknown", "")  # the other three may have one another
    assert all(each["zxid"] == "unknown" for each in found["members"] if each["state"] == "unknown")
    code = f"""
try:
    client.Client(WAY, {[fqdn(host) for host in left]})
except KcError as error:
    print(error)
"""
    assert "no member serves" in python(left[0], BEGIN + code)
    run(gone[0], "systemctl", "start", "kc-keeper")
    until(lambda: ensemble(left[0])["quorum"] is True)
    assert until(lambda: read(left[0], left[1], "/before")) == "kept"


def test_a_part_of_the_tree_is_its_accounts_own() -> None:
    own = "client.account('acme', 'a long and odd passphrase 7319')"
    session(HOME[0], HOME[0], f"c.create('/acme', b'secret', [{own}])")
    denied = ["try:", "    c.read('/acme')", "except client.EnsembleError as error:", "    print(error.status)"]
    assert session(OTHER[0], HOME[0], *denied) == "-102"
    assert session(OTHER[0], HOME[0], "c.log_in('other', 'another passphrase 5521')", *denied) == "-102"
    assert session(OTHER[0], HOME[0], "c.log_in('acme', 'a long and odd passphrase 7319')", "print(c.read('/acme').decode())") == "secret"
