#!/usr/bin/python
"""Ansible module: a region's vault of backups."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kc_vaults
short_description: Converge the vault that a region's backups lie in
description:
  - A vault of AWS Backup is called C(<platform>-<environment>-backups), the same in each region. What M(kc_backup) of the region
    backs up lies in it, and what it copies from the other region.
  - Nobody may delete a backup from it, or change how long one is kept, whatever their own rights are; a policy on the vault
    says so. AWS itself deletes what is past its time. Who may change that policy can still lift it, which is recorded.
  - Backups are data. An absent vault goes only with O(data=delete), and all of its backups with it.
extends_documentation_fragment: kc
options:
  key:
    description:
      - Purpose of the KMS key that backups are encrypted with, one of M(kc_keys). It can't be changed once the vault stands.
      - Backups of databases and volumes in the vault's own region keep the key of what was backed up; copies from the other
        region are encrypted with this one, so a copy can be restored with the other region lost.
    type: str
    default: data
  role:
    description: Short name of the role that AWS Backup has; it may end what is past its time.
    type: str
    default: backup
  lock:
    description:
      - Locks the vault in governance mode. No backup goes before its time and no lifecycle changes, until the lock is taken off
        by leaving this out. The mode that nobody can take off again (compliance) is not offered, since it outlives mistakes.
      - C(min_days) (required) and C(max_days) (default 0, none) are how long backups must and may be kept. AWS Backup fails each
        job whose rule keeps for less or for more, so look at the rules of M(kc_backup) first.
      - The default, none, leaves the protection to the vault's policy.
    type: dict
author: KnowledgeCity operations
"""

EXAMPLES = r"""
- name: Vaults
  kc_vaults:
    scope: "{{ kc_scope }}"

- name: Vaults that nothing leaves before five weeks
  kc_vaults:
    scope: "{{ kc_scope }}"
    lock: {min_days: 35}
"""

RETURN = r"""
plan:
  description: What differs, and so was or would be done; C({action, kind, name, region, before, after}) each.
  type: list
  returned: always
outputs:
  description: What stands, as kind C(backup_vault) by name, with C(id) and C(arn).
  type: dict
  returned: always
"""

from ansible.module_utils.kc.entry import main
from ansible.module_utils.kc.units.vaults import UNIT

if __name__ == "__main__":
    main(UNIT, DOCUMENTATION)
