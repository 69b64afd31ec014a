#!/usr/bin/python
"""Ansible module: whether ports are reached from a host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kc_reach
short_description: Tell which ports are reached from a host
description:
  - Connects to all of them at once, and says nothing there. Changes nothing; check mode is the same.
options:
  targets:
    description: Ports, C(host:port) each.
    type: list
    elements: str
    required: true
  timeout:
    description: Seconds that each is waited for, its name's resolution aside.
    type: float
    default: 3
author: KnowledgeCity operations
"""

EXAMPLES = r"""
- name: Whether the other region is there
  kc_reach:
    targets: [keeper-1.me-west-1.kc-lab.internal:9281]
"""

RETURN = r"""
asked:
  description: The targets.
  type: list
  returned: success
reached:
  description: Those that took a connection.
  type: list
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.kc.errors import KcError
from ansible.module_utils.kc.reach import reached


def main() -> None:
    """Ask, and answer Ansible."""
    module = AnsibleModule(
        argument_spec={
            "targets": {"type": "list", "elements": "str", "required": True},
            "timeout": {"type": "float", "default": 3},
        },
        supports_check_mode=True,
    )
    targets = module.params["targets"]
    try:
        module.exit_json(changed=False, asked=targets, reached=reached(targets, module.params["timeout"]))
    except KcError as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
