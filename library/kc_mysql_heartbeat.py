#!/usr/bin/python
"""Ansible module: a heartbeat that tells how far behind replicas are."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kc_mysql_heartbeat
short_description: A heartbeat on the source, which tells how far behind replicas are
description:
  - An event on the source writes the time into a table of one row, by its own clock. A replica has the row when it has all that was
    written before, so its lag is known when C(Seconds_Behind_Source) is NULL too.
  - Run it on the source, and again on the new one after a promotion, since a replica does not run the events that it has.
extends_documentation_fragment: [kc_mysql, kc_mysql_rds]
options:
  database:
    description: Database of the table and the event, both called C(heartbeat).
    type: str
    default: kc
  interval:
    description: Seconds between beats.
    type: int
    default: 1
  wait:
    description: Seconds to wait for a beat.
    type: int
    default: 15
  state:
    description: C(absent) takes both away, and leaves the database.
    type: str
    choices: [present, absent]
    default: present
author: KnowledgeCity operations
"""

EXAMPLES = r"""
- name: Heartbeat
  kc_mysql_heartbeat:
    host: "{{ mysql_endpoint }}"
    user: "{{ mysql_administrator.username }}"
    password: "{{ mysql_administrator.password }}"
"""

RETURN = r"""
statements:
  description: What was, or in check mode would be, run; C({node, statement}) each, secrets hidden.
  type: list
  returned: always
beating:
  description: Whether there is a beat.
  type: bool
  returned: success
age:
  description: Seconds since the last; null is unknown.
  type: float
  returned: success
"""

from ansible.module_utils.kc.mysql.entry import main
from ansible.module_utils.kc.mysql.heartbeat import work
from ansible.module_utils.kc.mysql.options import RDS

if __name__ == "__main__":
    main(work, RDS, DOCUMENTATION)
