"""Where webhooks may lead: URLs and addresses by tables, and connections to servers on loopback with certificates of the tests' own."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media_server import reach
from media_server.reach import Sender, Unfit, Unreached, is_public, target
from tests.authority import Authority

from .receiver import HOST, Receiver, receiving

LOOPBACK = ipaddress.ip_network("127.0.0.1/32")
SECRETS = ("10.0.0.1", "127.0.0.1", "169.254.169.254", "192.168.1.1", "100.64.0.1", "224.0.0.1")


@pytest.fixture
def receiver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with receiving(tmp_path / "ca") as found:
        monkeypatch.setenv("SSL_CERT_FILE", str(found.ca))
        yield found


def at(*addresses: str) -> Callable[[str, int], list[str]]:
    return lambda host, port: [*addresses]


def post(sender: Sender, port: int, host: str = HOST) -> int:
    return sender.post(f"https://{host}:{port}/hook", {"webhook-id": "msg_1"}, b"{}")


@contextmanager
def answering(home: Path, answer: bytes, wait: bool) -> Iterator[tuple[int, Path]]:
    """Answer the first request over TLS with some bytes; and hang up, or wait until the other does."""
    authority = Authority.make(home)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue(HOST))

    def serve() -> None:
        with contextlib.suppress(OSError), context.wrap_socket(listener.accept()[0], server_side=True) as here:
            here.recv(65536)
            here.sendall(answer)
            while wait and here.recv(65536):
                pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1], authority.ca
        thread.join()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "a text of 1 to 2048"),
        (f"https://a.example/{'x' * 2048}", "a text of 1 to 2048"),
        ("https://a.example/ x", "printable ASCII"),
        ("https://a.example/\r\nhost: b", "printable ASCII"),
        ("https://ä.example/", "printable ASCII"),
        ("https://[::1/", "is no URL"),
        ("https://a.example:x/", "is no URL"),
        ("http://a.example/", "begins with https://"),
        ("ftp://a.example/", "begins with https://"),
        ("https:///x", "has the name of a host"),
        ("https://[::1]/", "has the name of a host"),
        ("https://[::ffff:127.0.0.1]/", "has the name of a host"),
        ("https://a%2eexample/", "has the name of a host"),
        ("//a.example/", "begins with https://"),
        ("https://user@a.example/", "neither a user nor a fragment"),
        ("https://user:word@a.example/", "neither a user nor a fragment"),
        ("https://a.example\\@b.example/", "neither a user nor a fragment"),
        ("https://a.example/#x", "neither a user nor a fragment"),
        ("https://a.example:8443/", "the port of `url` is 443"),
        ("https://a.example:22/", "the port of `url` is 443"),
    ],
)
def test_a_url_that_nothing_is_sent_to_is_refused(url: str, said: str) -> None:
    with pytest.raises(Unfit, match=said):
        target(url)


def test_a_url_is_kept_with_its_query_and_the_port_of_https() -> None:
    assert str(target("https://Hooks.Example:443/a?b=c")) == "https://hooks.example/a?b=c"
    assert target("https://hooks.example:8443/", any_port=True).port == 8443


@given(st.text(alphabet="htps:/@?#\\[]%.:&=0123456789abx-_~", max_size=40).map(lambda text: f"https://{text}"))
def test_a_url_means_one_host_whoever_reads_it(text: str) -> None:
    try:
        found = target(text, any_port=True)
    except Unfit:
        return
    assert target(str(found), any_port=True) == found
    assert found.host == urlsplit(text).hostname and not urlsplit(text).username


@pytest.mark.parametrize(
    "address",
    [
        *SECRETS,
        "0.0.0.0",  # noqa: S104 - it is refused
        "127.255.255.254",
        "172.16.0.1",
        "192.0.0.8",
        "192.0.2.1",
        "192.88.99.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::8.8.8.8",
        "::ffff:8.8.8.8",
        "64:ff9b:1::808:808",
        "100::1",
        "2001::1",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "2001:10::1",
        "2001:db8::1",
        "2002:808:808::1",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "ff0e::1",
    ],
)
def test_an_address_that_is_not_the_internets_is_refused(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["1.1.1.1", "8.8.8.8", "193.0.0.1", "2001:4860:4860::8888", "2a00:1450::1", "64:ff9b::8.8.8.8"])
def test_an_address_of_the_internet_may_be_reached(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@given(st.sampled_from(["10.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16", "224.0.0.0/4"]), st.integers(0))
def test_no_form_of_ipv6_lets_through_what_ipv4_refuses(network: str, number: int) -> None:
    within = ipaddress.IPv4Network(network)
    inner = int(within[number % within.num_addresses])
    for begin, shift in (("::", 0), ("::ffff:0:0", 0), ("64:ff9b::", 0), ("64:ff9b:1::", 0), ("2002::", 80), ("2001::", 64)):
        assert not is_public(ipaddress.IPv6Address(int(ipaddress.IPv6Address(begin)) | inner << shift))


def test_the_very_address_that_was_judged_is_connected_to_and_the_name_is_what_the_certificate_is_for(receiver: Receiver) -> None:
    asked: list[str] = []

    def once(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    assert post(Sender([LOOPBACK], once), receiver.port) == 204
    assert asked == [HOST] and receiver.names == [HOST]
    (got,) = receiver.got
    assert (got.path, got.headers["host"], got.body) == ("/hook", f"{HOST}:{receiver.port}", b"{}")


def test_a_name_that_means_another_address_the_second_time_is_refused(receiver: Receiver) -> None:
    answers = [["127.0.0.1"], ["127.0.0.2"]]
    sender = Sender([LOOPBACK], lambda host, port: answers.pop(0))
    assert post(sender, receiver.port) == 204
    with pytest.raises(Unreached, match="not the Internet's"):
        post(sender, receiver.port)
    assert len(receiver.got) == 1 and not answers


@pytest.mark.parametrize("others", [("127.0.0.2",), ("10.0.0.1",), ("::1",), ("127.0.0.1", "fe80::1"), ()])
def test_every_address_of_a_host_has_to_be_good(receiver: Receiver, others: tuple[str, ...]) -> None:
    for addresses in ((*others, "127.0.0.1"), ("127.0.0.1", *others)) if others else ((),):
        with pytest.raises(Unreached, match="has no address, or one that is not the Internet's"):
            post(Sender([LOOPBACK], at(*addresses)), receiver.port)
    assert not receiver.got and not receiver.names


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "0x7f.1", "2130706433", "127.1", "0"])
def test_however_loopback_is_written_it_is_refused(receiver: Receiver, host: str) -> None:
    with pytest.raises(Unreached, match="not the Internet's"):
        Sender([ipaddress.ip_network("192.0.2.0/24")]).post(f"https://{host}:{receiver.port}/", {}, b"{}")
    assert not receiver.names


def test_of_several_addresses_the_next_is_tried(receiver: Receiver) -> None:
    sender = Sender([ipaddress.ip_network("127.0.0.0/8")], at("127.0.0.3", "127.0.0.1"))
    assert post(sender, receiver.port) == 204


def test_a_name_that_has_no_address_is_told_as_one_that_may_not_be_asked() -> None:
    with pytest.raises(Unreached, match="has no address, or one that is not the Internet's"):
        Sender().post("https://nobody.invalid/", {}, b"{}")


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_redirect_is_followed(receiver: Receiver, status: int) -> None:
    receiver.answers, receiver.headers = [status], {"location": f"https://{HOST}:{receiver.port}/elsewhere"}
    assert post(Sender([LOOPBACK], at("127.0.0.1")), receiver.port) == status
    assert [each.path for each in receiver.got] == ["/hook"]


def test_proxies_of_the_environment_are_not_asked(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert post(Sender([LOOPBACK], at("127.0.0.1")), receiver.port) == 204


def test_a_certificate_of_another_name_or_by_nobody_is_refused(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Unreached, match="certificate is not to be trusted: Hostname mismatch"):
        post(Sender([LOOPBACK], at("127.0.0.1")), receiver.port, "other.example")
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(Unreached, match="certificate is not to be trusted: unable to get local issuer"):
        post(Sender([LOOPBACK], at("127.0.0.1")), receiver.port)
    assert not receiver.got


def test_who_does_not_answer_in_time_is_given_up(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "SECONDS", 1.0)
    receiver.hold.clear()
    with pytest.raises(Unreached, match="no answer in 1 seconds"):
        post(Sender([LOOPBACK], at("127.0.0.1")), receiver.port)


def test_a_name_whose_servers_are_silent_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "SECONDS", 0.3)
    answered = threading.Event()

    def silent(host: str, port: int) -> list[str]:
        answered.wait(60)
        return ["127.0.0.1"]

    with pytest.raises(Unreached, match="no answer in"):
        post(Sender([LOOPBACK], silent), 443)
    answered.set()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"", "the connection broke off, or what came was no HTTP"),
        (b"220 mail.example ESMTP\r\n", "the connection broke off, or what came was no HTTP"),
        (b"HTTP/1.1 200 OK\r\nx: " + b"x" * (1 << 20), "the connection broke off, or what came was no HTTP"),
        (b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 3, "no answer in 1 seconds"),
    ],
)
def test_what_is_no_answer_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: bytes, said: str) -> None:
    monkeypatch.setattr(reach, "SECONDS", 1.0)
    with answering(tmp_path / "ca", answer, wait=said.startswith("no answer")) as (port, ca):
        monkeypatch.setenv("SSL_CERT_FILE", str(ca))
        with pytest.raises(Unreached, match=said):
            post(Sender([LOOPBACK], at("127.0.0.1")), port)


def test_of_an_answer_the_status_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A body that never ends is not waited for."""
    with answering(tmp_path / "ca", b"HTTP/1.1 200 OK\r\ncontent-length: 999999999999\r\n\r\n<html>", wait=True) as (port, ca):
        monkeypatch.setenv("SSL_CERT_FILE", str(ca))
        assert post(Sender([LOOPBACK], at("127.0.0.1")), port) == 200


def test_who_speaks_no_tls_is_told_nothing(tmp_path: Path) -> None:
    got: list[bytes] = []

    def serve() -> None:
        here, _ = listener.accept()
        with here:
            got.append(here.recv(4096))
            here.sendall(b"HTTP/1.1 200 OK\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(Unreached, match="no connection with TLS could be made"):
            post(Sender([LOOPBACK], at("127.0.0.1")), listener.getsockname()[1])
        thread.join()
    assert b"webhook" not in got[0] and b"POST" not in got[0]
