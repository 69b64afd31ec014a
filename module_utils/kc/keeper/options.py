"""Options that several modules for the ensemble have, as documentation, which is their argument spec too."""

from __future__ import annotations

COMMON = r"""
options:
  members:
    description: Names of all members of the ensemble.
    type: list
    elements: str
    required: true
  port:
    description: Port of the members for clients.
    type: int
    default: 9281
  ca:
    description: The authority's certificate, on the node.
    type: path
    default: /etc/kc/tls/ca.pem
  certificate:
    description: The node's certificate.
    type: path
    default: /etc/kc/tls/node.pem
  key:
    description: The certificate's key.
    type: path
    default: /etc/kc/tls/node.key
"""
"""How members are reached; the documentation fragment `kc_ensemble`."""

TREE = r"""
options:
  root:
    description: The cluster's part of the ensemble, a path of its tree.
    type: str
    required: true
  user:
    description: The cluster's account. Accounts need not be made; one exists by being named in a node's rights.
    type: str
    required: true
  password:
    description: Its password. It is never shown.
    type: str
    required: true
  timeout:
    description: Seconds for a connection, and for each answer.
    type: float
    default: 5
"""
"""Whose part of the ensemble's tree it is; the documentation fragment `kc_ensemble_tree`."""
