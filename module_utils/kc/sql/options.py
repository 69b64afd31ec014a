"""Options of all modules that speak to database servers, as documentation."""

from __future__ import annotations

ACCESS = """\
  user:
    description: Whose name to use, on every server that the task names.
    type: str
    required: true
  password:
    description: The user's password. It is never shown.
    type: str
    required: true
  timeout:
    description: Seconds that a connection, and each answer, may take.
    type: int
    default: 30
"""
"""How a module is let in; it goes below `options:`."""

SERVER = r"""
options:
  host:
    description: This node's name, as its certificate has it.
    type: str
    required: true
  nodes:
    description: All nodes of its cluster.
    type: list
    elements: str
    required: true
  files:
    description: Files and directories that its process reads when it begins, and not again.
    type: list
    elements: path
    default: []
  restart:
    description: Restart it.
    type: bool
    default: false
  stop:
    description: End it.
    type: bool
    default: false
  timeout:
    description: Seconds until it has to serve, and until it has caught up.
    type: float
    default: 300
  drain:
    description: Seconds that a restart, or the end, waits, at most, for the queries that run when its turn comes.
    type: float
    default: 60
  user:
    description: The administrator's name.
    type: str
    required: true
  password:
    description: The administrator's password. It is never shown.
    type: str
    required: true
  ca:
    description: The authority's certificate, on the node.
    type: path
    default: /etc/kc/tls/ca.pem
"""
"""Options of a node's own server; the documentation fragment `kc_server`."""
