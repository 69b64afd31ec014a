"""The scenario's cluster, asked and changed from its nodes."""

from __future__ import annotations

import json
from pathlib import Path

from hands import ROOT, fqdn, playbook, python, run

HOME = ["clickhouse-1.me-west-1", "clickhouse-2.me-west-1"]
OTHER = ["clickhouse-1.eu-central-1", "clickhouse-2.eu-central-1"]
ALL = [*HOME, *OTHER]
KEEPERS = ["keeper-1.me-west-1", "keeper-2.me-west-1", "keeper-1.eu-central-1", "keeper-2.eu-central-1", "keeper-1.eu-west-1"]
OPERATOR = ("operator", "runs-the-place-9")
INTERSERVER = ("interserver", "between-us-four-5")
OPERATIONS = ROOT / "playbooks"


def ask(host: str, server: str, statement: str, user: tuple[str, str] = OPERATOR, ca: str = "/etc/kc/tls/ca.pem") -> list[list[object]]:
    """Ask a server from a node; what goes wrong is the answer `[["error", what]]`."""
    code = f"""
import json
from kc.clickhouse.connection import Access, Node, Server
from kc.errors import KcError
try:
    with Server(Node({fqdn(server)!r}), Access(*{user!r}, {ca!r}, 20)) as server:
        print(json.dumps(server.rows({statement!r}), default=str))
except KcError as error:
    print(json.dumps([["error", str(error)]]))
"""
    return list(json.loads(python(host, code)))


def since(host: str) -> str:
    """Return what tells this run of a server from the one before."""
    return run(host, "systemctl", "show", "--property=InvocationID", "--value", "clickhouse-server").strip()


def play(name: str | Path, *words: str, fails: bool = False, **variables: object) -> str:
    """Run a playbook of the scenario, or of the project, on the servers; what it said, in one line."""
    status, said = playbook(str(name), "--limit=clickhouse", f"--extra-vars={json.dumps(variables)}", *words)
    assert bool(status) is fails, said
    return " ".join(said.split())
