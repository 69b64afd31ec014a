#!/usr/bin/python
"""Ansible module: the certificate of a region."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kc_certificates
short_description: Converge the ACM certificate of a region
description:
  - Requests a certificate, puts its validation records into the hosted zone that M(kc_zone) made, and waits until it is issued.
  - Run it in each region with load balancers, and in C(us-east-1) for CloudFront.
  - Names and key of a certificate can't be changed. When they change here, another certificate is requested and issued first,
    and is the one that other units find from then on. Its predecessor is deleted by the first run that finds it used by nothing.
  - Validation records are the same in all regions of an account, and renewals need them. So C(state=absent) leaves them in the
    zone; they go with the zone.
extends_documentation_fragment: kc
options:
  domain:
    description: The domain that the certificate is for, and what it is found by. At most 64 characters.
    type: str
    required: true
  names:
    description: What else it is for, such as C(*.example.com). AWS takes 10 names in all unless the quota was raised.
    type: list
    elements: str
    default: []
  zone:
    description: Domain of the hosted zone that all names are in. O(domain) itself, unless another is given.
    type: str
  key_algorithm:
    description:
      - Algorithm and size of the key. P-256 makes the shortest handshakes, and every browser of the last decade knows it.
      - C(RSA_2048) is for clients that know nothing else.
    type: str
    choices: [EC_prime256v1, EC_secp384r1, RSA_2048]
    default: EC_prime256v1
  timeout:
    description:
      - Seconds to wait for issuance. Half an hour leaves time to delegate the domain during the first run.
      - When it is over the task fails and says which name servers the domain must name; what stands is kept, and the next run
        waits on.
    type: int
    default: 1800
author: KnowledgeCity operations
"""

EXAMPLES = r"""
- name: Certificate
  kc_certificates:
    scope: "{{ kc_scope }}"
    domain: "{{ kc_domain }}"
    names: ["*.{{ kc_domain }}"]
"""

RETURN = r"""
plan:
  description:
    - What differs, and so was or would be done; C({action, kind, name, region, before, after}) each.
    - C(validation) is the hosted zone in which each domain's record stands; C(superseded) are predecessors that nothing uses.
  type: list
  returned: always
outputs:
  description: The certificate by kind (C(certificate)) and domain. C(arn) is what a listener takes.
  type: dict
  returned: always
"""

from ansible.module_utils.kc.entry import main
from ansible.module_utils.kc.units.certificates import UNIT

if __name__ == "__main__":
    main(UNIT, DOCUMENTATION)
