#!/usr/bin/python
"""Ansible module: replicas that are given up leave the ensemble. The work is in module_utils/kc/keeper/forget.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kc_ensemble_forget
short_description: Delete what the ensemble has of replicas that are given up
description:
  - For servers without C(SYSTEM DROP REPLICA), older than 20.5. C(kc_clickhouse_replica) with C(state=dropped) says what is left of one.
  - A replica whose server is there is refused, and so is a place that is no replica's; nothing is deleted then.
extends_documentation_fragment: [kc_ensemble, kc_ensemble_tree]
options:
  places:
    description: Below that, a replica's place each, C(<path of the table>/replicas/<replica>).
    type: list
    elements: str
    required: true
author: KnowledgeCity operations
"""

EXAMPLES = r"""
- name: The ensemble forgets a replica
  kc_ensemble_forget:
    members: "{{ clickhouse_ensemble | map(attribute='host') }}"
    root: /clickhouse/platform
    places: [/clickhouse/tables/01/reporting/events/replicas/clickhouse-2.eu-central-1]
    user: "{{ clickhouse_ensemble_account.username }}"
    password: "{{ clickhouse_ensemble_account.password }}"
"""

RETURN = r"""
gone:
  description: Places that were or would be deleted.
  type: list
  returned: success
"""

from typing import Any

from ansible.module_utils.kc.keeper.entry import Params, main
from ansible.module_utils.kc.keeper.forget import converge
from ansible.module_utils.kc.keeper.options import TREE
from ansible.module_utils.kc.keeper.tls import Way


def work(given: Params, check: bool) -> dict[str, Any]:
    """Have the ensemble forget them."""
    account = (given["user"], given["password"])
    gone = converge(Way.of(given, given["timeout"]), given["members"], given["root"], account, given["places"], check=check)
    return {"changed": bool(gone), "gone": gone}


if __name__ == "__main__":
    main(work, TREE, DOCUMENTATION, secrets=("password",))
