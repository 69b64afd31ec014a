#!/usr/bin/python
"""Ansible module: the private zone that nodes have their names in."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kc_private_zone
short_description: Converge the private hosted zone that nodes have their names in
description:
  - The zone C(<platform>-<environment>.internal), answered in the VPCs of all regions and witnesses and nowhere else.
  - Run it once for the platform, not once a region, after C(kc_network). Route 53 is global.
  - Other units put records into it; each record is the unit's that made it. While records stand in the zone, C(state=absent) fails.
  - The zone holds no data. Nobody delegates to it, and a zone made anew answers the same.
extends_documentation_fragment: kc
options:
  regions:
    description: Regions in whose VPCs the zone is answered.
    type: list
    elements: str
    default: []
  witness:
    description: Further regions, those of witnesses.
    type: list
    elements: str
    default: []
  comment:
    description: The zone's comment. None, unless one is given.
    type: str
    default: ""
author: KnowledgeCity operations
"""

EXAMPLES = r"""
- name: Private zone
  kc_private_zone:
    scope: "{{ kc_scope }}"
    regions: "{{ groups['regions'] }}"
    witness: "{{ groups['witness'] }}"
"""

RETURN = r"""
plan:
  description: What differs, and so was or would be done; C({action, kind, name, region, before, after}) each.
  type: list
  returned: always
outputs:
  description: The zone by kind (C(private_zone)) and domain, with C(id) and C(arn).
  type: dict
  returned: always
"""

from ansible.module_utils.kc.entry import main
from ansible.module_utils.kc.units.private_zone import UNIT

if __name__ == "__main__":
    main(UNIT, DOCUMENTATION)
