"""Ansible action: the lease, by which one region at a time may take writes. The work is in module_utils/kc/lease/."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kc_lease
short_description: Look at the lease, or have it change hands
description:
  - The lease says which region may take writes. It is kept in the ensemble, held by sessions of the region's sentinels, and changed by
    compare-and-swap; see docs/sentinel.md.
  - O(do=take) is for a region that is lost. It waits until nobody holds the lease any more, which takes a session's time-to-live at most.
  - O(do=hand) is for a source that was frozen, with proof, before it, and O(do=return) gives back what a run has taken, as long as
    nothing was written under it.
  - Where the lease is O(region)'s already, nothing is done. Where it is neither's, it is an error.
  - It runs where playbooks run, and reaches members directly or by way of O(via). Check mode tells what would change.
options:
  do:
    description: What to do.
    type: str
    choices: [look, take, hand, return]
    default: look
  members:
    description: Names of all members of the ensemble, C(host) or C(host:port).
    type: list
    elements: str
    required: true
  port:
    description: Port of the members for clients.
    type: int
    default: 9281
  tls:
    description:
      - What members are shown, and what is trusted of theirs, as PEM texts C(private_key), C(certificate) and C(trusted); the secret
        C(sentinel-tls). It is never shown.
    type: dict
    required: true
  user:
    description: The lease's account in the ensemble.
    type: str
    required: true
  password:
    description: Its password. It is never shown.
    type: str
    required: true
  via:
    description: A command whose input and output lead to a member (C({host}), C({port})) that is not reached from here directly.
    type: list
    elements: str
    default: []
  region:
    description: The region that gets it. Required unless O(do=look).
    type: str
    default: ""
  other:
    description: The region whose it is. Required unless O(do=look).
    type: str
    default: ""
  wait:
    description: Seconds that it may take until nobody holds it any more.
    type: float
    default: 30
  force:
    description: With O(do=take), after that time have those let go who hold it still, and wait until they have fenced their region off.
    type: bool
    default: false
  ttl:
    description: Seconds that a holder's session outlives its last sign.
    type: float
    default: 15
author: KnowledgeCity operations
"""

EXAMPLES = r"""
- name: The lease is this region's
  kc_lease:
    do: take
    members: "{{ keeper_members | map(attribute='host') }}"
    tls: "{{ lease_secrets.secrets['sentinel-tls'] }}"
    user: "{{ lease_secrets.secrets['lease'].username }}"
    password: "{{ lease_secrets.secrets['lease'].password }}"
    region: eu-central-1
    other: me-west-1
"""

RETURN = r"""
lease:
  description: The lease now, or in check mode after it, C({region, epoch, how, of}); empty where there is none.
  type: dict
  returned: success
before:
  description: The lease before; unless O(do=look).
  type: dict
  returned: success
holders:
  description: Who held it.
  type: list
  returned: success
"""
