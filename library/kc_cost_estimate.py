"""Ansible action: what the inventory costs a month. The work is in module_utils/kc/cost/, run by plugins/action/kc_cost_estimate.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kc_cost_estimate
short_description: Estimate what the inventory costs a month
description:
  - Prices what the units would make of the merged variables of all hosts, in four scenarios, each with a low, an expected and an
    upper bound.
  - Prices are files of the toolkit; neither AWS nor any other service is asked, and no credentials are needed. Old prices are a
    warning.
  - The inventory's variables C(kc_cost_*) say how it is made and judged.
options:
  gate:
    description: Fail where the upper bound of the chosen scenario (C(kc_cost_scenario)) exceeds the budget (C(kc_cost_budget)).
    type: bool
    default: false
  override:
    description: Let it pass nevertheless, as C(name:reason); who and why are recorded beside the approved estimate.
    type: str
    default: ""
  approved:
    description: File with the last approved estimate, which differences are told against; overrides are recorded beside it.
    type: path
    required: true
  approve:
    description: Make this estimate the approved one, as C(name:reason).
    type: str
    default: ""
  directory:
    description: Write the estimate there as C(cost-<environment>.json) and, to be looked at, C(cost-<environment>.html), both with
      advice on what to commit to.
    type: path
author: KnowledgeCity operations
"""

EXAMPLES = r"""
- name: The inventory is within the budget
  kc_cost_estimate:
    gate: true
    approved: "{{ kc_cost_approved }}"
    override: "{{ cost_override | default('') }}"
  run_once: true
"""

RETURN = r"""
estimate:
  description: The estimate as data; docs/cost.md explains its shape.
  type: dict
  returned: success, without O(gate)
table:
  description: The estimate as a table, a line of text each.
  type: list
  elements: str
  returned: success, without O(gate)
deltas:
  description: What differs most from the last approved estimate, C({what, before, after}) each; without one, what costs most.
  type: list
  elements: dict
  returned: success, without O(gate)
files:
  description: The files that the estimate was written to.
  type: list
  elements: str
  returned: with O(directory)
recorded:
  description: The file that an approval or an override was written to.
  type: str
  returned: when one was
"""
