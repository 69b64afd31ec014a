#!/usr/bin/python
"""Ansible module: an account of a MySQL server."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kc_mysql_user
short_description: An account of a MySQL server, isolated from all others
description:
  - Makes an account as it is described, whatever was changed by hand. Its rights in databases are a role's, its default role; every
    other right and role is taken away. It is let in over TLS only.
  - Names of databases are taken as they are (C(_) and C(%) would stand for other characters in a grant).
  - Whether it has the password is told from what the server keeps of it, since logins that fail are counted.
  - Connections that are open stay, with the rights on tables that they had, until they are closed.
extends_documentation_fragment: kc_mysql
options:
  name:
    description: Name of the user.
    type: str
    required: true
  account_host:
    description: From where it may come, such as C(10.0.0.0/16).
    type: str
    default: "%"
  account_password:
    description: The account's own password. It is never shown. Required unless O(state=absent).
    type: str
  role:
    description: Name of the role that has the account's rights; C(<name>_role) where empty. Give no two clients the same.
    type: str
    default: ""
  grants:
    description: Databases that it may use. Everything else is refused.
    type: list
    elements: dict
    default: []
    suboptions:
      database:
        description: Name of the database, which need not stand yet.
        type: str
        required: true
      access:
        description: C(write) may read, write rows and call routines; C(own) may make and change tables, views, routines and triggers too.
        type: str
        choices: [read, write, own]
        default: read
  privileges:
    description: Privileges for the whole server, such as C(REPLICATION SLAVE). None for a client.
    type: list
    elements: str
    default: []
  max_connections:
    description: Connections that it may have at once; 0 is no limit.
    type: int
    default: 0
  password_days:
    description: Days after which its password has to be changed; 0 is never.
    type: int
    default: 0
  failed_logins:
    description: Logins in a row with a wrong password that lock it; 0 is never.
    type: int
    default: 0
  lock_days:
    description: Days that it is locked then.
    type: int
    default: 1
  state:
    description: C(absent) takes the account away, and its role with the last account that has it.
    type: str
    choices: [present, absent]
    default: present
author: KnowledgeCity operations
"""

EXAMPLES = r"""
- name: The client's account
  kc_mysql_user:
    host: "{{ mysql_endpoint }}"
    user: "{{ mysql_administrator.username }}"
    password: "{{ mysql_administrator.password }}"
    name: acme
    account_password: "{{ client_secrets.secrets['mysql-app'].password }}"
    grants:
      - {database: acme, access: own}
    max_connections: 20
    failed_logins: 10
"""

RETURN = r"""
statements:
  description: What was, or in check mode would be, run; C({node, statement}) each, secrets hidden.
  type: list
  returned: always
login:
  description: C(ok), or what the server said to the account from here.
  type: str
  returned: when it is present
"""

from ansible.module_utils.kc.mysql.entry import main
from ansible.module_utils.kc.mysql.users import work

if __name__ == "__main__":
    main(work, DOCUMENTATION)
