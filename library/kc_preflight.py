"""Ansible action: check account, region, zones and quotas. The work is in module_utils/kc/preflight.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kc_preflight
short_description: Check account, region, zones and quotas
description:
  - Whether the credentials work, belong to the inventory's account, and the region is enabled for it.
  - Whether zones and quotas suffice for what the inventory needs. What AWS does not tell is a warning, never enough.
  - Reads only; check mode makes no difference. Its time-outs are short, whatever the inventory says about others.
options:
  scope:
    description: Whose resources these are and where; the inventory's C(kc_scope).
    type: dict
    required: true
  needs:
    description: What the region, or the account as a whole, has to have room for; M(kc_inventory) counts it.
    type: dict
    default: {}
    suboptions:
      zones:
        description: Availability zones by their full name.
        type: list
        elements: str
      vpcs:
        description: VPCs.
        type: int
      addresses:
        description: Elastic IPs.
        type: int
      nat_gateways:
        description: NAT gateways in one zone.
        type: int
      interface_endpoints:
        description: Interface endpoints in the VPC.
        type: int
      rules:
        description: Rules of one security group in one direction.
        type: int
      types:
        description: Instance types with their zones, such as C(r7g.2xlarge in me-west-1a).
        type: list
        elements: str
      vcpus:
        description: vCPUs of instances.
        type: int
      gp3_gib:
        description: GiB of gp3 volumes, root volumes included.
        type: int
      fargate:
        description: CPU units of tasks on Fargate.
        type: int
      fargate_spot:
        description: CPU units of tasks on Fargate Spot.
        type: int
      buckets:
        description: Names of buckets; what stands of them is not needed again.
        type: list
        elements: str
      roles:
        description: Names of IAM roles.
        type: list
        elements: str
author: KnowledgeCity operations
"""

EXAMPLES = r"""
- name: The account is the right one, and has room
  kc_preflight:
    scope: "{{ kc_scope }}"
    needs: {vpcs: 1, addresses: 3}
"""

RETURN = r"""
checks:
  description: What was looked at, C({check, region, verdict, detail}) each; a verdict is C(ok), C(fail) or C(unknown).
  type: list
  elements: dict
  returned: always
"""
