#!/usr/bin/python
"""Ansible module: this node's member of the ensemble. The work is in module_utils/kc/keeper/member.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kc_keeper_member
short_description: Have this node's member of the ensemble run what is configured, and serve
description:
  - With O(step=serve), starts the service where it does not run, and waits until the member follows or leads. Members begin side by
    side, since none serves without a majority. One that serves nobody may be restarted at any time.
  - One that serves with older files than those that are written is left alone, and C(due) is true. With O(step=restart) it is
    restarted, but only while all others follow or lead, and the module ends when it is back and the leader has all followers in step. A
    task with C(throttle=1) so takes one after the other, and stops by itself at the first that does not come back.
  - One that has no data is left alone too, and C(new) is true. Members without data that are a majority would lead, and those that have
    data would drop it. So with O(step=join) it begins only where a majority serves already, or O(found) says that no member has any.
  - It asks members over TLS, with this node's certificate.
extends_documentation_fragment: kc_ensemble
options:
  host:
    description: This node's name, as in O(members).
    type: str
    required: true
  unit:
    description: The service.
    type: str
    default: kc-keeper
  files:
    description: Files and directories that its process reads when it begins.
    type: list
    elements: path
    default: []
  step:
    description: What is to be done.
    type: str
    choices: [serve, restart, join]
    default: serve
  data:
    description: The member's directory.
    type: path
    default: /var/lib/kc/keeper
  joining:
    description: Members that are not there yet because they have no data; nobody waits for them before a restart.
    type: list
    elements: str
    default: []
  together:
    description: Whether all members with data are restarted side by side, for a longer list of members than they are a part of.
    type: bool
    default: false
  found:
    description: Whether no member has data, so that they found an ensemble.
    type: bool
    default: false
  mark:
    description: File in O(data) by which a member is told that it founds one; ZooKeeper's C(initialize).
    type: str
    default: ""
  timeout:
    description: Seconds until it has to serve.
    type: float
    default: 120
author: KnowledgeCity operations
"""

EXAMPLES = r"""
- name: The member serves
  kc_keeper_member:
    host: "{{ kc_node_fqdn }}"
    members: "{{ keeper_members | map(attribute='host') }}"
    files: [/etc/kc/keeper, /etc/kc/tls]
"""

RETURN = r"""
done:
  description: What was, or would be, done (C(start), C(restart), C(enable), C(found), C(join)).
  type: list
  returned: success
due:
  description: Whether it serves with older files than those that are written.
  type: bool
  returned: success
leads:
  description: Whether it leads, where it is due.
  type: bool
  returned: success
new:
  description: Whether it has no data, and does not serve yet.
  type: bool
  returned: success
host:
  description: The member.
  type: str
  returned: success
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible.module_utils.kc.errors import KcError
from ansible.module_utils.kc.keeper.entry import Params, main
from ansible.module_utils.kc.keeper.member import Member, Result
from ansible.module_utils.kc.keeper.tls import Way


def work(given: Params, check: bool) -> dict[str, Any]:
    """Have the member serve."""
    if given["host"] not in given["members"]:
        raise KcError(f"{given['host']} is no member: the members are {', '.join(given['members'])}")
    member = Member(given["host"], given["members"], given["unit"], given["files"], Path(given["data"]), Way.of(given), given["timeout"])
    steps: dict[str, Callable[[], Result]] = {
        "serve": lambda: member.serve(check=check),
        "restart": lambda: member.restart(joining=given["joining"], together=given["together"], check=check),
        "join": lambda: member.join(found=given["found"], mark=given["mark"], check=check),
    }
    return vars(steps[given["step"]]())


if __name__ == "__main__":
    main(work, DOCUMENTATION)
