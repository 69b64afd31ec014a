#!/usr/bin/python
"""Ansible module: peer a region with others."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kc_peering
short_description: Peer a region with others
description:
  - Peerings that this region asks for, accepted by the other side, with private DNS names resolved and routes on both sides.
  - Each pair of regions is named once, by the one that asks. Both networks must stand.
extends_documentation_fragment: kc
options:
  peers:
    description: Codes of the regions to be peered with.
    type: list
    elements: str
    default: []
author: KnowledgeCity operations
"""

EXAMPLES = r"""
- name: Peering
  kc_peering:
    scope: "{{ kc_scope }}"
    peers: [eu-central-1, eu-west-1]
"""

RETURN = r"""
plan:
  description: What differs, and so was or would be done; C({action, kind, name, region, before, after}) each.
  type: list
  returned: always
outputs:
  description: What stands, by kind and name.
  type: dict
  returned: always
"""

from ansible.module_utils.kc.entry import main
from ansible.module_utils.kc.units.peering import UNIT

if __name__ == "__main__":
    main(UNIT, DOCUMENTATION)
