#!/usr/bin/python
"""Ansible module: a region's SQS queues."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kc_queues
short_description: Converge the SQS queues of a region
description:
  - A queue is called C(<platform>-<environment>-<short name>). What was received too often without being deleted goes to its
    dead-letter queue, called the same with C(-dead), which takes from no other queue. Both are encrypted with a KMS key.
  - A queue's policy refuses who comes without TLS and who is of another account; what is allowed is in the roles' policies.
  - Empty queues let a receiver wait for 20 seconds (long polling), which is the cheapest.
  - Messages are data, since nothing else remembers the work that they ask for. A queue that is no longer named, or an absent
    unit, goes only with O(data=delete). Its name can be used again a minute later.
  - Each region has its own queues. What waits in a region that is lost waits until it is back.
extends_documentation_fragment: kc
options:
  queues:
    description:
      - Queues by short name. Their options follow.
      - C(key) (string, default C(media)) is the purpose of the KMS key, one of M(kc_keys). Who sends and who receives needs
        the grant C(keys_use) of it.
      - C(visibility_seconds) (default 300) is how long a message that was received stays hidden from others. A worker that
        takes longer says so in time (a heartbeat), so it is the delay after which a dead worker's job is taken up by another.
      - C(max_receives) (default 5) is how often a message is received before it counts as a dead letter; an interruption of
        Spot counts as well.
      - C(retention_days) (default 4) is how long a message stays that nobody deletes, C(dead_days) (default 14, the longest) how
        long a dead letter does, both since it was sent.
      - C(delay_seconds) (default 0) is how long a new message stays hidden.
      - C(max_kib) (default 256) is the largest message in KiB.
      - C(key_reuse_seconds) (default 300 as in SQS) is how long SQS uses a data key before it asks KMS for another.
    type: dict
    required: true
author: KnowledgeCity operations
"""

EXAMPLES = r"""
- name: Queues
  kc_queues:
    scope: "{{ kc_scope }}"
    queues:
      media-jobs: {visibility_seconds: 300, max_receives: 5}
      mails: {key: data}
"""

RETURN = r"""
plan:
  description: What differs, and so was or would be done; C({action, kind, name, region, before, after}) each.
  type: list
  returned: always
outputs:
  description: What stands, as kind C(queue) by name, with C(id) (the name), C(arn) and C(url).
  type: dict
  returned: always
"""

from ansible.module_utils.kc.entry import main
from ansible.module_utils.kc.units.queues import UNIT

if __name__ == "__main__":
    main(UNIT, DOCUMENTATION)
