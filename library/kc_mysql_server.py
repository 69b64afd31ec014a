#!/usr/bin/python
"""Ansible module: this node's server runs what is configured. The work is in module_utils/kc/mysql/service.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kc_mysql_server
short_description: Have this node's MySQL server run what is configured, and serve
description:
  - Starts the service where it does not run, and waits until it answers its administrator over TLS. All nodes begin at once.
  - A server that serves with older files, or an older program, than those that are there is left alone, and C(due) is true. With
    O(restart) it is restarted, but only while all others of its cluster serve, and the module ends when it serves, follows whom it
    followed, and has applied what came. A task with C(throttle=1) so takes one after the other, and stops by itself at the first that
    does not come back.
  - A source whose administrator has another password gets this one, by its node's socket; its replicas have it from there.
  - A server that shows another certificate than the node's reads it again, without a restart.
  - With O(stop) it is ended under the same conditions, once the queries that run have ended, and does not begin again at boot.
  - A server that serves nobody may be restarted at any time.
extends_documentation_fragment: kc_server
options:
  unit:
    description: The service.
    type: str
    default: kc-mysql
  port:
    description: Port of the server.
    type: int
    default: 3306
author: KnowledgeCity operations
"""

EXAMPLES = r"""
- name: Server serves
  kc_mysql_server:
    host: "{{ kc_node_fqdn }}"
    nodes: "{{ mysql_servers | map(attribute='host') }}"
    user: "{{ mysql_administrator.username }}"
    password: "{{ mysql_administrator.password }}"
    files: [/etc/kc/mysql/my.cnf]
  register: mysql_server
"""

RETURN = r"""
done:
  description: What was, or would be, done (C(start), C(restart), C(enable), C(stop), C(administrator), C(certificate)).
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

from ansible.module_utils.kc.mysql.service import Service
from ansible.module_utils.kc.sql.options import SERVER
from ansible.module_utils.kc.sql.service import main

if __name__ == "__main__":
    main(Service, SERVER, DOCUMENTATION)
