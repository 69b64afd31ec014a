"""The scenario's servers, asked and changed from its nodes."""

from __future__ import annotations

import json
from typing import Any

from hands import fqdn, playbook, python, run

SOURCE, REPLICA = "mysql-1.me-west-1", "mysql-1.eu-central-1"
BOTH = [SOURCE, REPLICA]
OPERATOR = ("operator", "runs-the-\"place'-9\\")
REPLICATION = ("replication", "between-us-two-5")
APP = ("app", "serves-the-app-3")
CLIENT = ("acme", "only-its-own-4")
CA = "/etc/kc/tls/ca.pem"
UNIT = "kc-mysql"


def ask(host: str, server: str, *statements: str, user: tuple[str, str] = OPERATOR, ca: str = CA) -> list[Any]:
    """Ask a server from a node, on one connection, and return the last answer's rows; what goes wrong is `["error", code, what]`."""
    code = f"""
import json
from kc.mysql.connection import Access, Node, Server
from kc.errors import KcError
try:
    with Server(Node({fqdn(server)!r}, 3306), Access(*{user!r}, {ca!r}, 10)) as server:
        for statement in {list(statements)!r}:
            rows = server.rows(statement)
        print(json.dumps(rows, default=str))
except KcError as error:
    print(json.dumps(["error", getattr(error, "server_code", 0) or error.code, str(error)]))
"""
    return list(json.loads(python(host, code)))


def one(server: str, statement: str) -> Any:
    """Return the one value that a server answers its administrator, asked from its own node."""
    ((found,),) = ask(server, server, statement)
    return found


def channel(server: str) -> dict[str, Any]:
    """Return a server's replication, as it says it; empty where it follows nobody."""
    code = f"""
import json
from kc.mysql.connection import Access, Node, Server
with Server(Node({fqdn(server)!r}, 3306), Access(*{OPERATOR!r}, {CA!r}, 10)) as server:
    print(json.dumps([*server.dicts("SHOW REPLICA STATUS"), {{}}][0], default=str))
"""
    return dict(json.loads(python(server, code)))


def module(host: str, name: str, **params: Any) -> dict[str, Any]:
    """Do what a module does to a node's server, from that node, and return its result."""
    given = {"host": fqdn(host), "port": 3306, "user": OPERATOR[0], "password": OPERATOR[1], "ca": CA, "timeout": 20, "rds": None, **params}
    code = f"""
import json
from kc.mysql import {name}
from kc.mysql.entry import run
print(json.dumps(run({name}.work, {given!r}, check=False), default=str))
"""
    return dict(json.loads(python(host, code)))


def follow(host: str, source: str) -> dict[str, Any]:
    """Return the options with which a server follows another."""
    return {
        "source": fqdn(source),
        "source_ca": CA,
        "replication_user": REPLICATION[0],
        "replication_password": REPLICATION[1],
        "retry": 5,
        "heartbeat_period": 2,
        "wait": 60,
    }


def gtids(server: str) -> str:
    """Return the transactions that a server has."""
    return str(one(server, "SELECT @@global.gtid_executed"))


def has_all(server: str, other: str) -> bool:
    """Whether a server has all transactions that another has at this moment."""
    return bool(one(server, f"SELECT GTID_SUBSET('{gtids(other)}', @@global.gtid_executed)"))


def follows(server: str, source: str) -> bool:
    """Whether a server follows another, and has all that this has."""
    found = channel(server)
    runs = (found["Source_Host"], found["Replica_IO_Running"], found["Replica_SQL_Running"]) == (fqdn(source), "Yes", "Yes")
    return runs and has_all(server, source)


def writable(server: str) -> bool:
    """Whether a server takes a write of the application."""
    answer = ask(server, server, "DELETE FROM app.rows_of WHERE FALSE", user=APP)
    assert answer == [] or answer[1] == 1290, answer
    return answer == []


def since(host: str) -> str:
    """Return what tells this run of a server from the one before."""
    return run(host, "systemctl", "show", "--property=InvocationID", "--value", UNIT).strip()


def play(*words: str, fails: bool = False, **variables: object) -> str:
    """Run the scenario's converge.yml; what it said, in one line."""
    status, said = playbook("converge.yml", f"--extra-vars={json.dumps(variables)}", *words)
    assert bool(status) is fails, said
    return " ".join(said.split())
