"""The catalogue's refresh under Ansible, with a Price List API whose answers are constructed."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from kc.cost.catalogue import HERE

from tests.play import play
from tests.unit.test_cost_refresh import product, term

NODE = "r7g.2xlarge"


class Prices(BaseHTTPRequestHandler):
    """Knows one type of instance in one region."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert self.headers["X-Amz-Target"] == "AWSPriceListService.GetProducts"
        filters = {one["Field"]: one["Value"] for one in asked["Filters"]}
        knows = (filters.get("instanceType"), filters.get("regionCode")) == (NODE, "eu-central-1")
        rows = [product("NODE", f"EUC1-BoxUsage:{NODE}", term(("0", self.server.price)))] if knows else []  # type: ignore[attr-defined]
        body = json.dumps({"FormatVersion": "aws_v1", "NextToken": "", "PriceList": rows}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def prices() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Prices)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def task(server: ThreadingHTTPServer) -> list[dict[str, Any]]:
    aws = {"endpoint_url": f"http://127.0.0.1:{server.server_address[1]}", "access_key_id": "a", "secret_access_key": "b"}
    scope = {"platform": "kc", "environment": "test", "account": "123456789012", "region": "us-east-1", "aws": aws}
    return [{"kc_price_catalogue": {"scope": scope}}]


def texts() -> dict[str, str]:
    return {file.name: file.read_text() for file in HERE.iterdir()}


def test_check_mode_shows_what_it_would_write(prices: ThreadingHTTPServer, tmp_path: Path) -> None:
    prices.price = "0.53"  # type: ignore[attr-defined]
    before = texts()
    done = play(tmp_path, task(prices), "--check", "--diff")
    assert done.returncode == 0, done.stdout
    assert "changed=1" in done.stdout
    assert f"+  - {{usage: 'BoxUsage:{NODE}', unit: Hrs, price: '0.53', kind: list" in done.stdout
    assert "AWS tells no price of AmazonEC2 BoxUsage:r7g.xlarge in eu-central-1" in " ".join(done.stderr.split())
    assert texts() == before


def test_a_price_of_zero_fails_and_writes_nothing(prices: ThreadingHTTPServer, tmp_path: Path) -> None:
    prices.price = "0.0000000000"  # type: ignore[attr-defined]
    before = texts()
    done = play(tmp_path, task(prices))
    assert done.returncode != 0
    assert f"AmazonEC2 BoxUsage:{NODE} in eu-central-1: AWS's price is zero" in done.stdout
    assert texts() == before
