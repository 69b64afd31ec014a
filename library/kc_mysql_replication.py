#!/usr/bin/python
"""Ansible module: a MySQL server follows another."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kc_mysql_replication
short_description: Have a MySQL server follow another
description:
  - Has O(host) follow O(source) by GTID over TLS, by statements, or by RDS's procedures where O(rds) is given. A server of our own is made
    read only first, and verifies its source's certificate and name.
  - Refused are a server that has transactions which the source has not, lacks some that the source no longer has, is older than its
    source, is followed by it, or follows another one.
  - A replica that RDS keeps itself (C(CreateDBInstanceReadReplica)) needs none of this.
extends_documentation_fragment: [kc_mysql, kc_mysql_rds, kc_mysql_source]
options:
  source:
    description: The server that it follows, C(host) or C(host:port), as O(host) reaches it too. Required with O(state=running).
    type: str
    default: ""
  wait:
    description: Seconds to wait until it follows.
    type: int
    default: 60
  state:
    description: C(stopped) stops following, C(absent) forgets the source too. Neither makes it writable.
    type: str
    choices: [running, stopped, absent]
    default: running
author: KnowledgeCity operations
"""

EXAMPLES = r"""
- name: The old source follows the new one
  kc_mysql_replication:
    host: "{{ mysql_endpoint }}"
    user: "{{ mysql_administrator.username }}"
    password: "{{ mysql_administrator.password }}"
    source: "{{ mysql_source_endpoint }}"
    source_ca: /etc/kc/tls/ca.pem
    replication_user: replication
    replication_password: "{{ node_secrets.secrets['mysql-replication'].password }}"
"""

RETURN = r"""
statements:
  description: What was, or in check mode would be, run; C({node, statement}) each, secrets hidden.
  type: list
  returned: always
source_uuid:
  description: The C(server_uuid) of its source.
  type: str
  returned: when it follows one
"""

from ansible.module_utils.kc.mysql.entry import main
from ansible.module_utils.kc.mysql.options import RDS, SOURCE
from ansible.module_utils.kc.mysql.replication import work

if __name__ == "__main__":
    main(work, RDS, SOURCE, DOCUMENTATION, secrets=["replication_password"])
