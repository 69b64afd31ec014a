#!/usr/bin/python
"""Ansible module: what an ensemble says of itself. The work is in module_utils/kc/keeper/health.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kc_keeper_info
short_description: Tell an ensemble's state, with a verdict
description:
  - Asks every member of the ensemble, ClickHouse Keeper or ZooKeeper, over TLS with this node's certificate, in four-letter words.
  - What could not be read is C(unknown), with the reason, and never zero; a verdict built on it is not ready.
  - It reads only; check mode makes no difference.
extends_documentation_fragment: kc_ensemble
options:
  timeout:
    description: Seconds for a connection, and for each answer.
    type: float
    default: 5
author: KnowledgeCity operations
"""

EXAMPLES = r"""
- name: The ensemble
  kc_keeper_info:
    members: "{{ keeper_members | map(attribute='host') }}"
  register: keeper_ensemble

- name: Nothing is restarted while a member is away
  ansible.builtin.assert:
    that: keeper_ensemble.ready
    fail_msg: "{{ keeper_ensemble.reasons | join('; ') }}"
"""

RETURN = r"""
ready:
  description: Every member follows or leads, and all followers are in step with the leader.
  type: bool
  returned: success
quorum:
  description: Whether a majority follows one leader, or C(unknown).
  type: raw
  returned: success
leader:
  description: The member that leads; empty where none is known to lead a majority.
  type: str
  returned: success
reasons:
  description: Why it is not ready, a sentence each.
  type: list
  returned: success
members:
  description:
    - Of each member C(host), C(state) (C(leader), C(follower), C(waiting) where it serves nobody, C(unknown)), C(zxid), the last
      transaction that it has, C(committed) (of ClickHouse Keeper, where it waits), C(behind), C(latency) (mean, in milliseconds),
      C(outstanding) requests, C(connections), C(znodes), C(followers) and C(synced_followers) of a leader, C(version), and C(error),
      why it is unknown.
  type: list
  returned: success
"""

from typing import Any

from ansible.module_utils.kc.keeper.entry import Params, main
from ansible.module_utils.kc.keeper.health import look
from ansible.module_utils.kc.keeper.tls import Way


def work(given: Params, check: bool) -> dict[str, Any]:
    """Ask all members."""
    return {"changed": False, **look(Way.of(given, given["timeout"]), given["members"]).facts()}


if __name__ == "__main__":
    main(work, DOCUMENTATION)
