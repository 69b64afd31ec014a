#!/usr/bin/python
"""Ansible module: this node's server runs what is configured. The work is in module_utils/kc/clickhouse/service.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kc_clickhouse_server
short_description: Have this node's ClickHouse server run what is configured, and serve
description:
  - Starts the service where it does not run, and waits until it answers its administrator over TLS. All nodes begin at once.
  - A server that serves with older files, or an older program, than those that are there is left alone, and C(due) is true. With
    O(restart) it is restarted, but only while all others of its cluster serve, and the module ends when it serves and its tables have
    all that their logs have. A task with C(throttle=1) so takes one after the other, and stops by itself at the first that does not
    come back.
  - With O(stop) it is ended under the same conditions, once the queries that run have ended, and does not begin again at boot.
  - A server that serves nobody may be restarted at any time.
extends_documentation_fragment: kc_server
options:
  unit:
    description: The service.
    type: str
    default: clickhouse-server
  port:
    description: Port of the native protocol over TLS.
    type: int
    default: 9440
author: KnowledgeCity operations
"""

EXAMPLES = r"""
- name: Server serves
  kc_clickhouse_server:
    host: "{{ kc_node_fqdn }}"
    nodes: "{{ clickhouse_replicas | map(attribute='host') }}"
    user: "{{ clickhouse_administrator.username }}"
    password: "{{ clickhouse_administrator.password }}"
    files: [/etc/clickhouse-server/config.xml]
  register: clickhouse_server
"""

RETURN = r"""
done:
  description: What was, or would be, done (C(start), C(restart), C(enable), C(stop)).
  type: list
  returned: success
due:
  description: Whether it serves with older files, or an older program, than those that are there.
  type: bool
  returned: success
cut:
  description: Queries that a restart, or the end, did not wait for any longer.
  type: int
  returned: success
"""

from ansible.module_utils.kc.clickhouse.service import Service
from ansible.module_utils.kc.sql.options import SERVER
from ansible.module_utils.kc.sql.service import main

if __name__ == "__main__":
    main(Service, SERVER, DOCUMENTATION)
