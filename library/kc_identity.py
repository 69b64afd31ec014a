#!/usr/bin/python
"""Ansible module: the platform's IAM roles."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kc_identity
short_description: Converge the platform's IAM roles and instance profiles
description:
  - Run it once for the platform, not once a region. IAM is global, and the region of O(scope) is where it is called.
  - All of it stands below the path C(/<platform>/<environment>/). A policy added to a role by hand is drift and taken away.
  - Rights are given as grants, in the platform's words, and become the narrowest statements that allow them.
extends_documentation_fragment: kc
options:
  roles:
    description:
      - Roles by short name. A role is called C(<platform>-<environment>-<short name>). Its options follow.
      - C(trust) (string, required) is the service that assumes it, such as C(ecs-tasks.amazonaws.com). Where the service says
        for which account it acts, the role trusts it for O(scope.account) only.
      - C(description) (string, default empty).
      - C(managed) (list, default none) are AWS's own policies to attach, as they are called after C(arn:aws:iam::aws:policy/).
      - C(instance_profile) (boolean, default false) makes an instance profile with the role.
      - C(max_session) (seconds, default 3600 as in IAM) is how long the role's credentials last at most.
      - C(grants) (dictionary, default none) is what else the role may do. All names in it are short ones.
      - Grants C(buckets_read) and C(buckets_write) (lists of buckets) are for objects, C(keys_use) and C(keys_decrypt) (lists of
        purposes) for KMS keys, found by their alias. An object can be read only with its bucket's key.
      - Grant C(secrets_read) (list of secrets) includes the key that secrets are encrypted with.
      - Grant C(parameters_read) is a list of SSM parameters, or true for all of the platform's.
      - Grants C(queues_send), C(queues_receive) and C(queues_put_aside) (lists of queues) are for SQS; the last is for their
        dead-letter queues.
      - Grant C(logs_write) (boolean) is for log groups below C(/<platform>/<environment>/), C(repositories_pull) (boolean) for
        the platform's container images.
      - Grant C(backups) (C({bucket, key, prefix})) is for the objects below a prefix of one of the platform's buckets, and its key.
      - Grant C(replicate) (C({buckets, keys})) is what S3 needs to replicate these buckets both ways between all O(regions).
    type: dict
    required: true
  regions:
    description: Regions that the grants are good in; those that hold the platform's buckets, keys and the rest.
    type: list
    elements: str
    required: true
author: KnowledgeCity operations
"""

EXAMPLES = r"""
- name: Roles
  kc_identity:
    scope: "{{ kc_scope }}"
    regions: [me-west-1, eu-central-1]
    roles:
      media-server:
        trust: ecs-tasks.amazonaws.com
        description: The media server
        grants:
          buckets_read: [media]
          keys_decrypt: [media]
      clickhouse-node:
        trust: ec2.amazonaws.com
        instance_profile: true
        managed: [AmazonSSMManagedInstanceCore]
        grants:
          backups: {bucket: backups, key: data, prefix: clickhouse/platform}
"""

RETURN = r"""
plan:
  description: What differs, and so was or would be done; C({action, kind, name, region, before, after}) each.
  type: list
  returned: always
outputs:
  description: What stands, by kind (C(role), C(instance_profile)) and name, with C(id) and C(arn).
  type: dict
  returned: always
"""

from ansible.module_utils.kc.entry import main
from ansible.module_utils.kc.units.identity import UNIT

if __name__ == "__main__":
    main(UNIT, DOCUMENTATION)
