"""Options that several MySQL modules have, as documentation, which is their argument spec too."""

from __future__ import annotations

import textwrap

from ..spec import AWS
from ..sql.options import ACCESS

COMMON = (
    r"""
options:
  host:
    description: The server to work on, C(host) or C(host:port). Its certificate must be for this name.
    type: str
    required: true
  port:
    description: Port where a server names none.
    type: int
    default: 3306
  ca:
    description:
      - File on this host with the certificate (PEM) of the authority that the servers' certificates are of; on RDS that of AWS for the
        regions. No other is trusted.
    type: str
    default: /etc/kc/tls/ca.pem
  via:
    description:
      - A command whose input and output lead to a server that is not reached from this host directly, such as C(ssh -W {host}:{port} node);
        C({host}) and C({port}) are the server's. It proves its name all the same, and what is said is encrypted.
    type: list
    elements: str
    default: []
"""
    + ACCESS
)
"""Options of every MySQL module; the documentation fragment `kc_mysql`."""

RDS = r"""
options:
  rds:
    description:
      - Where the server is an instance of RDS, what AWS knows it by. What needs more rights than RDS gives its administrator is then
        done through AWS. Without it the server is one of our own.
    type: dict
    suboptions:
      instance:
        description: The instance's identifier.
        type: str
        required: true
      region:
        description: Its region.
        type: str
        required: true
""" + textwrap.indent(AWS, 6 * " ")
"""How a server of RDS is named; the documentation fragment `kc_mysql_rds`."""

SOURCE = r"""
options:
  source_ca:
    description: File on O(host) with the authority of the source's certificate. Required where this has it follow, but not on RDS.
    type: str
    default: ""
  replication_user:
    description: Whose name it uses there. Required where this has it follow.
    type: str
    default: ""
  replication_password:
    description: That user's password. It is never shown.
    type: str
    default: ""
  retry:
    description: Seconds between attempts to reach the source.
    type: int
    default: 5
  heartbeat_period:
    description: Seconds after which the source says that there is nothing new.
    type: int
    default: 2
"""
"""How a server follows another; the documentation fragment `kc_mysql_source`."""

DATA = r"""
options:
  account_host:
    description: From where the administrator may come, where the data have no such account yet.
    type: str
    default: "%"
  owner:
    description: Who the server runs as.
    type: str
    default: mysql
  groups:
    description: Further groups that it is in.
    type: list
    elements: str
    default: [kc-tls]
  program:
    description: The server's program.
    type: path
    default: /usr/sbin/mysqld
"""
"""How a data directory is made; the documentation fragment `kc_mysql_making`."""
