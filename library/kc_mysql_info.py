#!/usr/bin/python
"""Ansible module: how a MySQL server and its source are."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kc_mysql_info
short_description: Tell how a MySQL server and its source are, and whether it can take its source's place
description:
  - Asks a server, and its source where O(source) names it, and says whether all is ready, with reasons. Changes nothing.
  - A replica is ready when it follows the expected source by GTID, both threads run without errors, delay and filters, it is read only, has
    no transactions of its own, has applied all that came, lags no more than O(max_lag), and is of its source's release.
  - Of a server without O(source) that follows nobody it says whether it takes writes, runs its events, and makes its heartbeat.
  - What could not be read is null, with the reason, and never zero; a verdict built on it is not ready. That the source does not answer is
    an answer and no error.
extends_documentation_fragment: kc_mysql
options:
  source:
    description: The server that O(host) should follow, C(host) or C(host:port).
    type: str
    default: ""
  expected_source:
    description: The C(server_uuid) that the source must have, as a runbook has recorded it.
    type: str
    default: ""
  heartbeat:
    description: Database of the heartbeat (M(kc_mysql_heartbeat)).
    type: str
    default: kc
  max_lag:
    description: Seconds that a replica may be behind. A heartbeat is made every second, so give 2 or more.
    type: float
    default: 10
  wait:
    description: Seconds to wait until all is ready. In check mode it is told at once.
    type: int
    default: 0
author: KnowledgeCity operations
"""

EXAMPLES = r"""
- name: How the replica is
  kc_mysql_info:
    host: "{{ mysql_endpoint }}"
    user: "{{ mysql_administrator.username }}"
    password: "{{ mysql_administrator.password }}"
    source: "{{ mysql_source_endpoint }}"
  register: replica
  failed_when: not replica.ready
"""

RETURN = r"""
ready:
  description: Whether nothing stands against it.
  type: bool
  returned: success
reasons:
  description: Why not, and what to do, a sentence each.
  type: list
  returned: success
objections:
  description: The same by name, as the option C(accept) of M(kc_mysql_promotion) takes them.
  type: list
  returned: success
notes:
  description: What is worth a look.
  type: list
  returned: success
role:
  description: C(source) or C(replica).
  type: str
  returned: success
server:
  description: C(uuid), C(version), C(read_only), C(super_read_only), C(executed) and C(purged) transactions, C(connections),
    C(event_scheduler), C(events_aside) (those it does not run, being a replica), C(channels), and C(unknown), what could not be read.
  type: dict
  returned: success
source:
  description: The same of the source; null where it does not answer.
  type: dict
  returned: success
gtid:
  description: C(errant), C(missing), C(missing_count) and C(drained) (all that came is applied); null is unknown.
  type: dict
  returned: success
lag:
  description:
    - C(seconds) (null is unknown), by whose C(clock) (C(source), or C(replica) where that does not answer), and C(why) unknown; C(beat),
      when the source wrote the last heartbeat that this server has.
  type: dict
  returned: success
waited:
  description: Seconds that it took, where it waited.
  type: float
  returned: success
"""

from ansible.module_utils.kc.mysql.entry import main
from ansible.module_utils.kc.mysql.info import work

if __name__ == "__main__":
    main(work, DOCUMENTATION)
