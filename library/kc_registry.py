#!/usr/bin/python
"""Ansible module: ECR repositories of a region."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kc_registry
short_description: Converge the container image repositories of a region
description:
  - A repository is called C(<platform>/<environment>/<short name>). Its tags can't be moved, and images are scanned when pushed.
  - Images are data. A repository that is no longer named, or an absent registry, goes only with O(data=delete), images included.
extends_documentation_fragment: kc
options:
  repositories:
    description: Repositories by short name.
    type: list
    elements: str
    required: true
  key:
    description:
      - Purpose of the KMS key that images are encrypted with, one of M(kc_keys). It can't be changed once a repository stands.
      - The default is the key of the platform's data, since images hold the platform's code.
    type: str
    default: data
  untagged_days:
    description:
      - Days after which an image without a tag goes.
      - The default is long enough to look at what a broken build has pushed.
    type: int
    default: 7
  keep:
    description:
      - How many images of a repository stay, the last ones pushed.
      - The default is some months of releases; an image that a service runs must never be older.
    type: int
    default: 100
  replicate_to:
    description:
      - Regions that images are copied to when they are pushed; the region's own is left out.
      - Only the rule for the platform's own repositories is touched; other rules of the registry stay as they are.
      - The default, none, takes the rule away.
    type: list
    elements: str
    default: []
author: KnowledgeCity operations
"""

EXAMPLES = r"""
- name: Repositories
  kc_registry:
    scope: "{{ kc_scope }}"
    repositories: [php-api, react-spa, media-server]
    replicate_to: [me-west-1, eu-central-1]
"""

RETURN = r"""
plan:
  description: What differs, and so was or would be done; C({action, kind, name, region, before, after}) each.
  type: list
  returned: always
outputs:
  description: What stands, by kind (C(repository), C(registry_replication)) and name; a repository with C(id), C(arn) and C(uri).
  type: dict
  returned: always
"""

from ansible.module_utils.kc.entry import main
from ansible.module_utils.kc.units.registry import UNIT

if __name__ == "__main__":
    main(UNIT, DOCUMENTATION)
