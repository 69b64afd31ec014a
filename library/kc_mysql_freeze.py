#!/usr/bin/python
"""Ansible module: nobody writes to a MySQL server any more."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kc_mysql_freeze
short_description: Make a MySQL server read only with proof, and its undo
description:
  - Makes the source read only, so that it stays so over a restart, ends the connections of others, tries to write as the application, and
    fails unless that is refused because the server is read only. What is tried changes nothing (C(DELETE … WHERE FALSE)).
  - A server of our own gets C(super_read_only). An instance of RDS gets C(read_only) in its parameter group, which must be its own; the
    administrator of RDS can't write then either. Accounts are not touched, since that would be replicated.
  - O(state=thawed) is refused for a replica, for a former source, and unless O(other) is known to take no writes.
extends_documentation_fragment: [kc_mysql, kc_mysql_rds]
options:
  probe:
    description: Whom to try as. Required with O(state=frozen).
    type: dict
    suboptions:
      user:
        description: The application's user.
        type: str
        required: true
      password:
        description: That user's password. It is never shown.
        type: str
        required: true
      table:
        description: A table that the user deletes from, C(database.table). The default tries those that it sees.
        type: str
  kill:
    description: Whether connections of others are ended, so that applications look up anew who takes writes.
    type: bool
    default: true
  other:
    description: With O(state=thawed), the server that might have taken over, C(host) or C(host:port).
    type: str
    default: ""
  alone:
    description: With O(state=thawed), that there is no such server.
    type: bool
    default: false
  database:
    description: Database in which promotions are written down.
    type: str
    default: kc
  wait:
    description: Seconds that it may take to be read only, and to be quiet.
    type: int
    default: 60
  state:
    description: C(thawed) has it take writes again.
    type: str
    choices: [frozen, thawed]
    default: frozen
author: KnowledgeCity operations
"""

EXAMPLES = r"""
- name: Nobody writes any more
  kc_mysql_freeze:
    host: "{{ mysql_endpoint }}"
    user: "{{ mysql_administrator.username }}"
    password: "{{ mysql_administrator.password }}"
    probe:
      user: "{{ mysql_app.username }}"
      password: "{{ mysql_app.password }}"
  register: frozen
"""

RETURN = r"""
statements:
  description: What was, or in check mode would be, run; C({node, statement}) each, secrets hidden.
  type: list
  returned: always
frozen:
  description: Whether it is.
  type: bool
  returned: success
proof:
  description: What the application tried, and how it was refused.
  type: str
  returned: when it is frozen
executed:
  description: The transactions that it has, the same in two looks.
  type: str
  returned: when it is frozen
"""

from ansible.module_utils.kc.mysql.entry import main
from ansible.module_utils.kc.mysql.freeze import work
from ansible.module_utils.kc.mysql.options import RDS

if __name__ == "__main__":
    main(work, RDS, DOCUMENTATION, secrets=["probe.password"])
