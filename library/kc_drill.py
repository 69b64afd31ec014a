"""Ansible action: what a drill has shown. The work is in module_utils/kc/runbook/drill.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kc_drill
short_description: Report a drill
description:
  - Puts together the reports of the last failover and the last failback in O(directory), what who drove users says, and the transactions
    that were exported as lost. Writes C(<run>-drill.json) and C(<run>-drill.md) beside them.
  - Fails where acknowledged writes are missing that nobody said are lost, or the other way round.
options:
  directory:
    description: Where the runs' reports and exports are.
    type: path
    required: true
  lost_at:
    description: When the region was lost, in seconds since 1970.
    type: float
    required: true
  users:
    description: The report (JSON) of who drove users; beside it, with the suffix C(.jsonl), the record of all writes.
    type: path
    required: true
author: KnowledgeCity operations
"""

EXAMPLES = r"""
- name: What became of it
  kc_drill:
    directory: reports
    lost_at: "{{ lost_at }}"
    users: .lab/load/drill.report.json
"""

RETURN = r"""
lines:
  description: It for people.
  type: list
  returned: success
drill:
  description: It as data.
  type: dict
  returned: success
files:
  description: What was written.
  type: list
  returned: success
"""
