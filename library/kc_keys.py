#!/usr/bin/python
"""Ansible module: KMS keys of a region."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kc_keys
short_description: Converge the KMS keys of a region
description:
  - Symmetric keys by purpose, each with its alias C(alias/<platform>-<environment>-<purpose>), policy, rotation and tags; and the
    replicas of multi-Region keys.
  - A key's policy leaves it to the account's IAM policies who may use it, and lets the named AWS services use it for this account.
  - A key holds data. With O(data=delete) its alias goes at once and the key after 30 days, the longest that KMS allows; creating it
    again before that cancels the deletion, so that what was encrypted with it can be read again.
extends_documentation_fragment: kc
options:
  keys:
    description:
      - Keys by purpose. Settings of a key are C(description) (required), C(services), C(multi_region), C(rotation) and C(rotation_days).
      - C(services) are the AWS services that the key's policy lets use it, by what stands before C(.amazonaws.com), such as C(logs) or
        C(cloudfront); none by default. Services that act for a caller (S3, RDS, EBS, Secrets Manager) need no mention.
      - C(multi_region) makes the same key usable in other regions; false by default, so that a region's data stays readable only
        with a key of that region. It can't be changed later.
      - C(rotation) is on by default; C(rotation_days) is 90 to 2560, by default 365, AWS's own.
    type: dict
    default: {}
  home_region:
    description:
      - Region that makes the multi-Region keys, and their replicas in the others; by default the scope's own.
      - It stays the same when another region becomes primary; a key is as good in either.
    type: str
  replica_regions:
    description: Regions that have replicas of the multi-Region keys. The home region may be among them. None by default.
    type: list
    elements: str
    default: []
author: KnowledgeCity operations
"""

EXAMPLES = r"""
- name: Keys
  kc_keys:
    scope: "{{ kc_scope }}"
    home_region: me-west-1
    replica_regions: [me-west-1, eu-central-1]
    keys:
      media: {description: Media and static files, services: [cloudfront]}
      logs: {description: Log groups, services: [logs]}
      secrets: {description: Secrets, multi_region: true}
"""

RETURN = r"""
plan:
  description: What differs, and so was or would be done; C({action, kind, name, region, before, after}) each.
  type: list
  returned: always
outputs:
  description: What stands, by kind and name; C(id) and C(arn) of each key. A replica is called C(<key>@<region>).
  type: dict
  returned: always
"""

from ansible.module_utils.kc.entry import main
from ansible.module_utils.kc.units.keys import UNIT

if __name__ == "__main__":
    main(UNIT, DOCUMENTATION)
