#!/usr/bin/python
"""Ansible module: converge the network of a region."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kc_network
short_description: Converge the network of a region
description:
  - VPC, subnets by tier and zone, internet and NAT gateways, route tables, security groups, network ACLs, gateway and interface
    endpoints, flow logs.
  - Subnets, route tables, groups and rules that the inventory does not name are taken away; routes to a peering belong to
    M(kc_peering), and network ACL rules below number 100 to the runbooks.
extends_documentation_fragment: kc
options:
  cidr:
    description: The VPC's CIDR, C(/16) to C(/24). It can't be changed later.
    type: str
    required: true
  peer_cidrs:
    description: The CIDRs of the regions that this one is peered with; what the peer C(peers) means in a rule.
    type: list
    elements: str
    default: []
  zones:
    description: Availability zones by their letter, in the order of their subnets.
    type: list
    elements: str
    required: true
  tiers:
    description:
      - Tiers by name, four at most, in the order of their subnets.
      - C(internet) is C(direct) (an internet gateway), C(nat) or C(none); C(acl) is C(open) (security groups decide) or
        C(internal) (only the VPC and its peers get in).
    type: dict
    required: true
  nat:
    description: A NAT gateway a zone, one in all, or none.
    type: str
    choices: [zone, one, none]
    default: zone
  security_groups:
    description:
      - Groups by name, with C(description), C(ingress) and C(egress).
      - A rule is C({port, peer, why}) and optionally C(protocol) (C(tcp)). C(port) is a port or a range, C(peer) is C(world),
        C(vpc), C(peers), another group's name, or a CIDR.
    type: dict
    default: {}
  endpoints:
    description: Endpoints of AWS services, by their names after C(com.amazonaws.<region>.).
    type: dict
    default: {gateway: [], interface: []}
    suboptions:
      gateway:
        description: Services reached through route tables, C(s3) and C(dynamodb).
        type: list
        elements: str
        default: []
      interface:
        description: Services that get an address in every zone.
        type: list
        elements: str
        default: []
      security_group:
        description: The group of the interface endpoints.
        type: str
        default: endpoints
  flow_log_bucket:
    description: Short name of the bucket of M(kc_storage) that flow logs are delivered to; none without it.
    type: str
author: KnowledgeCity operations
"""

EXAMPLES = r"""
- name: Network
  kc_network:
    scope: "{{ kc_scope }}"
    cidr: 10.10.0.0/16
    zones: [a, b, c]
    tiers:
      public: {internet: direct, acl: open}
      private: {internet: nat, acl: open}
      data: {internet: none, acl: internal}
    nat: zone
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
from ansible.module_utils.kc.units.network import UNIT

if __name__ == "__main__":
    main(UNIT, DOCUMENTATION)
