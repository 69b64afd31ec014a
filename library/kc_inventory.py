"""Ansible action: check the whole inventory. The work is in plugins/action/kc_inventory.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kc_inventory
short_description: Check the whole inventory
description:
  - Checks the merged variables of every host, all groups at once, before anything is touched. AWS is not asked.
  - Fails with every problem, one a line, each with file, line, path, and what to do.
  - The variables are described in the role C(preflight), and those that feed a unit's option in the unit's module.
options: {}
author: KnowledgeCity operations
"""

EXAMPLES = r"""
- name: The inventory makes sense
  kc_inventory:
  run_once: true
"""

RETURN = r"""
needs:
  description: By host, what its region has to have room for; the option O(kc_preflight#module:needs).
  type: dict
  returned: success
msg:
  description: What is wrong, one problem a line.
  type: str
  returned: failure
"""
