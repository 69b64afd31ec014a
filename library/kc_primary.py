"""Ansible action: which region is primary now. The work is in module_utils/kc/primary.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kc_primary
short_description: Tell which region is primary now
description:
  - Reads the role flag of each region (the SSM parameter C(/<platform>/<environment>/state/role)), which the runbooks keep, and
    sets the fact C(kc_primary). While the home region has no flag and no other says that it is primary, it is the home region.
  - It is an error when two regions say that they are primary, or none does although flags stand.
  - Reads only; check mode makes no difference. Its time-outs are short, whatever the inventory says about others.
options:
  scope:
    description: Whose regions these are; the inventory's C(kc_scope).
    type: dict
    required: true
  regions:
    description: The regions of which one is primary.
    type: list
    elements: str
    required: true
  home:
    description: The region that is primary at home.
    type: str
    required: true
author: KnowledgeCity operations
"""

EXAMPLES = r"""
- name: Which region is primary now
  kc_primary:
    scope: "{{ kc_scope }}"
    regions: "{{ groups['regions'] }}"
    home: "{{ kc_home }}"
  run_once: true
"""

RETURN = r"""
primary:
  description: The region that is primary now.
  type: str
  returned: success
flags:
  description: What each region's flag says; empty where none stands, null where the region gave no answer.
  type: dict
  returned: success
"""
