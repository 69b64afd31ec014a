#!/usr/bin/python
"""Ansible module: a former MySQL source becomes a replica."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kc_mysql_rebuild
short_description: Make a former MySQL source a replica of the new one
description:
  - Has O(host) follow O(source). One that lacks what the source no longer has, or has transactions of its own, is cloned from it before,
    with the clone plugin on both. It is at no moment writable.
  - Transactions of its own are thrown away only if O(discard) names exactly these.
  - With O(rds), the instance is given another name instead, under which it keeps what it holds, and M(kc_mysql) makes a new replica.
extends_documentation_fragment: [kc_mysql, kc_mysql_rds, kc_mysql_source]
options:
  source:
    description: The server that takes writes now, C(host) or C(host:port), as O(host) reaches it too.
    type: str
    required: true
  discard:
    description: Transactions of O(host) that may be lost, as the refusal names them.
    type: str
    default: ""
  database:
    description: Database in which promotions are written down.
    type: str
    default: kc
  clone_wait:
    description: Seconds that a clone may take.
    type: int
    default: 14400
  wait:
    description: Seconds that it may take to be back afterwards, and to follow.
    type: int
    default: 300
  foreseen:
    description: In check mode with O(rds), that O(source) would be promoted by then, and the instance be read only.
    type: bool
    default: false
  aside:
    description: With O(rds), the instance's new identifier; C(<instance>-fenced-<UTC>) where empty.
    type: str
    default: ""
author: KnowledgeCity operations
"""

EXAMPLES = r"""
- name: The former source follows the new one
  kc_mysql_rebuild:
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
cloned:
  description: Whether it was, or would be, made anew.
  type: bool
  returned: success
discarded:
  description: Transactions that were, or would be, thrown away.
  type: str
  returned: success
source_uuid:
  description: The C(server_uuid) of its source.
  type: str
  returned: when it follows
aside:
  description: With O(rds), its new identifier.
  type: str
  returned: success
"""

from ansible.module_utils.kc.mysql.entry import main
from ansible.module_utils.kc.mysql.options import RDS, SOURCE
from ansible.module_utils.kc.mysql.rebuild import work

if __name__ == "__main__":
    main(work, RDS, SOURCE, DOCUMENTATION, secrets=["replication_password"])
