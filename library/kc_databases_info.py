"""Ansible action: which MySQL instances stand where. The work is in module_utils/kc/databases.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kc_databases_info
short_description: Tell which MySQL instances of the platform stand in its regions, and where they are reached
description:
  - Asks RDS in every region at once. That a region does not answer is an answer and no error, and comes within seconds.
  - How the servers themselves are is told by M(kc_mysql_info).
options:
  scope:
    description: Whose instances these are; the inventory's C(kc_scope).
    type: dict
    required: true
  regions:
    description: The regions that are asked.
    type: list
    elements: str
    required: true
author: KnowledgeCity operations
"""

EXAMPLES = r"""
- name: What there is
  kc_databases_info:
    scope: "{{ kc_scope }}"
    regions: "{{ groups['regions'] }}"
  run_once: true
  register: databases
"""

RETURN = r"""
databases:
  description:
    - By region that answers, C({id, role, state, address, port, follows}) each; C(role) is C(source) or C(replica), as RDS has it.
    - C(follows) of a replica is C({region, id, address, port}) of its source, the address empty where that one's region does not answer.
  type: dict
  returned: success
silent:
  description: By region that does not answer, why.
  type: dict
  returned: success
"""
