#!/usr/bin/python
"""Ansible module: a cluster's part of the ensemble. The work is in module_utils/kc/keeper/root.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kc_ensemble_root
short_description: Give a cluster its own part of the ensemble
description:
  - A node of the ensemble's tree that only the cluster's account can read or change. A server does not begin without it.
  - Nodes above it are made too; in them everybody makes nodes, and reads, changes and deletes none.
  - A root that is another account's is an error; rights that were changed by hand are put back.
  - In check mode, where no member serves yet, the ensemble is taken to be empty, with a warning that says so.
extends_documentation_fragment: [kc_ensemble, kc_ensemble_tree]
author: KnowledgeCity operations
"""

EXAMPLES = r"""
- name: Place in the ensemble
  kc_ensemble_root:
    members: "{{ clickhouse_ensemble | map(attribute='host') }}"
    root: /clickhouse/platform
    user: "{{ clickhouse_ensemble_account.username }}"
    password: "{{ clickhouse_ensemble_account.password }}"
"""

RETURN = r"""
made:
  description: Nodes that were or would be made.
  type: list
  returned: success
given:
  description: Nodes that got or would get their rights back.
  type: list
  returned: success
"""

from typing import Any

from ansible.module_utils.kc.keeper.entry import Params, main
from ansible.module_utils.kc.keeper.options import TREE
from ansible.module_utils.kc.keeper.root import converge
from ansible.module_utils.kc.keeper.tls import Way


def work(given: Params, check: bool) -> dict[str, Any]:
    """Converge the root."""
    result = converge(Way.of(given, given["timeout"]), given["members"], given["root"], given["user"], given["password"], check=check)
    rights = f"only for {given['user']}\n"
    return {
        "changed": result.changed,
        "made": result.made,
        "given": result.given,
        "diff": [{"before_header": path, "after_header": path, "before": "", "after": rights} for path in result.made + result.given],
        **({"warnings": [f"{result.unknown}; taken as empty"]} if result.unknown else {}),
    }


if __name__ == "__main__":
    main(work, TREE, DOCUMENTATION, secrets=("password",))
