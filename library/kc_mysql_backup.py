#!/usr/bin/python
"""Ansible module: backups of a MySQL server of our own in S3, and any moment of it back."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kc_mysql_backup
short_description: Back up a MySQL server of our own to S3, and restore it to any moment
description:
  - A copy of the data, which the server makes while it serves (C(CLONE LOCAL)), and its binary logs from then on. Files that have not
    changed since the last copy are not sent again. What is backed up can be restored to any second since the oldest copy, up to the last
    log that was sent, or to right before a transaction.
  - Logs may come from another server that follows, or that was promoted; what is missing between two of them shows by the transactions.
  - It reads and writes files of the server, so run it on O(host), as root. A copy needs as much disk as the data while it is made.
  - For an instance of RDS, which AWS backs up, there is C(kc_mysql_restore).
extends_documentation_fragment: [kc_mysql, kc_mysql_making, kc_store]
options:
  state:
    description:
      - C(made) makes a copy, sends the logs after it, and deletes copies beyond O(keep) with the logs that only these needed.
      - C(shipped) sends the logs that S3 has not yet. It fails where one is missing that the newest copy would need to go on; what is there
        was sent. How often this runs is how much is lost with the node.
      - C(restored) makes O(directory), which no server may run on. It is made beside its place and then renamed, so a run that is killed
        leaves nothing that counts, and the next one goes on. The server gets an identity of its own, follows nobody, and its
        administrator has O(password).
      - C(listed) tells what there is.
    type: str
    choices: [made, shipped, restored, listed]
    default: made
  keep:
    description: Copies that stay. What neither these nor a log names is deleted two days after it came.
    type: int
    default: 7
  at:
    description:
      - With C(state=restored), the second to restore to, with its zone, such as C(2026-01-31T21:05:00Z). What was committed before it began
        is there, what was committed in it or later is not. All that there is where both this and O(before) are empty.
    type: str
    default: ""
  before:
    description: With C(state=restored), the transaction (C(uuid:number)) from which on nothing is restored.
    type: str
    default: ""
  backup:
    description: With C(state=restored), the copy to begin with; the newest that can be where empty.
    type: str
    default: ""
  data:
    description: With C(state=restored), whether data that are there are renamed (C(aside)); otherwise they are an error.
    type: str
    choices: [keep, aside]
    default: keep
  directory:
    description: The data directory that is restored.
    type: path
    default: /var/lib/kc/mysql/data
  config:
    description: The server's file of options, for the restoration.
    type: path
    default: /etc/kc/mysql/my.cnf
  reader:
    description: What reads binary logs.
    type: path
    default: /usr/bin/mysqlbinlog
  wait:
    description: Seconds that the copy, or the logs that are applied, may take.
    type: int
    default: 14400
author: KnowledgeCity operations
"""

EXAMPLES = r"""
- name: Once a day
  kc_mysql_backup: &backup
    host: "{{ kc_node_fqdn }}"
    user: "{{ mysql_administrator.username }}"
    password: "{{ mysql_administrator.password }}"
    bucket: kc-production-backups-123456789012-me-west-1
    prefix: mysql/acme
    region: me-west-1

- name: Every five minutes
  kc_mysql_backup:
    <<: *backup
    state: shipped

- name: As it was before somebody dropped a table
  kc_mysql_backup:
    <<: *backup
    state: restored
    at: "2026-01-31T21:05:00Z"
    data: aside
"""

RETURN = r"""
statements:
  description: What was, or in check mode would be, done; C({node, statement}) each.
  type: list
  returned: always
backup:
  description:
    - The copy - C(name), C(node), C(server), C(version), C(least) (transactions that are in it), C(ended), C(bytes); and C(logs) that go on
      from it, C(until) when they reach, and what is C(missing) for the next.
  type: dict
  returned: success
backups:
  description: With C(state=listed), all that there are, oldest first.
  type: list
  returned: success
sent:
  description: Logs that S3 did not have.
  type: list
  returned: when logs were sent
uploaded:
  description: Files of the copy that S3 did not have.
  type: int
  returned: when a copy was made
uploaded_bytes:
  description: Bytes of them.
  type: int
  returned: when a copy was made
gone:
  description: Copies that were deleted.
  type: list
  returned: when a copy was made
deleted_objects:
  description: Objects that went with them.
  type: int
  returned: when a copy was made
executed:
  description: The transactions of what was restored.
  type: str
  returned: when it was restored
applied:
  description: How many of them came from logs.
  type: int
  returned: when it was restored
"""

from ansible.module_utils.kc.backup.options import STORE
from ansible.module_utils.kc.mysql.backup import work
from ansible.module_utils.kc.mysql.entry import main
from ansible.module_utils.kc.mysql.options import DATA

if __name__ == "__main__":
    main(work, DATA, STORE, DOCUMENTATION)
