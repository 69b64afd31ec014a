"""Ansible action: what secrets say, for the tasks that follow. The work is in module_utils/kc/secret_values.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kc_secret_values
short_description: Read secrets for the tasks that follow
description:
  - Reads secrets (see M(kc_secrets)) from Secrets Manager, for roles that set hosts up. One call reads 20 of them.
  - The result is never shown, whatever the verbosity and without C(no_log); register it, and give its values to options that are
    secret themselves.
  - It is an error when a secret does not stand. In check mode its values are C((known after apply)), so that an empty account
    can be planned.
  - Its time-outs are short, whatever the inventory says about others, since a region that is lost is not waited for.
options:
  scope:
    description: Whose secrets these are; the inventory's C(kc_scope) of a region, or of a client.
    type: dict
    required: true
  secrets:
    description: Short names of the scope's secrets.
    type: list
    elements: str
    default: []
  shared:
    description: Short names of the platform's own secrets, where O(scope) is a client's.
    type: list
    elements: str
    default: []
  regions:
    description: Regions to ask, one after the other, until none is lacking; the one that is primary now goes first. The region of
      O(scope) where empty.
    type: list
    elements: str
    default: []
author: KnowledgeCity operations
"""

EXAMPLES = r"""
- name: Secrets
  kc_secret_values:
    scope: "{{ hostvars[kc_home].kc_scope }}"
    regions: "{{ groups['primary'] | union(groups['regions']) }}"
    secrets: [clickhouse-admin, clickhouse-interserver, authority]
  run_once: true
  register: known

- name: ClickHouse
  ansible.builtin.include_role:
    name: clickhouse
  vars:
    clickhouse_administrator: "{{ known.secrets['clickhouse-admin'] }}"
    certificate_authority: "{{ known.secrets.authority }}"
"""

RETURN = r"""
secrets:
  description: What each secret holds, by short name; its fields are those of its kind, such as C(username) and C(password).
  type: dict
  returned: success
"""
