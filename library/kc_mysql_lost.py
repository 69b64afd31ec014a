#!/usr/bin/python
"""Ansible module: export transactions from a MySQL server's binary log."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kc_mysql_lost
short_description: Export transactions of a MySQL server for people to look at
description:
  - Reads O(transactions) from the server's binary log, as a replica does, and writes into O(file) what they changed, a line of JSON a row
    or statement. Changes nothing on the server.
  - For the transactions that a former source has and the new one has not, before they are thrown away.
  - The file is there whole or not at all, for its owner alone. One that has these transactions already stays as it is.
  - Needs the Python package C(mysql-replication) where it runs, and the right C(REPLICATION SLAVE).
extends_documentation_fragment: kc_mysql
options:
  transactions:
    description: A set of them, as GTIDs.
    type: str
    required: true
  database:
    description: The toolkit's own, in which it beats. What changed nothing else is nobody's loss.
    type: str
    default: kc
  file:
    description: Where they are written to, on the host that this runs on.
    type: path
    required: true
author: KnowledgeCity operations
"""

EXAMPLES = r"""
- name: What was lost is exported
  kc_mysql_lost:
    host: "{{ former.address }}"
    user: "{{ mysql_administrator.username }}"
    password: "{{ mysql_administrator.password }}"
    transactions: "{{ counted.gtid.errant }}"
    file: reports/000007-lost.jsonl
"""

RETURN = r"""
statements:
  description: What was, or in check mode would be, done; C({node, statement}) each.
  type: list
  returned: always
file:
  description: Where they are.
  type: str
  returned: success
about:
  description: C(transactions), their C(count), and once the file is there its SHA-256 (C(digest)) and C(others), those that changed
    anything else than O(database).
  type: dict
  returned: success
"""

from ansible.module_utils.kc.mysql.entry import main
from ansible.module_utils.kc.mysql.lost import work

if __name__ == "__main__":
    main(work, DOCUMENTATION)
