#!/usr/bin/python
"""Ansible module: what watches a region."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kc_observability
short_description: Converge what watches a region
description:
  - Two topics (C(pages) wakes somebody, C(alerts) waits for the morning), encrypted, and who is told; alarms and a dashboard of all that
    the inventory names; rules that turn AWS's own events into sentences.
  - Each alarm's description says what it means and what to do first; all of them are on the page docs/operations/alarms.md.
  - A receiver has to confirm its subscription within three days. Until then it stands as C(confirmed=false) in the outputs; a run after
    that asks again. A receiver that the inventory does not name is taken away.
  - A special client has alarms, the rules about its nodes and a dashboard of its own; they tell the platform's topics.
extends_documentation_fragment: kc
options:
  subscriptions:
    description: Who is told, by topic; each a mail address, an C(https://) address or a telephone number as C(+9665...).
    type: dict
    default: {}
    suboptions:
      pages:
        description: Who is woken.
        type: list
        elements: str
        default: []
      alerts:
        description: Who looks at it in working hours.
        type: list
        elements: str
        default: []
  key:
    description:
      - Purpose of the KMS key that the topics are encrypted with, one of M(kc_keys) whose C(services) are C(cloudwatch) and C(events).
    type: str
    default: alerts
  applications:
    description:
      - Applications by name, as in M(kc_services). An application's C(alarms) hold its own thresholds.
      - Without any, there are no rules about what applications and databases tell either.
    type: dict
    default: {}
  queues:
    description: Short names of the region's queues; the C(alarms) of the application that scales by one are for it too.
    type: list
    elements: str
    default: []
  databases:
    description: Short names of the MySQL databases that stand in the region, either as source or as replica.
    type: list
    elements: str
    default: []
  nodes:
    description: Short names of the region's database nodes.
    type: list
    elements: str
    default: []
  nat_zones:
    description: Letters of the availability zones that have a NAT gateway.
    type: list
    elements: str
    default: []
  replicated_buckets:
    description: Short names of the buckets that are replicated both ways.
    type: list
    elements: str
    default: []
  replica_region:
    description: Region that these are replicated with.
    type: str
  domain:
    description: Domain of the certificate to watch; empty where the region has none.
    type: str
    default: ""
  distributions:
    description: Short names of CloudFront's distributions; in us-east-1, where it tells its metrics.
    type: list
    elements: str
    default: []
  home:
    description: Region whose health check is watched, in us-east-1; empty elsewhere.
    type: str
    default: ""
  thresholds:
    description: What alarms wait for. All that the region's alarms need must be given; the inventory says why each number is what it is.
    type: dict
    required: true
    suboptions:
      errors:
        description: Percent of an application's requests in a minute that end in a 5xx.
        type: float
        required: true
      least_requests:
        description: Requests a minute below which a percentage of them says nothing.
        type: float
        required: true
      latency:
        description: Seconds within which 95 of 100 requests are answered.
        type: float
        required: true
      cpu:
        description: Percent of the CPU of an application's tasks.
        type: float
        required: true
      memory:
        description: Percent of the memory of an application's tasks.
        type: float
        required: true
      balancer_errors:
        description: Requests a minute that the load balancer itself answers with a 5xx.
        type: float
        required: true
      queue_age:
        description: Seconds that a job may wait.
        type: float
        required: true
      database_cpu:
        description: Percent of MySQL's CPU.
        type: float
        required: true
      database_storage:
        description: GiB of MySQL's disk that must stay free.
        type: float
        required: true
      database_memory:
        description: MiB of MySQL's memory that must stay free.
        type: float
        required: true
      database_connections:
        description: Connections to MySQL.
        type: float
        required: true
      replica_lag:
        description: Seconds that the MySQL replica may be behind.
        type: float
        required: true
      heartbeat_lag:
        description: Seconds that the heartbeat which the replica has got last may be old.
        type: float
        required: true
      disk:
        description: Percent of a node's data volume.
        type: float
        required: true
      certificate_days:
        description: Days that a certificate must still be good for.
        type: float
        required: true
      replication_latency:
        description: Seconds that objects may arrive late.
        type: float
        required: true
      replication_pending:
        description: Objects that may be on their way for half an hour.
        type: float
        required: true
      edge_errors:
        description: Percent of all requests to a distribution that end in a 5xx.
        type: float
        required: true
author: KnowledgeCity operations
"""

EXAMPLES = r"""
- name: Observability
  kc_observability:
    scope: "{{ kc_scope }}"
    subscriptions: {pages: [on-call@example.com], alerts: [operations@example.com]}
    applications: "{{ kc_applications }}"
    databases: [main]
    nat_zones: [a, b, c]
    domain: example.com
    thresholds: "{{ kc_observability_thresholds }}"
"""

RETURN = r"""
plan:
  description: What differs, and so was or would be done; C({action, kind, name, region, before, after}) each.
  type: list
  returned: always
outputs:
  description:
    - What stands, by kind (C(topic), C(subscription), C(alarm), C(event_rule), C(dashboard)) and name.
    - C(id) and C(arn) each; a subscription also with C(confirmed).
  type: dict
  returned: always
"""

from ansible.module_utils.kc.entry import main
from ansible.module_utils.kc.units.observability import UNIT

if __name__ == "__main__":
    main(UNIT, DOCUMENTATION)
