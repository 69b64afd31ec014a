#!/usr/bin/python
"""Ansible module: a MySQL replica takes its source's place."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kc_mysql_promotion
short_description: Have a MySQL replica take its source's place
description:
  - Refuses unless O(host) follows the very server that O(expected_source) names, and that server is frozen (M(kc_mysql_freeze)) or fenced
    off. This is compared again right before the swap.
  - What fails before C(point_of_no_return) is taken back, and the replica follows as before (C(undone)). A run that was killed is
    completed by running it again, before that point and behind it; one that is complete changes nothing.
  - C(planned) waits until the replica has all that the frozen source has, and loses nothing. C(forced) applies what has come, and reports
    what was lost.
  - Afterwards the new source runs the events that it has, and C(promotions) in O(database) has a row.
extends_documentation_fragment: [kc_mysql, kc_mysql_rds]
options:
  source:
    description: The source that is replaced, C(host) or C(host:port). In a forced promotion it may be silent.
    type: str
    required: true
  expected_source:
    description: The C(server_uuid) that it must have, as M(kc_mysql_info) told it when the runbook began.
    type: str
    required: true
  mode:
    description: C(forced) may lose transactions.
    type: str
    choices: [planned, forced]
    default: planned
  accept:
    description: With O(mode=forced), objections that are accepted on purpose, by the names that M(kc_mysql_info) gives them.
    type: list
    elements: str
    default: []
  fenced:
    description: With O(mode=forced), that a source which does not answer is cut off from everybody, and stays so.
    type: bool
    default: false
  executed:
    description: With O(mode=forced), what a silent source had when it was last seen, so that C(lost) can be told.
    type: str
    default: ""
  database:
    description: Database of the heartbeat, and of the promotions.
    type: str
    default: kc
  max_lag:
    description: With O(mode=forced), seconds that it may lag without being worth a word.
    type: float
    default: 10
  wait:
    description: Seconds that the replica may take to apply what it has to.
    type: int
    default: 60
  foreseen:
    description: In check mode, that the source would be frozen or fenced by then, as a runbook's steps before it see to.
    type: bool
    default: false
  events:
    description: Whether events are enabled that the replica did not run.
    type: bool
    default: true
  backup_days:
    description: On RDS, days that backups are kept from now on; 1 or more, since a source needs its binary log.
    type: int
    default: 14
  promotion_wait:
    description: On RDS, seconds that its promotion may take.
    type: int
    default: 1800
author: KnowledgeCity operations
"""

EXAMPLES = r"""
- name: The replica takes over
  kc_mysql_promotion:
    host: "{{ mysql_endpoint }}"
    user: "{{ mysql_administrator.username }}"
    password: "{{ mysql_administrator.password }}"
    source: "{{ mysql_source_endpoint }}"
    expected_source: "{{ replica.source.uuid }}"
"""

RETURN = r"""
statements:
  description: What was, or in check mode would be, run; C({node, statement}) each, secrets hidden.
  type: list
  returned: always
point_of_no_return:
  description: The statement behind which there is no way back.
  type: str
  returned: success
resumed:
  description: Whether it went on with a promotion that was broken off behind that point, or found it done.
  type: bool
  returned: success
undone:
  description: That it failed before that point, and the replica follows again.
  type: bool
  returned: when it was
lost:
  description: Transactions that the old source had, and the new one has not; null is unknown.
  type: str
  returned: when it was promoted
lost_count:
  description: How many these are; null is unknown.
  type: int
  returned: when it was promoted
waited:
  description: On RDS, seconds that AWS took for it.
  type: float
  returned: when it was promoted
unapplied:
  description: Transactions that had come to the replica and were not applied.
  type: str
  returned: when it was promoted
executed:
  description: The transactions that the new source had when it became that.
  type: str
  returned: when it was promoted
uuid:
  description: The new source's C(server_uuid).
  type: str
  returned: when it was promoted
"""

from ansible.module_utils.kc.mysql.entry import main
from ansible.module_utils.kc.mysql.options import RDS
from ansible.module_utils.kc.mysql.promotion import work

if __name__ == "__main__":
    main(work, RDS, DOCUMENTATION)
