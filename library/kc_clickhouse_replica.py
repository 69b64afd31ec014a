#!/usr/bin/python
"""Ansible module: replicas that follow, step aside, are given up, are brought back, or are made again."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kc_clickhouse_replica
short_description: Bring replicas in step, take them out, give them up, bring them back, make them again
description:
  - Works on each of O(nodes) by itself, never through the queue of the ensemble, since it is for when that is not what it should be.
extends_documentation_fragment: kc_clickhouse
options:
  state:
    description:
      - C(synced) waits until the nodes' replicas have all that they should have, and fails where they have not in time.
      - C(detached) takes the tables out of service on the nodes. Files, and the replicas' places in the ensemble, stay; a
        restart brings them back. The result's C(tables) is what was detached. C(attached) brings back O(tables).
      - C(dropped) gives up O(replica), which must not be active, for every table or for O(tables); the first of O(nodes) that is there
        does it. Servers older than 20.5 can't - the error names what to delete with the ensemble's own tool, and so does
        the result's C(left).
      - C(restored) brings back replicas that the ensemble knows nothing of any more, from what is on the nodes' disks. Name
        all nodes of the cluster. Servers from 21.7 on do it themselves (C(SYSTEM RESTORE REPLICA)). For older ones a new replica is
        made at the old place, and takes the partitions of one node as they are, without copying; the others fetch them. The
        table is not there meanwhile (it took no inserts before). What was broken off is completed by the next run.
      - C(rebuilt) is for O(node), which has lost its disk, and changes nothing on the others. Databases and tables that it lacks are made
        from the definitions that the others have, and it ends when it has all rows that they have. Older servers than 20.5 take over the
        replica's place in the ensemble; newer ones give it up and make another. Tables that have no replicas are left
        out. Name all nodes of the cluster. What was broken off is completed by the next run.
    type: str
    choices: [synced, detached, attached, dropped, restored, rebuilt]
    required: true
  tables:
    description: Tables that count, C(database.table); all replicated ones where empty.
    type: list
    elements: str
    default: []
  replica:
    description: The replica that is given up, as C(system.replicas) names it. Needed with C(state=dropped).
    type: str
    default: ""
  node:
    description: The node that is rebuilt, one of O(nodes). Needed with C(state=rebuilt).
    type: str
    default: ""
  source:
    description:
      - With C(state=restored), and a server older than 21.7, the node (C(host:port)) whose rows count where nodes have different
        ones; what others have besides stays there in C(<table>_kc_lost). Without it such a difference is an error, and the
        node with most rows is the source.
    type: str
    default: ""
  wait:
    description: Seconds that replicas may take to be in step.
    type: int
    default: 300
author: KnowledgeCity operations
"""

EXAMPLES = r"""
- name: The node has followed
  kc_clickhouse_replica:
    nodes: ["{{ kc_node_fqdn }}"]
    user: operator
    password: "{{ known.secrets['clickhouse-admin'].password }}"
    state: synced

- name: What the ensemble has lost is brought back
  kc_clickhouse_replica:
    nodes: "{{ groups['clickhouse'] | map('extract', hostvars, 'kc_node_fqdn') }}"
    user: operator
    password: "{{ known.secrets['clickhouse-admin'].password }}"
    state: restored
    wait: 3600
  run_once: true

- name: A node that lost its disk has all tables and rows again
  kc_clickhouse_replica:
    nodes: "{{ groups['clickhouse'] | map('extract', hostvars, 'kc_node_fqdn') }}"
    user: operator
    password: "{{ known.secrets['clickhouse-admin'].password }}"
    state: rebuilt
    node: "{{ kc_node_fqdn }}"
    wait: 3600
"""

RETURN = r"""
statements:
  description: What was, or in check mode would be, run; C({node, statement}) each.
  type: list
  returned: always
behind:
  description: With C(state=synced) in check mode, what is behind and why.
  type: list
  returned: success
tables:
  description: With C(state=detached), the detached tables by node.
  type: dict
  returned: success
left:
  description: With C(state=dropped), the places in the ensemble that the replica has, below the cluster's root.
  type: list
  returned: always
restored:
  description: With C(state=restored), the tables that were brought back.
  type: list
  returned: success
kept:
  description: With C(state=restored), tables that hold what was not taken over, or are too large to be dropped, by node.
  type: list
  returned: success
rebuilt:
  description: With C(state=rebuilt), the tables that were made.
  type: list
  returned: success
left_out:
  description: With C(state=rebuilt), tables that others have and that have no replicas, so that their rows are not elsewhere.
  type: list
  returned: success
"""

from ansible.module_utils.kc.clickhouse.entry import main
from ansible.module_utils.kc.clickhouse.replica import work

if __name__ == "__main__":
    main(work, DOCUMENTATION)
