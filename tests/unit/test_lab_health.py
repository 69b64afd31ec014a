"""The status of the lab's health checks: thresholds, calculated ones, the failover's latch, and looks at real endpoints."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.behaviours.dns.checkers import Checkers, look
from lab.behaviours.dns.health import Seen, metric_passes, statuses


@pytest.mark.parametrize(
    ("looks", "threshold", "passing"),
    [
        ("", 3, True),  # what is new is healthy
        ("xx", 3, True),
        ("xxx", 3, False),
        ("xxoxx", 3, True),
        ("xxxoo", 3, False),
        ("xxxooo", 3, True),
        ("x", 1, False),
        ("xo", 1, True),
    ],
)
def test_as_many_looks_in_a_row_as_the_threshold_says_change_the_status(looks: str, threshold: int, passing: bool) -> None:
    seen = Seen()
    for at, each in enumerate(looks):
        seen = seen.and_now(each == "o", each, at, threshold)
    assert seen.passing is passing
    assert seen.text == looks[-1:]
    assert seen.failed == max(looks.rfind("x"), 0) and seen.failure == ("x" if "x" in looks else "")


@given(st.lists(st.booleans(), max_size=40), st.integers(1, 10))
def test_the_status_is_what_the_last_long_enough_run_said(looks: list[bool], threshold: int) -> None:
    seen, expected, run = Seen(), True, 0
    for at, each in enumerate(looks):
        run = run + 1 if at and looks[at - 1] == each else 1
        expected = each if run >= threshold else expected
        seen = seen.and_now(each, "", at, threshold)
    assert seen.passing is expected


def check(type: str = "HTTPS", **more: Any) -> dict[str, Any]:
    return {"Type": type, **more}


@pytest.mark.parametrize(
    ("children", "threshold", "expected"),
    [
        ([True, True], 2, True),
        ([True, False], 2, False),
        ([True, False], 1, True),
        ([False, False], 0, True),
        ([True], 2, False),
        ([], 1, False),
    ],
)
def test_a_calculated_check_counts_healthy_children(children: list[bool], threshold: int, expected: bool) -> None:
    ids = [f"c{number}" for number in range(len(children))]
    checks = {"sum": check("CALCULATED", HealthThreshold=threshold, ChildHealthChecks=ids), **{id: check() for id in ids}}
    assert statuses(checks, {id: Seen(each) for id, each in zip(ids, children, strict=True)})["sum"] is expected


@pytest.mark.parametrize(
    ("config", "passing", "expected"),
    [
        (check(), False, False),
        (check(Inverted=True), False, True),
        (check(Inverted=True), True, False),
        (check(Disabled=True), False, True),  # a disabled check counts as healthy
        (check(Disabled=True, Inverted=True), True, False),
        (check("CALCULATED", HealthThreshold=1, Disabled=True), False, True),
        (check("CALCULATED", HealthThreshold=1, ChildHealthChecks=["gone"]), False, False),
        (check("CALCULATED", HealthThreshold=1, ChildHealthChecks=["one"]), True, False),  # itself
    ],
)
def test_disabling_and_inverting(config: dict[str, Any], passing: bool, expected: bool) -> None:
    assert statuses({"one": config}, {"one": Seen(passing)}) == {"one": expected}


def test_the_switch_keeps_the_secondary_until_it_is_cleared() -> None:
    """The calculated check of `units/dns.py`: the endpoint and the switch must both be healthy."""
    switch = check("CLOUDWATCH_METRIC", InsufficientDataHealthStatus="LastKnownStatus")
    checks = {"end": check(), "switch": switch, "primary": check("CALCULATED", HealthThreshold=2, ChildHealthChecks=["end", "switch"])}
    end, turned = Seen(), Seen()
    steps = [
        ("INSUFFICIENT_DATA", True, True),  # nobody ever turned it
        ("INSUFFICIENT_DATA", False, False),  # the endpoint is down
        ("ALARM", False, False),  # turned
        ("ALARM", True, False),  # the endpoint is up again: the latch holds
        ("INSUFFICIENT_DATA", True, False),  # and goes on without data
        ("OK", True, True),  # turned back
        ("INSUFFICIENT_DATA", True, True),
    ]
    for state, up, expected in steps:
        end = end.and_now(up, "", 0)
        turned = turned.and_now(metric_passes(state, switch, turned.passing), "", 0)
        assert statuses(checks, {"end": end, "switch": turned})["primary"] is expected, (state, up)


@pytest.mark.parametrize(
    ("setting", "last", "expected"), [("Healthy", False, True), ("Unhealthy", True, False), ("LastKnownStatus", False, False)]
)
def test_a_metric_without_data(setting: str, last: bool, expected: bool) -> None:
    config = check("CLOUDWATCH_METRIC", InsufficientDataHealthStatus=setting)
    assert metric_passes("INSUFFICIENT_DATA", config, last) is expected
    assert metric_passes("OK", config, last) and not metric_passes("ALARM", config, last)


# --- looks


class Endpoint(BaseHTTPRequestHandler):
    asked: list[tuple[str, str, str]]

    def do_GET(self) -> None:
        self.asked.append((self.path, self.headers["Host"], self.headers["User-Agent"]))
        self.send_response(int(self.path.strip("/")))
        self.end_headers()
        self.wfile.write(b"x" * 5000 + b"here" + b"x" * 500 + b"there")

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def endpoint() -> Iterator[int]:
    Endpoint.asked = []
    server = HTTPServer(("127.0.0.1", 0), Endpoint)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("config", "passes", "said"),
    [
        (check("HTTP", ResourcePath="/200"), True, "Success: HTTP Status Code 200"),
        (check("HTTP", ResourcePath="/302"), True, "Success: HTTP Status Code 302"),
        (check("HTTP", ResourcePath="/404"), False, "Failure: HTTP Status Code 404"),
        (check("HTTP", ResourcePath="/503"), False, "Failure: HTTP Status Code 503"),
        (check("HTTP_STR_MATCH", ResourcePath="/200", SearchString="here"), True, "Success"),
        (check("HTTP_STR_MATCH", ResourcePath="/200", SearchString="there"), False, "Failure"),  # beyond the first 5120 bytes
        (check("TCP"), True, "Success"),
        (check("HTTPS", ResourcePath="/200", EnableSNI=True), False, "Failure"),  # speaks no TLS
    ],
)
def test_an_endpoint_is_looked_at(endpoint: int, config: dict[str, Any], passes: bool, said: str) -> None:
    found, text = look({"FullyQualifiedDomainName": "example.test", "Port": endpoint, **config}, "127.0.0.1")
    assert found is passes and text.startswith(said), text
    if config["Type"].startswith("HTTP_") or config["Type"] == "HTTP":
        assert Endpoint.asked == [(config["ResourcePath"], f"example.test:{endpoint}", "Amazon-Route53-Health-Check-Service")]


def test_an_endpoint_that_nobody_listens_at_fails() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        passes, text = look(check("TCP", Port=free.getsockname()[1]), "127.0.0.1")
    assert not passes and text.startswith("Failure: ")


def test_endpoints_are_looked_at_until_they_are_not_wanted(endpoint: int) -> None:
    reports: dict[str, str] = {}
    reported = threading.Condition()

    def report(id: str, passes: bool, text: str) -> None:
        with reported:
            reports[id] = text
            reported.notify_all()

    def told(id: str, begins: str) -> bool:
        with reported:
            return reported.wait_for(lambda: reports.get(id, "").startswith(begins), 20)

    checkers = Checkers(report, lambda name: "127.0.0.1" if name == "example.test" else "")
    settings = {"FullyQualifiedDomainName": "example.test", "Port": endpoint, "RequestInterval": 3600}
    checkers.want({"a": check("HTTP", ResourcePath="/200", **settings), "b": check("HTTP", FullyQualifiedDomainName="nobody.test")})
    assert told("a", "Success") and told("b", "Failure: DNS resolution failed")
    checkers.want({"a": check("HTTP", ResourcePath="/503", **settings)})  # other settings: looked at anew
    assert told("a", "Failure: HTTP Status Code 503")
    checkers.want({})
    assert len(Endpoint.asked) == 2
