"""Ansible's default output, without what a unit returns for machines when it fails."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.plugins.callback.default import CallbackModule as Default

DOCUMENTATION = r"""
name: kc_stdout
type: stdout
short_description: Ansible's default output with readable failures
description:
  - The default callback prints the whole result of a failed task. A unit's result holds its plan, diff and outputs, which would
    bury the sentence that says what went wrong; they are left out here. `-vv` shows them.
extends_documentation_fragment:
  - default_callback
  - result_format_callback
requirements: []
"""

FOR_MACHINES = {"plan", "diff", "outputs", "standing", "kept", "applied", "errors", "ansible_facts", "unit", "checks", "background"}


class CallbackModule(Default):
    """The default callback over shorter results."""

    CALLBACK_NAME = "kc_stdout"

    def _dump_results(self, result: Mapping[str, Any], *args: Any, **options: Any) -> str:
        if {"plan", "checks"} & result.keys() and self._display.verbosity < 2:
            result = {key: value for key, value in result.items() if key not in FOR_MACHINES}
        return str(super()._dump_results(result, *args, **options))
