#!/usr/bin/python
"""Ansible module: the EC2 instances of a region's database nodes."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kc_nodes
short_description: Converge the EC2 instances that ClickHouse and Keeper run on
description:
  - A node is a network interface with a fixed address, an encrypted data volume, and an instance made from a launch template of
    its own. Interface and volume outlive the instance. An instance that is terminated by hand is made again by the next run, with
    the same address and the same volume.
  - Instances have no public address, and want IMDSv2. They are reached through Session Manager, whose agent they install at
    their first start from the bucket that AWS keeps it in, by way of the S3 endpoint; SSH goes through it, with O(ssh_keys).
  - A stopped instance is drift and is started, unless it bears the tag C(Hold) (its value says why), as runbooks set it on a node
    that they fence.
  - A node that is no longer named goes with its instance and its address; its volume goes only with O(data=delete).
  - With O(scope.client), nodes are dedicated to that client, named after it, and encrypted with the client's own key.
extends_documentation_fragment: kc
options:
  nodes:
    description:
      - Nodes by name. C(service) is one of O(services), C(zone) a letter of O(zones), and C(address) the number of a host in the
        tier's subnet of that zone, which can't be changed later.
      - C(type), C(volume), C(purchase) and C(image_id) may differ from those of the service.
    type: dict
    required: true
  services:
    description:
      - What the nodes of a service have in common, by the service's name, which is their tag C(Service).
      - C(type) is the instance type. A node stops for another one, see O(resize).
      - C(volume) is the data volume, C(size) in GiB, C(iops) (3000), C(throughput) in MiB/s (125) and C(device) (C(/dev/sdf)).
        It can grow, and get faster or slower, under a running instance; it never shrinks.
      - C(purchase), C(on_demand) or C(reserved), is how it is meant to be paid for, the tag C(Purchase). Nothing is bought.
      - C(tier) (C(data)) and C(security_groups) (C(data)) are those of M(kc_network), C(role) (C(clickhouse-node)) is one of
        M(kc_identity) with an instance profile, and C(key) (C(data)) the purpose of the KMS key that all its volumes are
        encrypted with.
      - C(root_size) (16) are the GiB of the root volume, which ends with the instance.
      - C(image) names the image by C(owner) and C(name), a pattern, the newest being taken when an instance is made. The default is
        Debian 12 of the type's architecture, by Debian. C(device) (C(/dev/xvda)) is its root device. C(image_id) pins one. An
        image has effect on the next instance that is made; a newer one is never drift.
      - C(monitoring) (true) is CloudWatch's metrics by the minute, C(metadata_hops) (1) how far answers of the metadata service go,
        2 where containers ask for them.
    type: dict
    required: true
  resize:
    description: Nodes whose instances may be stopped in this run to get another type.
    type: list
    elements: str
    default: []
  ssh_keys:
    description:
      - Public keys of those who configure nodes, as lines of C(authorized_keys) of the user C(admin). A change holds for the next
        instance.
    type: list
    elements: str
    default: []
  cidr:
    description: The VPC's CIDR, as M(kc_network) has it.
    type: str
    required: true
  zones:
    description: The VPC's zones, as M(kc_network) has them.
    type: list
    elements: str
    required: true
  tiers:
    description: The VPC's tiers, as M(kc_network) has them.
    type: dict
    required: true
author: KnowledgeCity operations
"""

EXAMPLES = r"""
- name: Nodes
  kc_nodes:
    scope: "{{ kc_scope }}"
    cidr: 10.10.0.0/16
    zones: [a, b, c]
    tiers:
      public: {internet: direct, acl: open}
      data: {internet: none, acl: internal}
    services:
      clickhouse: {type: r7g.2xlarge, purchase: reserved, volume: {size: 1536, iops: 6000, throughput: 500}}
    nodes:
      clickhouse-1: {service: clickhouse, zone: a, address: 11}
      clickhouse-2: {service: clickhouse, zone: b, address: 11}
"""

RETURN = r"""
plan:
  description: What differs, and so was or would be done; C({action, kind, name, region, before, after}) each.
  type: list
  returned: always
outputs:
  description:
    - What stands, by kind (C(interface), C(volume), C(launch_template), C(volume_attachment), C(instance)) and name.
    - An instance and an interface have C(id) and C(address).
  type: dict
  returned: always
"""

from ansible.module_utils.kc.entry import main
from ansible.module_utils.kc.units.nodes import UNIT

if __name__ == "__main__":
    main(UNIT, DOCUMENTATION)
