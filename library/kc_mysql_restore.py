#!/usr/bin/python
"""Ansible module: a MySQL instance of RDS as it was at a second."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kc_mysql_restore
short_description: Restore a MySQL instance of RDS to a second, or a snapshot, beside the one that is there
description:
  - Makes an instance that holds what another one held at a second, with the same size, networks, security groups and parameters, in one
    zone. Nothing is done to the other one. What is needed of it is copied back, or it takes the other's place.
  - How far back, and how close to now, a restoration can go is AWS's to say; its refusal names it.
  - A run that was killed is gone on with by the next one. What it has made has the tags C(RestoredFrom) and C(RestoredAt).
  - It works through AWS alone, so it runs on the controller.
extends_documentation_fragment: kc_mysql_rds
options:
  at:
    description:
      - The second, with its zone, such as C(2026-01-31T21:05:00Z). What was committed before it began is there, what was committed in it or
        later is not.
    type: str
    default: ""
  snapshot:
    description: The snapshot to restore, instead of a second (M(kc_mysql_snapshot)).
    type: str
    default: ""
  name:
    description: The new instance's identifier; C(<instance>-at-<UTC>), or C(<instance>-of-<UTC>) from a snapshot, where empty.
    type: str
    default: ""
  state:
    description: With C(absent) the instance that C(present) has made is deleted, without a snapshot. Nothing else is.
    type: str
    choices: [present, absent]
    default: present
  wait:
    description: Seconds that it may take to be available.
    type: int
    default: 14400
author: KnowledgeCity operations
"""

EXAMPLES = r"""
- name: The platform's database before the wrong statement
  kc_mysql_restore:
    rds: {instance: kc-production-main, region: me-central-1}
    at: "2026-01-31T21:05:00Z"
"""

RETURN = r"""
statements:
  description: What was, or in check mode would be, done; C({node, statement}) each.
  type: list
  returned: always
instance:
  description: The new instance's identifier.
  type: str
  returned: success
at:
  description: The second, in UTC, or the snapshot.
  type: str
  returned: success
address:
  description: The name that clients connect to.
  type: str
  returned: when it is there
port:
  description: Its port.
  type: int
  returned: when it is there
"""

from ansible.module_utils.kc.mysql.options import RDS
from ansible.module_utils.kc.mysql.restore import work
from ansible.module_utils.kc.sql.report import Report, ansible, outcome

if __name__ == "__main__":

    def run(params, check):
        report = Report(check=check)
        return outcome(report, lambda: work(params, report))

    ansible(run, RDS, DOCUMENTATION, secrets=(), required_one_of=[("rds",)])
