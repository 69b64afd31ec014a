#!/usr/bin/python
"""Ansible module: a ClickHouse table or materialised view, on every node."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kc_clickhouse_table
short_description: A ClickHouse table or materialised view, on every node
description:
  - Makes a table where it is missing, adds columns, and changes types, defaults, comments, TTL and settings where nothing is lost by it.
  - What would lose data is refused before anything is done, all of it in one error - a type that does not hold all values, a column that
    is no longer named (unless O(drop) names it), another engine or key.
  - The servers themselves rewrite the expressions of the options in their own way, in a temporary table, so that a second run finds no
    difference, and what they don't take is refused in check mode too.
  - What the servers' version has not (comments on 18.16, TTL) is left out, and listed in RV(ignored) and in a warning.
extends_documentation_fragment: [kc_clickhouse, kc_clickhouse_table]
options:
  database:
    description: Database of the table. It must stand.
    type: str
    required: true
  cluster:
    description:
      - A cluster of the servers' configuration. Making and dropping then goes through its queue (C(ON CLUSTER)), and nodes that are absent
        do it when they return; the result names these.
      - The default, none, runs statements on each of O(nodes); all of them must be there.
      - A change of a Replicated table is given to one of its replicas, which hand it on.
    type: str
  wait:
    description: Seconds to wait until all nodes are as wanted.
    type: int
    default: 60
  state:
    description: C(absent) drops it.
    type: str
    choices: [present, absent]
    default: present
  data:
    description: Whether C(absent) may drop a table that holds data.
    type: str
    choices: [keep, delete]
    default: keep
author: KnowledgeCity operations
"""

EXAMPLES = r"""
- name: What happened in courses
  kc_clickhouse_table:
    nodes: "{{ groups['clickhouse'] | map('extract', hostvars, 'kc_node_fqdn') }}"
    user: operator
    password: "{{ clickhouse_administrator.password }}"
    database: reporting
    name: events
    columns:
      - {name: day, type: Date}
      - {name: course, type: UInt32}
      - {name: seconds, type: UInt32, default: "0", comment: Seconds spent}
    engine: ReplicatedMergeTree
    partition_by: toYYYYMM(day)
    order_by: [course, day]

- name: And what of it each day
  kc_clickhouse_table:
    nodes: "{{ groups['clickhouse'] | map('extract', hostvars, 'kc_node_fqdn') }}"
    user: operator
    password: "{{ clickhouse_administrator.password }}"
    database: reporting
    name: events_to_daily
    kind: view
    target: daily
    select: SELECT day, course, sum(seconds) AS seconds FROM reporting.events GROUP BY day, course
"""

RETURN = r"""
statements:
  description: What was or would be run, C({node, statement}) each.
  type: list
  returned: always
absent:
  description: Nodes that were not there.
  type: list
  returned: always
ignored:
  description: Options that the servers' version has nothing for.
  type: list
  returned: when there are any
kept:
  description: The table, where it holds data and so was left.
  type: list
  returned: when something was
"""

from ansible.module_utils.kc.clickhouse.converge import tables
from ansible.module_utils.kc.clickhouse.entry import main
from ansible.module_utils.kc.clickhouse.options import TABLE

if __name__ == "__main__":
    main(tables, TABLE, DOCUMENTATION)
