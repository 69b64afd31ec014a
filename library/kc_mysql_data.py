#!/usr/bin/python
"""Ansible module: a MySQL server's data directory, made once. The work is in module_utils/kc/mysql/data.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kc_mysql_data
short_description: Make a MySQL server's data directory, once, with its administrator's account
description:
  - Makes the data directory where there is none, with the server's own tables, the names of time zones, and two accounts. The administrator
    comes over TLS, by its password; C(root) by the node's socket and without one, as root of the system only.
  - A directory that is there is left as it is, whatever it holds; one that holds something else than MySQL's data is an error.
  - It is made beside its place and then renamed. A run that is killed leaves nothing that counts, and the next one begins anew.
  - The password is in no file, no list of processes and no log.
extends_documentation_fragment: kc_mysql_making
options:
  directory:
    description: The data directory.
    type: path
    required: true
  config:
    description: The server's file of options.
    type: path
    required: true
  user:
    description: The administrator's name.
    type: str
    required: true
  password:
    description: The administrator's password. It is never shown.
    type: str
    required: true
  zones:
    description: Where the system has its time zones.
    type: path
    default: /usr/share/zoneinfo
author: KnowledgeCity operations
"""

EXAMPLES = r"""
- name: Data
  kc_mysql_data:
    directory: /var/lib/kc/mysql/data
    config: /etc/kc/mysql/my.cnf
    user: "{{ mysql_administrator.username }}"
    password: "{{ mysql_administrator.password }}"
"""

RETURN = r"""
diff:
  description: The directory, where it was, or would be, made.
  type: list
  returned: success
"""

from typing import Any

from ansible.module_utils.kc.errors import KcError
from ansible.module_utils.kc.mysql.data import converge
from ansible.module_utils.kc.mysql.options import DATA
from ansible.module_utils.kc.sql.report import Params, ansible


def run(params: Params, check: bool) -> dict[str, Any]:
    """Make the directory and return the task's result."""
    try:
        made = converge(params, check=check)
    except KcError as error:
        return {"failed": True, "msg": str(error)}
    what = f"data of MySQL in {params['directory']}"
    return {
        "changed": made,
        "diff": [{"before_header": what, "after_header": what, "before": "", "after": "initialized\n"}] if made else [],
    }


if __name__ == "__main__":
    ansible(run, DATA, DOCUMENTATION)
