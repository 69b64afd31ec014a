#!/usr/bin/python
"""Ansible module: what runs a region's applications."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kc_services
short_description: Converge the ECS services of a region's applications
description:
  - For each application a log group, a task definition, a service on Fargate and its scaling. All but the log group (at
    C(/<platform>/<environment>/<application>)) are called C(<platform>-<environment>-<application>).
  - A task definition can't be changed. Where something differs, another revision is registered, and the service moves to it; of
    the older ones only the one before stays active. A deployment replaces tasks a part at a time, and one whose tasks fail is put back.
  - The task waits until every deployment is complete. If one fails, or O(timeout) is over, it fails with what ECS tells of the
    reason, which are the last events of the service and how its tasks ended. The next run deploys a service anew whose last
    deployment failed.
  - The number of tasks is set when a service is created, and is the autoscaler's from then on.
  - An application that is no longer named, or C(state=absent), has its tasks ended before its service is deleted. Its log group
    stays unless O(data) is C(delete).
extends_documentation_fragment: kc
options:
  applications:
    description:
      - Applications by name. Their settings follow.
      - C(cpu) (integer, required) is CPU units, 1024 a core, and C(memory) (integer, required) MiB; Fargate takes certain pairs only.
      - C(count) (mapping, required) is the number of tasks, C(min) in the primary and C(warm) in the secondary at least, C(max) in either.
      - C(role) (string, required) is the role that its code has, and C(execution_role) (string, default C(task-execution)) the one
        that starts it, pulls its image and reads its secrets; both by short name (M(kc_identity)).
      - C(repository) (string, default its own name) is the short name of its images' repository (M(kc_registry)).
      - C(architecture) (string, default C(arm64)) is C(arm64), which costs a fifth less, or C(x86_64).
      - C(user) (string, default C(10001:10001)) is whom the process runs as, never root.
      - C(port) (integer) is what it listens on, C(hosts) (list of strings) the names below the platform's domain that lead to it,
        C(paths) (list of strings, default all) the paths, and C(priority) (integer) its place among the rules. What takes no
        requests has none of these.
      - C(health) (mapping) tells how it is known that a task works. C(path) answers 200, to the load balancer and in the container;
        C(command) (list of strings) exits 0, in the container, where there is no path or the image has neither curl nor wget.
        C(interval) (default 10) and C(timeout) (default 5) are seconds, C(unhealthy) (default 3) is how many looks must fail in a
        row, C(grace) (default 60) are seconds after a start in which none counts.
      - C(environment) (mapping) holds variables, C(secrets) (mapping) variables with C(<secret>:<key>) (M(kc_secrets)), and
        C(parameters) (mapping) variables with the name of a parameter (M(kc_parameters)). Both are given by reference, so a changed
        value arrives with the next deployment (O(redeploy)).
      - C(scratch) (list of strings) are paths that it may write to; nothing else of its file system can be written. Its image
        declares each as a C(VOLUME) of its user's.
      - C(capacity) (mapping) is where tasks run; C(base) (default 0) of them on demand, the others by the weights C(on_demand)
        (default 1) and C(spot) (default 0).
      - C(scaling) (mapping) is what the number of tasks follows. C(cpu) is percent to keep, C(requests) a minute and task to keep,
        C(queue) the short name of a queue of which C(backlog) (default 5) messages a task are to be left; C(schedules) (mapping by
        name) are C(at), C(min) and C(timezone), for the primary.
      - C(stop) (integer, default 30) are seconds that a task may take to end, and C(days) (integer, default 90) how long its logs are kept.
    type: dict
    required: true
  images:
    description: The digest of each application's image, as in C(sha256:...).
    type: dict
    required: true
  role:
    description: What the region is now, which decides on the number of tasks.
    type: str
    choices: [primary, secondary]
    default: primary
  tier:
    description: The network tier that tasks run in. They have no public address.
    type: str
    default: private
  security_group:
    description: Short name of the tasks' security group.
    type: str
    default: app
  minimum_healthy:
    description:
      - Percent of the tasks that work at any time of a deployment, at least.
      - The default loses no capacity.
    type: int
    default: 100
  maximum_healthy:
    description:
      - Percent of the tasks that there are at any time of a deployment, at most. It must leave room for a task more.
      - The default starts as many as there are at once, the quickest way.
    type: int
    default: 200
  execute_command:
    description:
      - Whether operators may open a session in a container (C(aws ecs execute-command)). It is written to a log group (M(kc_cluster)).
      - A role needs the grant C(execute_command) for it. The agent's own paths can be written in each container then.
    type: bool
    default: true
  redeploy:
    description:
      - Applications whose tasks are all started anew in this run, a part at a time; for instance after a secret was rotated.
      - Every run that names an application here does it, so give it on the command line, not in the inventory.
    type: list
    elements: str
    default: []
  timeout:
    description:
      - Seconds that a deployment may take.
      - The default is long enough for the circuit breaker to be sure of a failure, so that its reason is told.
    type: int
    default: 900
author: KnowledgeCity operations
"""

EXAMPLES = r"""
- name: Services
  kc_services:
    scope: "{{ kc_scope }}"
    role: primary
    images: {web: 'sha256:c3fa65c5b02c818db6567a94597b0c960d0f04e48ba37f82e94b6feb6c63c03a'}
    applications:
      web:
        cpu: 256
        memory: 512
        role: web
        port: 8080
        hosts: [app]
        priority: 10
        health: {path: /healthz}
        count: {min: 2, warm: 1, max: 6}
        scaling: {cpu: 60}
"""

RETURN = r"""
plan:
  description: What differs, and so was or would be done; C({action, kind, name, region, before, after}) each.
  type: list
  returned: always
outputs:
  description:
    - What stands, by kind (C(log_group), C(task_definition), C(service), C(scalable_target), C(scaling_policy), C(scheduled_action)) and
      name, with C(id). A task definition has its newest revision as C(arn), a service the id of its last deployment as C(deployment).
  type: dict
  returned: always
"""

from ansible.module_utils.kc.entry import main
from ansible.module_utils.kc.units.services import UNIT

if __name__ == "__main__":
    main(UNIT, DOCUMENTATION)
