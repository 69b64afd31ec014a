"""Ansible action: how far a drill is, and what it has shown. The work is in module_utils/kc/runbook/drill.py and drilling.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kc_drill
short_description: Note how far a drill is, and report it
description:
  - A drill that was broken off is gone on with where it was. O(do=note) writes down in O(directory) that a stage is done; O(do=look) tells
    how far it is.
  - O(do=report) puts together the reports of the last failover and the last failback in O(directory), what who drove users says, and the
    transactions that were exported as lost. Writes C(<run>-drill.json) and C(<run>-drill.md) beside them, and the drill is over.
  - Fails where acknowledged writes are missing that nobody said are lost, or the other way round.
options:
  do:
    description: What to do.
    type: str
    choices: [look, note, report]
    default: look
  directory:
    description: Where the runs' reports and exports are.
    type: path
    required: true
  lost:
    description: The region that the drill loses.
    type: str
    required: true
  stage:
    description: The stage that is done, from 1. For O(do=note).
    type: int
    default: 0
  known:
    description:
      - What is to be known later, for O(do=note); what is known already stays as it was. A report needs C(lost_at), when the region was
        lost, in seconds since 1970.
    type: dict
    default: {}
  users:
    description: The report (JSON) of who drove users; beside it, with the suffix C(.jsonl), the record of all writes. For O(do=report).
    type: path
author: KnowledgeCity operations
"""

EXAMPLES = r"""
- name: The region is lost from now on
  kc_drill:
    do: note
    directory: reports
    lost: me-west-1
    known: {lost_at: 1769893200.0}

- name: What became of it
  kc_drill:
    do: report
    directory: reports
    lost: me-west-1
    users: .lab/load/drill.report.json
"""

RETURN = r"""
stage:
  description: The last stage that is done; 0 is none.
  type: int
  returned: O(do=look) and O(do=note)
known:
  description: What was noted.
  type: dict
  returned: O(do=look) and O(do=note)
lines:
  description: It for people.
  type: list
  returned: O(do=report)
drill:
  description: It as data.
  type: dict
  returned: O(do=report)
files:
  description: What was written.
  type: list
  returned: O(do=report)
"""
