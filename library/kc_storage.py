#!/usr/bin/python
"""Ansible module: S3 buckets of a region."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kc_storage
short_description: Converge the S3 buckets of a region
description:
  - Buckets called C(<platform>-<environment>-<name>-<account>-<region>), each versioned, encrypted, closed to the public and to
    connections without TLS 1.2, without ACLs, with a lifecycle, and logged to the region's log bucket.
  - A bucket holds data. With O(data=delete) it is emptied, all versions and unfinished uploads, and deleted.
extends_documentation_fragment: kc
options:
  buckets:
    description:
      - Buckets by short name. Settings of a bucket are C(key), C(receives), C(serves), C(intelligent_tiering_days),
        C(expire_days), C(noncurrent_days) and C(abort_upload_days); all may be left out.
      - C(key) is the purpose of the key of M(kc_keys) that objects are encrypted with, through a bucket key; without it S3's own key
        encrypts them (SSE-S3).
      - C(receives) lists what AWS delivers to it, C(access_logs), C(flow_logs), C(load_balancer_logs) and C(edge_logs) (CloudFront's); such
        a bucket has no C(key), since AWS delivers logs only to buckets with SSE-S3. The bucket that receives C(access_logs), one a
        region at most, gets S3's access logs of all others, below C(s3/<name>/).
      - C(serves) lists who reads its objects for the public, C(cloudfront), the distributions of this account. The bucket stays closed to
        anybody else, and its key of M(kc_keys) must have C(cloudfront) among its services.
      - C(intelligent_tiering_days) are the days after which objects move to Intelligent-Tiering, 0 for at once; by default they
        don't.
      - C(expire_days) are the days after which objects are deleted; by default they stay.
      - C(noncurrent_days) are the days that overwritten and deleted versions stay, 90 by default.
      - C(abort_upload_days) are the days after which unfinished uploads are deleted, 7 by default.
    type: dict
    default: {}
author: KnowledgeCity operations
"""

EXAMPLES = r"""
- name: Buckets
  kc_storage:
    scope: "{{ kc_scope }}"
    buckets:
      media: {key: media, intelligent_tiering_days: 30}
      static: {key: media}
      logs: {receives: [access_logs, flow_logs, load_balancer_logs], expire_days: 400}
"""

RETURN = r"""
plan:
  description: What differs, and so was or would be done; C({action, kind, name, region, before, after}) each.
  type: list
  returned: always
outputs:
  description: What stands, by kind and name; C(id) (its name) and C(arn) of each bucket.
  type: dict
  returned: always
"""

from ansible.module_utils.kc.entry import main
from ansible.module_utils.kc.units.storage import UNIT

if __name__ == "__main__":
    main(UNIT, DOCUMENTATION)
