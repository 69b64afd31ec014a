#!/usr/bin/python
"""Ansible module: a region's plan of backups."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kc_backup
short_description: Converge when a region's databases and volumes are backed up
description:
  - A plan of AWS Backup, called C(<platform>-<environment>-backups), with its rules and with what it selects. Backups lie in the
    region's vault (M(kc_vaults)); copies go to the vault of the same name in O(copy_to), which has to stand first.
  - Only where O(active) is true does the plan select anything. The regions hold the same data, so one of them is backed up,
    the one that is primary now, and what it copies to the other one is what is left when it is lost. The other's plan stands
    ready; after a failover it selects as soon as this unit runs there.
  - Backups are not this unit's. They stay in the vaults when the plan goes.
extends_documentation_fragment: kc
options:
  rules:
    description:
      - Rules by name; none at all takes the plan away. Their options follow.
      - C(schedule) (required) is when a backup is due, as in C(cron(0 2 ? * * *)), in O(timezone).
      - C(delete_days) (required) is how long it is kept.
      - C(cold_days) (default 0, never) is when it is moved to cold storage, which keeps it for 90 days at least. Of what is
        backed up here AWS moves only volumes, and these only by rules that are due once a month or less; it ignores it
        for databases. Copies stay warm, since they are for a bad day.
      - C(copy_days) (default 0, no copy) is how long the copy in O(copy_to) is kept.
      - C(start_minutes) (default 60) is how late a backup may start, C(completion_minutes) (default 360) how long after that it
        may take.
    type: dict
    required: true
  selections:
    description:
      - What is backed up, by name. C(resources) (list, required) are types, C(database) and C(volume); C(component) (required) is the
        unit that made them (their tag C(Component)). C(except_names) (list, default none) are patterns with C(*) of names (their tag
        C(Name)) that are left out. Only what has the tags of O(scope) as well is taken, special
        clients' things included.
      - A selection can't be changed, so it is replaced; no backup is lost by that.
    type: dict
    required: true
  timezone:
    description: Time zone of the schedules, as in C(Asia/Riyadh); the night is the users' night, whichever region is primary.
    type: str
    default: Etc/UTC
  copy_to:
    description: Region that copies go to; none where empty, or where it is the region itself.
    type: str
  active:
    description: Whether the plan selects anything. True in the region that is primary now.
    type: bool
    default: true
  role:
    description: Short name of the role that AWS Backup has.
    type: str
    default: backup
author: KnowledgeCity operations
"""

EXAMPLES = r"""
- name: Backup
  kc_backup:
    scope: "{{ kc_scope }}"
    timezone: Asia/Riyadh
    copy_to: "{{ kc_other_region }}"
    active: "{{ inventory_hostname == kc_primary }}"
    rules:
      daily: {schedule: 'cron(0 2 ? * * *)', delete_days: 35, copy_days: 14}
      monthly: {schedule: 'cron(0 4 1 * ? *)', delete_days: 365, cold_days: 30}
    selections:
      mysql: {resources: [database], component: mysql}
"""

RETURN = r"""
plan:
  description: What differs, and so was or would be done; C({action, kind, name, region, before, after}) each.
  type: list
  returned: always
outputs:
  description: What stands, by kind (C(backup_plan), C(backup_selection)) and name, with C(id), and a plan with C(arn).
  type: dict
  returned: always
"""

from ansible.module_utils.kc.entry import main
from ansible.module_utils.kc.units.backup import UNIT

if __name__ == "__main__":
    main(UNIT, DOCUMENTATION)
