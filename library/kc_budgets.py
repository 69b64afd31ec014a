#!/usr/bin/python
"""Ansible module: monthly cost budgets."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kc_budgets
short_description: Converge the platform's monthly cost budgets
description:
  - Run it once for the platform, not once a region, in the region where AWS keeps its global control planes. With C(client) in
    O(scope), the budgets are that client's.
  - A budget tells who is named when what was spent, or what AWS expects to be spent by the end of the month, is above a
    threshold. AWS looks some times a day, so it tells hours later. It stops nothing.
  - Tax, support and what AWS bills up front count; credits and refunds don't, since they would hide what is used. Instances
    that were reserved count when they are paid.
  - Costs are told apart by tags only once the cost allocation tags C(Platform), C(Environment) and C(Client) are active in
    the account that pays; until then such a budget shows nothing.
extends_documentation_fragment: kc
options:
  budgets:
    description:
      - Budgets by short name, called C(<platform>-<environment>-<short name>). Their options follow.
      - C(amount) (required) is what a month may cost, in US dollars.
      - C(whole_account) (default false) counts everything in the account. Without it, only what has the tags of O(scope) counts,
        which AWS's tax and support don't have.
      - C(actual) (default 50, 80 and 100) and C(forecasted) (default 100) are the thresholds in percent, ten together at most.
      - C(emails) (default none) are addresses to tell, ten at most.
      - C(topic) (default C(alerts)) is the short name of the SNS topic to tell, in the unit's own region; empty tells none.
    type: dict
    required: true
author: KnowledgeCity operations
"""

EXAMPLES = r"""
- name: Budgets
  kc_budgets:
    scope: "{{ kc_scope }}"
    budgets:
      platform: {amount: 16000, actual: [50, 80, 100], forecasted: [100]}
      account: {amount: 18400, whole_account: true, emails: [finance@example.com]}
"""

RETURN = r"""
plan:
  description: What differs, and so was or would be done; C({action, kind, name, region, before, after}) each.
  type: list
  returned: always
outputs:
  description: What stands, as kind C(budget) by name, with C(id) and C(arn).
  type: dict
  returned: always
"""

from ansible.module_utils.kc.entry import main
from ansible.module_utils.kc.units.budgets import UNIT

if __name__ == "__main__":
    main(UNIT, DOCUMENTATION)
