#!/usr/bin/python
"""Ansible module: an account of a ClickHouse cluster, on this node. The work is in module_utils/kc/clickhouse/users.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kc_clickhouse_user
short_description: An account of a ClickHouse cluster, on the node that it runs on
description:
  - Makes an account as it is described, whatever was changed by hand, on the node that the module runs on. Run it on all nodes of the
    cluster, in one task; it then logs in as the account on each of O(nodes), and waits until all of them take it.
  - Where the version has SQL access control it is done by statements, where not by a file in O(directory), which the server is told to
    read at once. Servers get the password's SHA-256 only. A file that stands when the version has access control is taken away, and
    the account made again by statements; in between, for a moment, nobody can log in with it.
  - Versions without access control (18.16) can only grant databases, to read all of them or to write all of them. Tables, row policies,
    and both reading and writing in one account are refused there; what is left out besides is in C(ignored).
  - A connection that is open stays as it is until it is closed, with the rights that it had.
extends_documentation_fragment: kc_clickhouse
options:
  host:
    description: The node that the module runs on, one of O(nodes), written in the same way.
    type: str
    required: true
  name:
    description: Name of the user, and where there are statements for them also of its quota and its row policies.
    type: str
    required: true
  account_password:
    description: The account's own password. It is never shown. Required unless O(state=absent).
    type: str
  networks:
    description: From where it may come. The cluster's nodes must be among them, since these verify the account.
    type: list
    elements: str
    default: ["::/0"]
  settings:
    description:
      - Settings that it begins with, and how far it may change them, as a value, or a mapping of C(value), C(min) and C(max).
      - An account that only reads can't change any on a version without access control; of others there, C(min) and C(max) are left out.
    type: dict
    default: {}
  quota:
    description: Limits. The default is the quota C(default) of the server's files where accounts are files, and none otherwise.
    type: list
    elements: dict
    default: []
    suboptions:
      duration:
        description: Seconds that an interval lasts.
        type: int
        required: true
      queries:
        description: Queries in an interval; 0, as everywhere here, counts and does not limit.
        type: int
        default: 0
      errors:
        description: Queries that fail.
        type: int
        default: 0
      result_rows:
        description: Rows that are returned.
        type: int
        default: 0
      read_rows:
        description: Rows that are read from tables.
        type: int
        default: 0
      execution_time:
        description: Seconds of all queries together.
        type: float
        default: 0
  grants:
    description: What it may read or write. Everything else is refused.
    type: list
    elements: dict
    default: []
    suboptions:
      database:
        description: Name of the database, which need not stand yet.
        type: str
        required: true
      tables:
        description: Tables of it; the default is all, those that come later too.
        type: list
        elements: str
        default: []
      access:
        description: C(write) may read and insert.
        type: str
        choices: [read, write]
        default: read
  row_policies:
    description: Which rows of a table it sees. Others see what they saw.
    type: list
    elements: dict
    default: []
    suboptions:
      database:
        description: Name of the database.
        type: str
        required: true
      table:
        description: Name of the table.
        type: str
        required: true
      filter:
        description: Condition of a row that it sees.
        type: str
        required: true
  directory:
    description: Where files of users are. The file C(.xml) of the same name, without the C(.d), is the server's own.
    type: path
    default: /etc/clickhouse-server/users.d
  owner:
    description: Owner of such a file.
    type: str
    default: root
  group:
    description: Group of such a file, whom the server belongs to.
    type: str
    default: clickhouse
  wait:
    description: Seconds to wait until all nodes are as wanted.
    type: int
    default: 60
  state:
    description: C(absent) takes the account away.
    type: str
    choices: [present, absent]
    default: present
author: KnowledgeCity operations
"""

EXAMPLES = r"""
- name: The reporting service's account, on this node of the cluster
  kc_clickhouse_user:
    nodes: "{{ clickhouse_replicas | map(attribute='host') }}"
    host: "{{ kc_node_fqdn }}"
    user: operator
    password: "{{ clickhouse_administrator.password }}"
    name: reporting
    account_password: "{{ node_secrets.secrets['clickhouse-app'].password }}"
    settings:
      max_execution_time: 30
    grants:
      - database: reporting
"""

RETURN = r"""
statements:
  description: What was or would be done, C({node, statement}) each; files are written and deleted here, too.
  type: list
  returned: always
nodes:
  description:
    - Of each node whether it lets the account in, C(ok), C(refused) or C(unreachable). After O(state=absent) a node that has it no more
      is C(refused).
  type: dict
  returned: success
ignored:
  description: What of the account the server's version has nothing for.
  type: list
  returned: when there is any
"""

from ansible.module_utils.kc.clickhouse.entry import main
from ansible.module_utils.kc.clickhouse.users import users

if __name__ == "__main__":
    main(users, DOCUMENTATION)
