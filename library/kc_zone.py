#!/usr/bin/python
"""Ansible module: the hosted zone of the platform's domain."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kc_zone
short_description: Converge the public hosted zone of the platform's domain
description:
  - Run it once for the platform, not once a region. Route 53 is global.
  - The zone's name servers are in its outputs. The domain's registrar, or the zone above, must name exactly these.
  - A zone of that name that stands already is taken over once it carries the tags C(Platform), C(Environment) and
    C(Component=zone). Until then this fails, because of two zones of one name only one can be delegated to.
  - The zone holds data. A zone made anew has other name servers, and the domain is off the air until the registrar names
    them. So C(state=absent) keeps it unless O(data) is C(delete). The validation records of certificates go with it; any other
    record in it makes the deletion fail.
extends_documentation_fragment: kc
options:
  domain:
    description: The domain, such as C(example.com). Another domain is another zone; the old one is kept.
    type: str
    required: true
  comment:
    description: The zone's comment. None, unless one is given.
    type: str
    default: ""
author: KnowledgeCity operations
"""

EXAMPLES = r"""
- name: Hosted zone
  kc_zone:
    scope: "{{ kc_scope }}"
    domain: "{{ kc_domain }}"
    comment: Everything that users reach
  run_once: true
"""

RETURN = r"""
plan:
  description: What differs, and so was or would be done; C({action, kind, name, region, before, after}) each.
  type: list
  returned: always
outputs:
  description: The zone by kind (C(hosted_zone)) and domain, with C(id), C(arn) and C(name_servers).
  type: dict
  returned: always
kept:
  description: What is no longer desired but holds data, and so was left.
  type: list
  returned: always
"""

from ansible.module_utils.kc.entry import main
from ansible.module_utils.kc.units.zone import UNIT

if __name__ == "__main__":
    main(UNIT, DOCUMENTATION)
