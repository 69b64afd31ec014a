"""Ansible action: whether the standby could take over now. The work is in module_utils/kc/readiness/."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kc_readiness
short_description: Judge whether the standby could take over now
description:
  - Asks AWS in both regions, judges it together with what the playbook has gathered (O(told)), and scores it - twelve checks, 100 at
    most. What nobody tells is unknown, and counts as not good. See docs/operations/readiness.md.
  - Reads only; check mode makes no difference. Its time-outs are short, whatever the inventory says about others.
options:
  scope:
    description: Whose platform it is, in the standby; the inventory's C(kc_scope) of that host.
    type: dict
    required: true
  primary:
    description: The region that is primary now.
    type: str
    required: true
  home:
    description: The region that is primary at home.
    type: str
    required: true
  domain:
    description: Whose certificates have to be good, in the standby and at the edge.
    type: str
    required: true
  applications:
    description: The platform's applications, as M(kc_services) has them; the standby runs C(count.warm) tasks of each at least.
    type: dict
    required: true
  images:
    description: Digest by application; both regions' registries must have it.
    type: dict
    required: true
  secrets:
    description: Short names of the secrets that both regions must have in the same version.
    type: list
    elements: str
    required: true
  key:
    description: Alias of the key that both regions have; the standby has to open what the primary wraps with it.
    type: str
    required: true
  buckets:
    description: Short names of the buckets that are replicated.
    type: list
    elements: str
    required: true
  pending:
    description: Copies of a bucket that may wait at a time.
    type: float
    required: true
  journals:
    description: The standby's bucket that journals of runbooks are in.
    type: str
    required: true
  told:
    description: What others tell, as the playbook has gathered it; what is missing was not asked.
    type: dict
    default: {}
    suboptions:
      replica:
        description: What M(kc_mysql_info) tells of each replica of the standby, a result each.
        type: list
        elements: dict
      clickhouse:
        description: What M(kc_clickhouse_info) tells.
        type: dict
      quotas:
        description: What M(kc_preflight) tells of the standby.
        type: dict
      drift:
        description: The C(plan) of a run in check mode, as a list of changes, with its exit status (C(rc)); or why there is none (C(msg)).
        type: dict
author: KnowledgeCity operations
"""

EXAMPLES = r"""
- name: Judged
  kc_readiness:
    scope: "{{ kc_scope }}"
    primary: me-west-1
    home: "{{ kc_home }}"
    domain: "{{ kc_domain }}"
    applications: "{{ kc_applications }}"
    images: "{{ kc_images }}"
    secrets: [mysql-admin, mysql-app]
    key: "{{ kc_scope | kc_key('media') }}"
    buckets: [media, uploads]
    pending: 5000
    journals: "{{ kc_scope | kc_bucket('journals', inventory_hostname) }}"
  register: readiness
"""

RETURN = r"""
score:
  description: 0 to 100.
  type: int
  returned: success
ready:
  description: Whether nothing blocks.
  type: bool
  returned: success
blockers:
  description: What blocks, C(check - what was found) each.
  type: list
  returned: success
findings:
  description: What was looked at, C({check, verdict, says, hint, weight, blocks}) each; a verdict is C(ok), C(fail) or C(unknown).
  type: list
  returned: success
primary:
  description: The region that is primary now.
  type: str
  returned: success
standby:
  description: The region that was asked for.
  type: str
  returned: success
at:
  description: When, UTC.
  type: str
  returned: success
summary:
  description: The same as a table for people, a line each.
  type: list
  returned: success
"""
