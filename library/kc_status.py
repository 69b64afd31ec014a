"""Ansible action: who is primary, since when, and what is degraded. The work is in module_utils/kc/status/."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kc_status
short_description: Tell who is primary, since when, and what is degraded
description:
  - Asks AWS in both regions at once for role flags, journals, fences, services and the failover's switch, and puts it together with what
    the playbook has gathered (O(told)). See docs/operations/status.md.
  - Reads only, and answers within seconds even where a region is lost; what gives no answer is told as such.
options:
  scope:
    description: Whose platform it is; the inventory's C(kc_scope).
    type: dict
    required: true
  regions:
    description: The platform's two regions.
    type: list
    elements: str
    required: true
  home:
    description: The region that is primary at home.
    type: str
    required: true
  applications:
    description: Names of the applications that have a service in each region.
    type: list
    elements: str
    required: true
  told:
    description: What others tell, as the playbook has gathered it, by region.
    type: dict
    default: {}
    suboptions:
      databases:
        description: What M(kc_databases_info) tells.
        type: dict
      silent:
        description: Of regions that it tells nothing of, why.
        type: dict
      mysql:
        description: What M(kc_mysql_info) tells, a list of results each.
        type: dict
      clickhouse:
        description: What M(kc_clickhouse_info) tells, a result each.
        type: dict
author: KnowledgeCity operations
"""

EXAMPLES = r"""
- name: How it is
  kc_status:
    scope: "{{ kc_scope }}"
    regions: "{{ groups['regions'] }}"
    home: "{{ kc_home }}"
    applications: "{{ kc_applications.keys() }}"
  run_once: true
"""

RETURN = r"""
primary:
  description: The region that is primary now; empty where nobody knows.
  type: str
  returned: success
since:
  description: When a runbook made it that, UTC; empty where none did.
  type: str
  returned: success
by:
  description: Which runbook, and its run.
  type: str
  returned: success
run:
  description: The run that is under way, C({epoch, book, arguments, since, step}); empty where there is none.
  type: dict
  returned: success
regions:
  description: By region C({role, services, mysql, clickhouse}); a role is null where the region gave no answer.
  type: dict
  returned: success
degraded:
  description: What is not as it should be, a line each.
  type: list
  returned: success
untold:
  description: What nobody tells, and why, a line each.
  type: list
  returned: success
at:
  description: When, UTC.
  type: str
  returned: success
summary:
  description: The same as a table for people, a line each.
  type: list
  returned: success
"""
