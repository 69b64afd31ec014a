#!/usr/bin/python
"""Ansible module: a MySQL database."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kc_mysql_database
short_description: A MySQL database
description:
  - Makes a database, and gives it its character set. Tables keep theirs. Run it on the source; replicas follow.
  - A database that has tables goes only with O(data=delete).
extends_documentation_fragment: kc_mysql
options:
  name:
    description: Name of the database.
    type: str
    required: true
  charset:
    description: Character set of tables that are made without one.
    type: str
    default: utf8mb4
  collation:
    description: Collation of these.
    type: str
    default: utf8mb4_0900_ai_ci
  encryption:
    description: Whether tables are encrypted by the server, which needs a keyring. The default leaves it as it is.
    type: bool
  state:
    description: C(absent) drops it.
    type: str
    choices: [present, absent]
    default: present
  data:
    description: Whether C(absent) may drop tables.
    type: str
    choices: [keep, delete]
    default: keep
author: KnowledgeCity operations
"""

EXAMPLES = r"""
- name: The client's database
  kc_mysql_database:
    host: "{{ mysql_endpoint }}"
    user: "{{ mysql_administrator.username }}"
    password: "{{ mysql_administrator.password }}"
    name: acme
"""

RETURN = r"""
statements:
  description: What was, or in check mode would be, run; C({node, statement}) each, secrets hidden.
  type: list
  returned: always
"""

from ansible.module_utils.kc.mysql.databases import work
from ansible.module_utils.kc.mysql.entry import main

if __name__ == "__main__":
    main(work, DOCUMENTATION)
