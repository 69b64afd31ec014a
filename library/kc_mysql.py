#!/usr/bin/python
"""Ansible module: MySQL in RDS, in both regions."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kc_mysql
short_description: Converge MySQL in RDS, and its replicas in the other region
description:
  - An instance is called C(<platform>-<environment>-<short name>), a client's C(<platform>-<environment>-<client>-<short name>); its
    replica in O(replica_region) has the same name. Run it for the region that is primary now. An instance that takes writes where a
    replica should be, and a replica where an instance should be, is never turned, changed or replaced; that is the runbooks'.
  - The administrator's password is read from Secrets Manager in the moment of creation, and is nowhere else. Everything is encrypted,
    nothing is public, TLS is required by O(parameters).
  - Each region gets the SSM parameter C(mysql/<short name>/endpoint) with the address of its own instance, be it source or replica.
  - Instances are data. One that is no longer named, or all when absent, goes only with O(data=delete), and leaves a last snapshot unless
    O(final_snapshot=false) was converged before; a replica goes before its source. Log groups are kept too.
  - C(binlog retention hours) is set in SQL, by a runbook; an instance is never restarted here, so that static parameters wait for one.
extends_documentation_fragment: kc
options:
  instances:
    description:
      - Instances by short name. Settings of each.
      - C(size) (instance class such as C(db.r6g.2xlarge)), C(multi_az) (true; a standby in another zone), C(replica) (true),
        C(replica_size) (that of the instance) and C(replica_multi_az) (false). Sizes follow the roles, after a failover too.
      - C(version) (whole, such as C(8.4.7); minor upgrades are never automatic, a major one is refused), C(database) (made with the
        instance; none), C(parameters) (on top of O(parameters)).
      - C(storage) (GiB of gp3; can't shrink), C(max_storage) (GiB that it grows to by itself; it does not), C(iops) and C(throughput)
        (from 400 GiB on; gp3's own).
      - C(backup_days) (14), C(backup_window) and C(maintenance_window) (UTC; at night in Riyadh), C(logs) (error and slowquery),
        C(log_days) (90), C(insights_days) (7, which costs nothing), C(monitoring_seconds) (60).
      - C(iam_auth) (false), C(ca) (the authority of its certificate), C(deletion_protection) (true).
      - C(apply) (C(window) leaves what interrupts - class, version, Multi-AZ, port, certificate - to the maintenance window, C(now)
        does it at once), C(hours) (4; that it may take to come up).
    type: dict
    required: true
  replica_region:
    description: The other region, where replicas are; without it there are none.
    type: str
  home_region:
    description: Where an instance without a replica stands, whichever region is primary now; by default in C(scope.region).
    type: str
  parameters:
    description: MySQL's parameters by the name that RDS gives them, for all instances; replicas have the same.
    type: dict
    default: {}
  final_snapshot:
    description:
      - Whether an instance that is deleted leaves a snapshot.
      - It is written on the instance, in a tag, and so has to be converged before; the default is for all that anybody could miss.
    type: bool
    default: true
  tier:
    description: Tier of subnets that instances are in.
    type: str
    default: data
  security_groups:
    description: Security groups of instances, by short name.
    type: list
    elements: str
    default: [data]
  key:
    description: Purpose of the KMS key that data is encrypted with, in each region its own; it can't be changed.
    type: str
    default: data
  log_key:
    description: Purpose of the KMS key that log groups are encrypted with.
    type: str
    default: logs
  admin_secret:
    description: Secret that holds the administrator's C(username) and C(password).
    type: str
    default: mysql-admin
  monitoring_role:
    description: Role that RDS writes Enhanced Monitoring's metrics with.
    type: str
    default: rds-monitoring
author: KnowledgeCity operations
"""

EXAMPLES = r"""
- name: MySQL begins
  kc_mysql:
    scope: "{{ kc_scope }}"
    instances:
      main: {size: db.r6g.2xlarge, replica_size: db.r6g.xlarge, version: 8.4.7, storage: 1000, max_storage: 4000}
    replica_region: eu-central-1
    parameters: {require_secure_transport: 1}
  async: 14400
  poll: 0
  register: mysql_job

- name: A client's own instance, in the client's scope
  kc_mysql:
    scope: "{{ kc_scope | combine({'client': 'acme'}) }}"
    instances:
      main: {size: db.r6g.large, version: 8.4.7, storage: 100, replica: false}
"""

RETURN = r"""
plan:
  description: What differs, and so was or would be done; C({action, kind, name, region, before, after}) each.
  type: list
  returned: always
outputs:
  description:
    - What stands, by kind (C(db_instance), C(db_replica), C(db_parameter_group), C(db_subnet_group), C(log_group), C(parameter)) and name.
    - An instance or replica with C(id), C(arn), C(address), C(port), C(resource) (its id for IAM), C(status), and what is C(pending) until
      the maintenance window.
  type: dict
  returned: always
"""

from ansible.module_utils.kc.entry import main
from ansible.module_utils.kc.units.mysql import UNIT

if __name__ == "__main__":
    main(UNIT, DOCUMENTATION)
