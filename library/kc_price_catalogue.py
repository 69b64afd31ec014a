"""Ansible action: the catalogue of prices, brought up to AWS's. The work is in module_utils/kc/cost/refresh.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kc_price_catalogue
short_description: Bring the catalogue of prices up to AWS's
description:
  - Asks the AWS Price List API for every SKU of the catalogue (module_utils/kc/cost/prices/), and writes what differs into its files,
    for somebody to review and commit. Check and diff mode show it without writing.
  - A SKU that has two prices, or one of zero, is an error that names it and its region; nothing is written then.
  - A price that changed by more than O(factor) is left and told, since AWS may count in another unit than the catalogue. So is one
    that AWS does not tell.
  - What is priced by another region's prices gets lines of its own once AWS publishes them.
  - Estimates and the gate of site.yml never ask; they read the files.
options:
  scope:
    description: How to reach AWS; the inventory's C(kc_scope).
    type: dict
    required: true
  ask:
    description: The region whose API is asked; each has the prices of all regions.
    type: str
    default: us-east-1
    choices: [us-east-1, eu-central-1, ap-south-1]
  factor:
    description: By how much a price may go up or down.
    type: float
    default: 2.0
author: KnowledgeCity operations
"""

EXAMPLES = r"""
- name: Prices are AWS's of today
  kc_price_catalogue:
    scope: "{{ kc_scope }}"
  register: refreshed
"""

RETURN = r"""
files:
  description: Files that differ.
  type: list
  elements: str
  returned: success
prices:
  description: Prices that changed, C({sku, before, after}) each.
  type: list
  elements: dict
  returned: success
added:
  description: SKUs that had another region's price.
  type: list
  elements: str
  returned: success
confirmed:
  description: How many prices are as they were.
  type: int
  returned: success
doubtful:
  description: Prices that changed by more than O(factor), and were left; C({sku, before, after}) each.
  type: list
  elements: dict
  returned: success
missing:
  description: SKUs that AWS tells no price of.
  type: list
  elements: str
  returned: success
unasked:
  description: SKUs that the API has no price of, such as Savings Plans.
  type: list
  elements: str
  returned: success
"""
