"""Writes the options that each unit's task got, as JSON lines, to the file that `KC_RECORD_OPTIONS` names."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = r"""
name: record_options
type: aggregate
short_description: Records the options of the units' tasks
description: Used by the benchmark, which gives its other contenders the same data.
"""


class CallbackModule(CallbackBase):
    """One line a task and host: unit, host, tags and options."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "record_options"
    CALLBACK_NEEDS_ENABLED = True

    def v2_runner_on_ok(self, result: Any) -> None:
        unit = result.result.get("unit")
        if unit:
            line = {"unit": unit, "host": result.host.get_name(), "tags": result.task.tags, "options": result.task_fields["args"]}
            with Path(os.environ["KC_RECORD_OPTIONS"]).open("a") as file:
                file.write(json.dumps(line) + "\n")
