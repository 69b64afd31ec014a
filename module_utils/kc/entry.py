"""A unit as a module: where that meets Ansible. Actions do in `action.py`, what runs on nodes in `sql/report.py`."""

from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule

from .spec import arguments
from .unit import Unit, run


def main(unit: Unit, documentation: str) -> None:
    """Run `unit` as an Ansible module whose options `documentation` describes."""
    module = AnsibleModule(**arguments(documentation), supports_check_mode=True)
    result = run(unit, module.params, check=module.check_mode)
    if result.get("failed"):
        module.fail_json(**result)
    module.exit_json(**result)
