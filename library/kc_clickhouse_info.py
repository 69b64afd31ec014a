#!/usr/bin/python
"""Ansible module: health, lag and readiness of every replicated table on every node."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kc_clickhouse_info
short_description: Tell how every replicated table on every node is
description:
  - Asks every node, and says whether all of it is ready, with reasons. Changes nothing.
  - A table is ready on a node when it takes inserts, has a session with the ensemble, has fetched every insert and seen every entry of
    the shared log, and all of its replicas are active. All nodes have the same tables.
  - What could not be read is null, with the reason in C(unknown), and never zero; whatever is built on it is not ready.
  - That nodes are absent, refuse, or have lost the ensemble is an answer and no error. It is an error when all of them refuse.
extends_documentation_fragment: kc_clickhouse
options:
  databases:
    description: Databases whose tables count; all where empty.
    type: list
    elements: str
    default: []
  rows:
    description: Count the rows of every table. Of those whose merges make one row of several all keys are read - give O(timeout) for that.
    type: bool
    default: false
  wait:
    description:
      - Seconds to wait until all is ready. Where the server can be told how long it may take (20.4 and later), C(SYSTEM SYNC REPLICA)
        has tables that are behind follow. In check mode it is told at once.
    type: int
    default: 0
author: KnowledgeCity operations
"""

EXAMPLES = r"""
- name: How ClickHouse is
  kc_clickhouse_info:
    nodes: "{{ groups['clickhouse'] | map('extract', hostvars, 'kc_node_fqdn') }}"
    user: operator
    password: "{{ known.secrets['clickhouse-admin'].password }}"
    wait: 120
  run_once: true
  register: health
  failed_when: not health.ready
"""

RETURN = r"""
ready:
  description: Whether every table on every node is ready. At most ten seconds behind counts as ready.
  type: bool
  returned: success
reasons:
  description: Why not, a sentence a node and reason.
  type: list
  returned: success
notes:
  description: What keeps nobody from working but is worth a look - stuck entries of queues, detached parts, disks that fill up,
    certificates that end.
  type: list
  returned: success
nodes:
  description:
    - By node, C(state) (C(answers) or C(no answer)) and C(error), C(version), C(uptime) in seconds, C(ensemble) (why it has none, or
      empty), C(sessions) with it, C(certificate_days), C(disks) with C(free) and C(total) bytes and C(detached) parts by table and reason
      (both null where the version does not tell, as 18.16), and C(stuck) entries of queues.
    - C(tables) by name with C(ready), C(readonly), C(session_expired), C(queue), C(inserts), C(merges), C(oldest), C(delay) in seconds,
      C(log_lag) in entries, C(total) and C(active) replicas, C(unknown), why some of these are null, and C(rows), null where they were not
      counted; where merges make one row of those with the same key, the keys.
  type: dict
  returned: success
summary:
  description: The same as a table for people, a line each.
  type: list
  returned: success
waited:
  description: Seconds that it took, where it waited.
  type: float
  returned: success
"""

from ansible.module_utils.kc.clickhouse.entry import main
from ansible.module_utils.kc.clickhouse.info import work

if __name__ == "__main__":
    main(work, DOCUMENTATION)
