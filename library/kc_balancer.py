#!/usr/bin/python
"""Ansible module: the load balancer of a region."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kc_balancer
short_description: Converge the load balancer of a region and the web ACL in front of it
description:
  - One application load balancer that users reach over HTTPS; HTTP is redirected. A request goes where a rule leads it, by its host
    and path, and anything else is answered with 404.
  - Each application of O(applications) that takes requests gets a target group, called C(<platform>-<environment>-<application>), and
    a rule of its priority for C(<host>.<domain>). The tasks behind it are registered by whoever runs them.
  - The names C(origin.<domain>) and C(origin-<region>.<domain>) are the load balancer's own. They answer at C(/health) only, with what
    O(health_application) says. That is what DNS fails over by.
  - Rules, listeners and attributes that the inventory does not name are drift and taken away. Rules of priority 2 to 9 belong to
    runbooks and are left alone.
  - C(state=absent) lifts the protection against deletion.
extends_documentation_fragment: kc
options:
  domain:
    description: Domain of the platform, and of the region's certificate that M(kc_certificates) requested.
    type: str
    required: true
  applications:
    description: Applications by name, as the inventory's C(kc_applications) describes them. Those without hosts are passed over.
    type: dict
    required: true
  health_application:
    description:
      - Application that answers for the region's health. It should need what the others need, such as the database, so that a region
        which can't serve says so; and its own health check must be at C(/health), since a load balancer passes paths on as they are.
      - Without one nothing answers at C(/health), and no failover of DNS can be based on it.
    type: str
    default: ""
  tier:
    description: Tier of subnets that it stands in, two zones at least.
    type: str
    default: public
  security_group:
    description: Security group that it has, by its short name.
    type: str
    default: balancer
  log_bucket:
    description: Bucket that its access logs are delivered to, by its short name; it receives C(load_balancer_logs).
    type: str
    default: logs
  deletion_protection:
    description: Whether AWS refuses to delete it until this is lifted.
    type: bool
    default: true
  idle_timeout:
    description:
      - Seconds after which a silent connection is closed, to clients and to tasks. The default is AWS's.
      - A task must keep its connections open longer than that, or a request now and then meets one that is just being closed.
    type: int
    default: 60
  tls_policy:
    description:
      - Which TLS versions and ciphers clients may use. All choices have TLS 1.2 at least and forward secrecy.
      - The default is what AWS advises, the hybrid post-quantum key exchange included; clients without it use another one.
    type: str
    default: ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09
  hsts:
    description: Seconds for which a browser asks this host over HTTPS only (Strict-Transport-Security); 0 says nothing of it.
    type: int
    default: 31536000
  healthy:
    description: Looks in a row that a task must pass before it gets requests. How often it is looked at is each application's C(health).
    type: int
    default: 2
  deregistration_delay:
    description:
      - Seconds that a task which is to stop has for the requests that it is answering. None of ours takes longer.
    type: int
    default: 30
  slow_start:
    description:
      - Seconds in which a new task gets its full share of requests, 30 to 900; 0 gives it at once.
      - AWS starts slowly only where requests go round. So with it they do, and without it each goes to the task with the fewest open ones.
    type: int
    default: 0
  waf_groups:
    description: AWS's managed rule groups by name, each with C(priority), C(count) and C(count_rules) (what only counts).
    type: dict
    default: {}
  waf_rates:
    description: Limits of requests by name, each with C(priority), C(limit), C(window), C(by) and C(count). Beyond one the answer is 429.
    type: dict
    default: {}
  waf_log_days:
    description: Days that WAF's logs are kept, which hold what met a rule.
    type: int
    default: 90
author: KnowledgeCity operations
"""

EXAMPLES = r"""
- name: Load balancer
  kc_balancer:
    scope: "{{ kc_scope }}"
    domain: example.com
    applications: "{{ kc_applications }}"
    health_application: php-api
    waf_groups:
      AWSManagedRulesCommonRuleSet: {priority: 20, count_rules: [SizeRestrictions_BODY]}
    waf_rates:
      address: {priority: 1, limit: 2000}
"""

RETURN = r"""
plan:
  description:
    - What differs, and so was or would be done; C({action, kind, name, region, before, after}) each.
    - A listener is called C(<load balancer>:<port>), a rule C(<load balancer>:<port>:<priority>).
  type: list
  returned: always
outputs:
  description:
    - What stands, by kind (C(load_balancer), C(target_group), C(listener), C(listener_rule), C(web_acl), C(waf_log_group)) and name.
    - A load balancer with C(dns) and C(zone) for alias records; it and target groups with C(suffix), their name in CloudWatch.
  type: dict
  returned: always
"""

from ansible.module_utils.kc.entry import main
from ansible.module_utils.kc.units.balancer import UNIT

if __name__ == "__main__":
    main(UNIT, DOCUMENTATION)
