#!/usr/bin/python
"""Ansible module: SSM parameters of a region."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kc_parameters
short_description: Converge the SSM parameters of a region
description:
  - Plain settings, and the state that belongs to the runbooks (such as which region is primary now).
  - All of it stands below C(/<platform>/<environment>/). Secrets belong to M(kc_secrets).
extends_documentation_fragment: kc
options:
  values:
    description:
      - Settings by name, which may have slashes in it. What is no text is kept as JSON. 4096 bytes at most, and never empty.
      - A value changed by hand is drift and put back. A setting that is no longer named is deleted.
    type: dict
    default: {}
  runbook_values:
    description:
      - First values of what the runbooks keep, by name, below C(state/). Written once; from then on only a runbook changes them.
      - Their values now are in the outputs.
    type: dict
    default: {}
author: KnowledgeCity operations
"""

EXAMPLES = r"""
- name: Parameters
  kc_parameters:
    scope: "{{ kc_scope }}"
    values: {log_level: info}
    runbook_values: {role: primary}
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
from ansible.module_utils.kc.units.parameters import UNIT

if __name__ == "__main__":
    main(UNIT, DOCUMENTATION)
