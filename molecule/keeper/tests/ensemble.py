"""The scenario's ensemble, asked and used from its nodes."""

from __future__ import annotations

import json
from typing import Any

from hands import fqdn, python

HOME = ["keeper-1.me-west-1", "keeper-2.me-west-1"]
OTHER = ["keeper-1.eu-central-1", "keeper-2.eu-central-1"]
WITNESS = "keeper-1.eu-west-1"
ALL = [*HOME, *OTHER, WITNESS]

BEGIN = f"""
import json
from kc.errors import KcError
from kc.keeper import client, health, words
from kc.keeper.tls import Way
HOSTS = {[fqdn(host) for host in ALL]}
WAY = Way(9281, "/etc/kc/tls/ca.pem", "/etc/kc/tls/node.pem", "/etc/kc/tls/node.key")
"""


def ensemble(host: str) -> dict[str, Any]:
    return dict(json.loads(python(host, BEGIN + "print(json.dumps(health.look(WAY, HOSTS).facts()))")))


def session(host: str, member: str, *lines: str) -> str:
    """Run lines with a client `c` of one member."""
    body = "\n".join(f"    {line}" for line in lines)
    return python(host, f"{BEGIN}\nwith client.Client(WAY, [{fqdn(member)!r}]) as c:\n{body}")


def write(host: str, member: str, path: str, value: str) -> None:
    session(host, member, f"c.create({path!r}, {value.encode()!r})")


def read(host: str, member: str, path: str) -> str:
    return session(host, member, f"print(c.read({path!r}).decode())")
