#!/usr/bin/python
"""Ansible module: a ClickHouse database, on every node."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kc_clickhouse_database
short_description: A ClickHouse database, on every node
description:
  - Makes a database where it is missing, and looks at every node afterwards.
  - A database that holds data goes only with O(data=delete), its tables included.
extends_documentation_fragment: kc_clickhouse
options:
  name:
    description: Name of the database.
    type: str
    required: true
  engine:
    description:
      - Engine of the database. It can't be changed.
      - The default is C(Atomic) where the server has it (20.10 and later), C(Ordinary) where not; one that stands may be of another.
    type: str
    choices: [Atomic, Ordinary]
  tables:
    description:
      - Tables and views of the database, each with the options of M(kc_clickhouse_table) that describe it; those that fill others come
        after these.
      - All of them are looked at before anything is done, so that one which is refused leaves the others as they are. Tables that are
        not named here are left alone.
    type: list
    elements: dict
    default: []
  cluster:
    description:
      - A cluster of the servers' configuration. Statements then go through its queue (C(ON CLUSTER)), and nodes that are absent run them
        when they return; the result names these.
      - The default, none, runs statements on each of O(nodes); all of them must be there.
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
    description: Whether C(absent) may drop tables that hold data.
    type: str
    choices: [keep, delete]
    default: keep
author: KnowledgeCity operations
"""

EXAMPLES = r"""
- name: The reporting database
  kc_clickhouse_database:
    nodes: "{{ groups['clickhouse'] | map('extract', hostvars, 'kc_node_fqdn') }}"
    user: operator
    password: "{{ clickhouse_administrator.password }}"
    cluster: platform
    name: reporting
    tables:
      - name: events
        columns:
          - {name: day, type: Date}
          - {name: course, type: UInt32}
        engine: ReplicatedMergeTree
        order_by: [course, day]
"""

RETURN = r"""
statements:
  description: What was or would be run, C({node, statement}) each.
  type: list
  returned: always
engine:
  description: The database's engine.
  type: str
  returned: when it is present
absent:
  description: Nodes that were not there.
  type: list
  returned: always
ignored:
  description: Options of tables that the servers' version has nothing for.
  type: list
  returned: when there are any
kept:
  description: Tables that hold data, because of which it was left.
  type: list
  returned: when something was
"""

from ansible.module_utils.kc.clickhouse.converge import databases
from ansible.module_utils.kc.clickhouse.entry import main

if __name__ == "__main__":
    main(databases, DOCUMENTATION)
