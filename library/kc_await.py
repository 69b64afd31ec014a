"""Ansible action: wait for a unit that works in the background. The work is in module_utils/kc/jobs.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kc_await
short_description: Wait for a unit that works in the background
description:
  - A unit's task with C(async) and C(poll=0) only begins the unit. This waits for its end, tells meanwhile what it does, and
    returns the unit's whole result as if it had been converged here; where the unit failed, with the unit's own error.
  - In check mode, or where the other task did not run, there is nothing to wait for and nothing changes.
options:
  job:
    description: What the task that began the unit registered; anything without a job in it is nothing to wait for.
    type: dict
    required: true
author: KnowledgeCity operations
"""

EXAMPLES = r"""
- name: MySQL begins
  kc_mysql:
    scope: "{{ kc_scope }}"
    instances: "{{ kc_mysql_instances }}"
  async: 7200
  poll: 0
  register: mysql_job

- name: MySQL stands
  kc_await:
    job: "{{ mysql_job | default({}) }}"
"""

RETURN = r"""
plan:
  description: As the unit returns it, and all else that it returns too.
  type: list
  returned: where a job was waited for
background:
  description: The job's name, C(job), and how many C(seconds) it worked.
  type: dict
  returned: where a job was waited for
"""
