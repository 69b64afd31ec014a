"""Ansible action: a run of a runbook, and its steps. The work is in module_utils/kc/runbook/."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kc_runbook
short_description: Open a run of a runbook, carry its steps out, and report
description:
  - Keeps a run's journal in a bucket of the region that takes over (C(scope.region)); see docs/failover.md. A run that was broken off is
    gone on with by opening it again for the same.
  - A step that is made of calls to AWS is carried out in one task (O(do=carry)); one whose act is other tasks is begun before them
    (O(do=begin), which tells whether it is due) and ended behind them (O(do=done), O(do=failed)).
  - A run ends when it is closed, when it was taken back (O(do=undo), as long as there is a way back), or is given up for a reason.
  - O(do=undo) stops at a step that tasks take back and names it (C(facts.by_tasks)); they are run, O(do=undone) says so, and it goes on.
  - O(do=tell) publishes the last run's report to the topic that pages people, in C(scope.region); that it could not is a warning.
  - Check mode writes nothing, and tells which calls would be made.
options:
  scope:
    description: Whose platform it is, in the region that takes over; the inventory's C(kc_scope) of that host.
    type: dict
    required: true
  book:
    description: The runbook.
    type: str
    choices: [failover, switchover, failback]
    required: true
  do:
    description: What to do.
    type: str
    choices: [open, carry, begin, done, failed, undo, undone, give_up, close, report, tell]
    required: true
  bucket:
    description: The bucket that journals are in, in C(scope.region).
    type: str
    required: true
  mirror:
    description: The bucket that journals of the other region are in; needed where a runbook is for both.
    type: str
    default: ""
  regions:
    description: The platform's two regions.
    type: list
    elements: str
    required: true
  home:
    description: The region that is primary at home.
    type: str
    required: true
  least:
    description: Tasks that each application has in a primary, by its name.
    type: dict
    default: {}
  apart:
    description: Addresses of the given-up region's tiers but that of data.
    type: list
    elements: str
    default: []
  step:
    description: The step, where O(do) is about one.
    type: str
    default: ""
  facts:
    description:
      - With O(do=done), what was proved. Plain data, and no secrets.
      - With O(do=close), what is worth knowing of the run as a whole; C(drill) is true where it was run to see that it works.
    type: dict
    default: {}
  reason:
    description: With O(do=failed) and O(do=give_up), why.
    type: str
    default: ""
  untouched:
    description: With O(do=failed), that it changed nothing, or took back what it did.
    type: bool
    default: false
  takeover:
    description: That whoever began the step is dead, whatever it looks like from here.
    type: bool
    default: false
  directory:
    description: With O(do=report), where the report goes, as Markdown, JSON and HTML.
    type: path
author: KnowledgeCity operations
"""

EXAMPLES = r"""
- name: (4/8) Make room for all users
  kc_runbook:
    scope: "{{ kc_scope }}"
    book: failover
    do: carry
    step: room
    bucket: "{{ kc_scope | kc_bucket('journals', inventory_hostname) }}"
    regions: "{{ groups['regions'] }}"
    home: "{{ kc_home }}"
    least: {php-api: 4}
"""

RETURN = r"""
epoch:
  description: The run's number; 0 in check mode where none is under way.
  type: int
  returned: success
due:
  description: With O(do=begin) and O(do=open), whether there is something to do.
  type: bool
  returned: success
facts:
  description: What was proved of the step; in check mode the calls that it would make.
  type: dict
  returned: success
steps:
  description: Each step's state.
  type: dict
  returned: success
proved:
  description: The facts of each step that is done.
  type: dict
  returned: success
outcome:
  description: How the run ended; empty while it is under way.
  type: str
  returned: success
last:
  description: With O(do=open), how the run before ended, its book and its arguments.
  type: dict
  returned: success
files:
  description: With O(do=report), what was written.
  type: list
  returned: success
"""
