#!/usr/bin/python
"""Ansible module: backups of ClickHouse databases in S3, and their restoration."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kc_clickhouse_backup
short_description: Back up a cluster's databases to S3, and restore them
description:
  - A backup needs no other one to be restored, and costs only what S3 has not yet. It is there once its manifest is, which is written last.
  - Servers from 22.8 on do it themselves (C(BACKUP) and C(RESTORE) with C(base_backup)). For older ones tables are frozen on O(host),
    and S3 gets their parts; for each part the server counts rows and sums up the hashes of all columns, which a restoration compares
    on every node.
  - It reads and writes files of the server, so run it on O(host), as root.
extends_documentation_fragment: [kc_clickhouse, kc_store]
options:
  state:
    description:
      - C(made) makes a backup, and deletes those beyond O(keep).
      - C(restored) brings back the databases of O(backup) on all of O(nodes), into the same or another cluster. Missing databases, tables
        and views are made as they were; what stands already has to be empty, or hold what the backup does. Name all nodes of the cluster,
        and have nobody write meanwhile. What was broken off is completed by the next run, on the same O(host).
      - C(listed) changes nothing.
    type: str
    choices: [made, restored, listed]
    default: made
  host:
    description: The node that the module runs on, one of O(nodes), written in the same way.
    type: str
    required: true
  databases:
    description: Databases that count. The default is all but the server's own, or all of the backup.
    type: list
    elements: str
    default: []
  keep:
    description: Whole backups that stay. Parts that none of these needs are deleted two days after they came.
    type: int
    default: 14
  increments:
    description: Where the server has C(BACKUP), how many add to a whole one before the next whole one.
    type: int
    default: 6
  backup:
    description: With C(state=restored), the name of the backup; the newest where empty.
    type: str
    default: ""
  data:
    description:
      - Whether C(state=restored) may put the backup in the place of what a table holds. Rows that are not in the backup are lost then.
      - A server's own C(RESTORE) can't; drop the tables first.
    type: str
    choices: [keep, replace]
    default: keep
  cluster:
    description: Where the server has C(BACKUP), a cluster of its configuration whose nodes do it together (C(ON CLUSTER)).
    type: str
  wait:
    description: Seconds that a statement, and the other nodes after it, may take.
    type: int
    default: 3600
author: KnowledgeCity operations
"""

EXAMPLES = r"""
- name: Back up the platform's cluster
  kc_clickhouse_backup:
    nodes: "{{ clickhouse_replicas | map(attribute='host') }}"
    host: "{{ kc_node_fqdn }}"
    user: operator
    password: "{{ clickhouse_administrator.password }}"
    bucket: kc-production-backups-123456789012-me-west-1
    prefix: clickhouse/platform
    region: me-west-1

- name: Into another cluster, as it was that day
  kc_clickhouse_backup:
    state: restored
    backup: 20260131T210500Z
    nodes: [clickhouse-1.me-west-1.kc-staging.internal]
    host: clickhouse-1.me-west-1.kc-staging.internal
    user: operator
    password: "{{ clickhouse_administrator.password }}"
    bucket: kc-staging-backups-123456789012-me-west-1
    prefix: clickhouse/platform
    region: me-west-1
"""

RETURN = r"""
statements:
  description: What was, or in check mode would be, run; C({node, statement}) each. Tables that are there for a while only are not in it.
  type: list
  returned: always
backup:
  description: The backup - C(name), C(kind), C(node), C(ended), C(base), C(tables) with rows and checksums, C(bytes).
  type: dict
  returned: success
uploaded:
  description: Parts that S3 did not have.
  type: int
  returned: when parts were backed up
uploaded_bytes:
  description: Bytes of them.
  type: int
  returned: when parts were backed up
gone:
  description: Backups that were deleted.
  type: list
  returned: when one was made
deleted_objects:
  description: Objects that went with them.
  type: int
  returned: when one was made
tables:
  description: Rows and checksum of each restored table, the same on all nodes that have it.
  type: dict
  returned: when one was restored
backups:
  description: With C(state=listed), all that are whole, oldest first.
  type: list
  returned: success
"""

from ansible.module_utils.kc.backup.options import STORE
from ansible.module_utils.kc.clickhouse.backup import work
from ansible.module_utils.kc.clickhouse.entry import main

if __name__ == "__main__":
    main(work, STORE, DOCUMENTATION)
