#!/usr/bin/python
"""Ansible module: the names that the world knows, and the failover between the regions."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kc_dns
short_description: Converge the domain's records, its health checks and the failover between the regions
description:
  - Run it once for the platform, not once a region, after C(kc_zone), C(kc_balancer) and C(kc_edge).
  - C(origin-<region>.<domain>) is a region's load balancer. C(origin.<domain>) is that of the home region while it is healthy
    and the failover's switch is off, else that of the other region.
  - The home region is healthy while Route 53's health checkers get 2xx or 3xx from C(https://origin-<home>.<domain>/health).
  - The switch is the metric C(StandbyTakesOver) in the namespace C(<platform>/<environment>) of the region that takes over.
    Whoever puts 1 there turns the name; 0 turns it back; no data leaves it as it is. Nothing in the home region or in
    us-east-1 has a part in that.
  - A record is found by a TXT record beside it that says whose it is. Records of others are never changed, and a name
    that somebody else's record has is an error.
extends_documentation_fragment: kc
options:
  domain:
    description: The domain, whose zone C(kc_zone) made.
    type: str
    required: true
  home:
    description: Region that is primary at home.
    type: str
    required: true
  regions:
    description:
      - The two regions, one of them O(home). The other one must be one that Route 53 takes alarms of.
      - With C(state=absent) too, since the switch is in one of them.
    type: list
    elements: str
    default: []
  checkers:
    description: Regions that Route 53's health checkers ask from, three at least. There are none in the Middle East.
    type: list
    elements: str
    default: [eu-west-1, us-east-1, us-west-1, us-west-2, ap-southeast-1, ap-southeast-2, ap-northeast-1, sa-east-1]
  distributions:
    description:
      - Distributions of C(kc_edge) by short name, with their settings there; of these only C(hosts) is read. Each host, a name
        below the domain, gets an A and an AAAA record that lead to its distribution.
    type: dict
    default: {}
  certificate_authorities:
    description: Domains of the only authorities that may issue certificates for the domain; any may where it is empty.
    type: list
    elements: str
    default: []
  records:
    description:
      - Further records, by C(<name> <type>) such as C(@ MX) or C(_dmarc TXT); the name is below the domain, C(@) is the domain itself.
      - Each has C(values) and C(ttl), in seconds, by default 300. Values of TXT records are plain texts.
    type: dict
    default: {}
author: KnowledgeCity operations
"""

EXAMPLES = r"""
- name: DNS
  kc_dns:
    scope: "{{ kc_scope }}"
    domain: example.com
    home: me-west-1
    regions: [me-west-1, eu-central-1]
    distributions:
      web: {hosts: [app, learn]}
    certificate_authorities: [amazon.com]
    records:
      "@ MX": {values: [10 mail.example.net.]}
      _dmarc TXT: {values: ["v=DMARC1; p=reject"], ttl: 3600}
"""

RETURN = r"""
plan:
  description: What differs, and so was or would be done; C({action, kind, name, region, before, after}) each.
  type: list
  returned: always
outputs:
  description: What stands, by kind (C(record), C(health_check), C(calculated_health_check), C(alarm)) and name.
  type: dict
  returned: always
"""

from ansible.module_utils.kc.entry import main
from ansible.module_utils.kc.units.dns import UNIT

if __name__ == "__main__":
    main(UNIT, DOCUMENTATION)
