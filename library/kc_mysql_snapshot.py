#!/usr/bin/python
"""Ansible module: snapshots of a MySQL instance of RDS."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kc_mysql_snapshot
short_description: Take a snapshot of a MySQL instance of RDS
description:
  - Beside what AWS keeps by itself for C(backup_days), from which M(kc_mysql_restore) brings any second back - for what has to stay longer,
    or before something that is hard to undo. The instance serves meanwhile.
  - A snapshot that a run that was killed has begun is waited for by the next one. Only snapshots that this has made are deleted.
  - It works through AWS alone, so it runs on the controller. For servers of our own there is M(kc_mysql_backup).
extends_documentation_fragment: kc_mysql_rds
options:
  state:
    description: C(made) takes one, and deletes those beyond O(keep); C(listed) tells which there are.
    type: str
    choices: [made, listed]
    default: made
  keep:
    description: Snapshots that stay.
    type: int
    default: 14
  wait:
    description: Seconds that it may take.
    type: int
    default: 14400
author: KnowledgeCity operations
"""

EXAMPLES = r"""
- name: Before the upgrade
  kc_mysql_snapshot:
    rds: {instance: kc-production-main, region: me-central-1}
"""

RETURN = r"""
statements:
  description: What was, or in check mode would be, done; C({node, statement}) each.
  type: list
  returned: always
snapshot:
  description: The new one's identifier.
  type: str
  returned: when one was made
gone:
  description: Snapshots that were deleted.
  type: list
  returned: when one was made
snapshots:
  description: Those that there are, oldest first - C(name), C(status), C(begun).
  type: list
  returned: but in check mode
latest:
  description: The latest second that O(rds) can be restored to; empty where AWS does not say.
  type: str
  returned: success
"""

from ansible.module_utils.kc.mysql.options import RDS
from ansible.module_utils.kc.mysql.snapshot import work
from ansible.module_utils.kc.sql.report import Report, ansible, outcome

if __name__ == "__main__":

    def run(params, check):
        report = Report(check=check)
        return outcome(report, lambda: work(params, report))

    ansible(run, RDS, DOCUMENTATION, secrets=(), required_one_of=[("rds",)])
