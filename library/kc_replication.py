#!/usr/bin/python
"""Ansible module: replication of a region's S3 buckets to another region."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kc_replication
short_description: Converge the replication of a region's S3 buckets to another region
description:
  - Everything in a bucket is replicated to the bucket of the same name in the other region, deletions and changed metadata too, within
    15 minutes (Replication Time Control), with metrics.
  - The same task for the other region makes it both ways. The buckets and keys of both regions must stand first.
  - Only what is written from then on is replicated; older objects need S3 Batch Replication.
extends_documentation_fragment: kc
options:
  buckets:
    description: Buckets of M(kc_storage) by short name; each with the purpose of the key that the other region encrypts it with.
    type: dict
    default: {}
  to_region:
    description: The other region. Needed unless O(state=absent).
    type: str
  role:
    description: Short name of the role of M(kc_identity) that S3 replicates with.
    type: str
    default: s3-replication
author: KnowledgeCity operations
"""

EXAMPLES = r"""
- name: Replication
  kc_replication:
    scope: "{{ kc_scope }}"
    buckets: {media: media, static: media}
    to_region: eu-central-1
"""

RETURN = r"""
plan:
  description: What differs, and so was or would be done; C({action, kind, name, region, before, after}) each.
  type: list
  returned: always
outputs:
  description: What stands, by kind and name; C(id) is the bucket.
  type: dict
  returned: always
"""

from ansible.module_utils.kc.entry import main
from ansible.module_utils.kc.units.replication import UNIT

if __name__ == "__main__":
    main(UNIT, DOCUMENTATION)
