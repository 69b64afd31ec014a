"""Live signs of life, and the plan's totals, the time and what stands where at the end."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from ansible import constants
from ansible.plugins.callback import CallbackBase

sys.path.append(str(Path(__file__).resolve().parents[2] / "module_utils"))

from kc import summary

DOCUMENTATION = r"""
name: kc
type: aggregate
short_description: Plan totals, time and what stands where
description:
  - While tasks run and nothing was shown for C(quiet) seconds, a line tells which of them are still working.
  - At the end, the totals of what the units planned or did, the time by phase, and what stands where.
  - Complements the callback that writes to the terminal. A playbook that runs no unit gets nothing of it.
requirements:
  - C(callbacks_enabled = kc) in the configuration.
options:
  plan_file:
    description: Where to write plans, what was applied, and totals as JSON, readable by the owner only.
    type: path
    env:
      - name: KC_PLAN_FILE
    ini:
      - section: callback_kc
        key: plan_file
  quiet:
    description:
      - Seconds without a line, after which one tells what is still working. They double, up to a minute, while
        nothing else is shown.
    type: float
    # Long enough that a usual task is never interrupted, short enough that nobody wonders.
    default: 10.0
    env:
      - name: KC_QUIET
    ini:
      - section: callback_kc
        key: quiet
"""

LONGEST_QUIET = 60.0
"""Seconds between two signs of life at most."""

COLORS = {
    "ok": constants.COLOR_OK,
    "changed": constants.COLOR_CHANGED,
    "error": constants.COLOR_ERROR,
    "dim": constants.COLOR_VERBOSE,
    "": None,
}


class Heartbeat:
    """Tells what is still working when nothing else was shown for a while.

    A daemon thread of the controller. Workers are forked while it lives: it holds no lock of its own (a dict's
    single operations are atomic), and Ansible forks with Display's lock in hand, so never in the middle of a line.
    """

    def __init__(self, display: Any) -> None:
        self.display = display
        self.running: dict[tuple[str, str], tuple[str, float]] = {}
        self.shown = time.monotonic()
        self._show = display.display

    def start(self, quiet: float) -> None:
        # What workers show reaches the controller as a call of `Display.display`: no callback hears of it
        self.display.display = self._heard
        threading.Thread(target=self._beat, args=(quiet,), name="kc heartbeat", daemon=True).start()

    def _heard(self, *args: Any, **options: Any) -> None:
        self.shown = time.monotonic()
        self._show(*args, **options)

    def _beat(self, quiet: float) -> None:
        told, pause = self.shown, quiet
        while True:
            time.sleep(min(1.0, quiet))
            with suppress(OSError, ValueError):  # whoever read it may be gone
                sys.stdout.flush()  # a log sees a line when it is shown, not when a buffer is full
            now = time.monotonic()
            if self.shown > told:
                told, pause = self.shown, quiet
            if self.running and now - told >= pause:
                told, pause = now, min(2 * pause, LONGEST_QUIET)
                self._show(working(self.running.copy(), now), color=COLORS["dim"])


def working(running: dict[tuple[str, str], tuple[str, float]], now: float) -> str:
    """Return the line that tells what is still working: `{(task, host): (what, since)}` on the clock of `now`."""
    by_task: dict[str, list[str]] = {}
    for (_, host), (what, since) in running.items():
        by_task.setdefault(what, []).append(f"{host} ({now - since:.0f} s)")
    return "  still working: " + "; ".join(f"{what} on {', '.join(hosts)}" for what, hosts in by_task.items())


class CallbackModule(CallbackBase):
    """Collects units' results, and shows them at the end."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "kc"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self.runs: list[summary.Done] = []
        self.tasks: list[summary.Task] = []
        self.begun: dict[str, summary.Begun] = {}
        self.phases: dict[str, float] = {}
        self.phase = ""
        self.since = time.monotonic()
        self.heartbeat = Heartbeat(self._display)

    def v2_playbook_on_start(self, playbook: Any) -> None:
        self.heartbeat.start(self.get_option("quiet"))

    def v2_playbook_on_play_start(self, play: Any) -> None:
        self._end_phase()
        self.phase = summary.phase_of(play.get_name())

    def v2_runner_on_start(self, host: Any, task: Any) -> None:
        unit = task.action.startswith("kc_") and task.action != "kc_await"
        what = task.action.removeprefix("kc_") if unit else task.get_name()
        self.heartbeat.running[(task._uuid, host.get_name())] = (what, time.monotonic())

    def v2_runner_on_ok(self, result: Any) -> None:
        self._ended(result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self._ended(result, failed=True)

    def v2_runner_on_skipped(self, result: Any) -> None:
        self._ended(result)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        self._ended(result)

    def _ended(self, result: Any, failed: bool = False) -> None:
        now, host = time.monotonic(), result.host.get_name()
        _, since = self.heartbeat.running.pop((result.task._uuid, host), ("", now))
        facts = result.result
        if "unit" in facts and "results_file" in facts:  # a unit that has only begun
            self.begun[facts["ansible_job_id"]] = summary.Begun(facts["unit"], host, self.phase, now)
        job = facts.get("background")
        begun = self.begun.pop(job["job"], None) if job else None
        if not result.task.loop:  # of a loop each item has been told
            self._changed(result)
        if "unit" in facts and "plan" in facts:
            check = bool(result.task_fields.get("check_mode"))
            if begun:
                self.runs.append(begun.done(facts, failed, job["seconds"]))
            else:
                self.runs.append(summary.Done(facts["unit"], host, check, facts, failed, self.phase, since, now))

    def v2_runner_item_on_ok(self, result: Any) -> None:
        # only here a loop's `check_mode` is a value, and not what the play says of it
        self._changed(result)

    def _changed(self, result: Any) -> None:
        if result.is_changed() and "unit" not in result.result:
            check = bool(result.task_fields.get("check_mode"))
            self.tasks.append(summary.Task(result.task.get_name(), result.host.get_name(), check))

    def _end_phase(self) -> None:
        now = time.monotonic()
        if self.phase:
            self.phases[self.phase] = self.phases.get(self.phase, 0.0) + now - self.since
        self.since = now

    def v2_playbook_on_stats(self, stats: Any) -> None:
        self._end_phase()
        if not self.runs and not self.begun:
            return
        width = min(summary.WIDTH, self._display.columns)
        if not all(run.check for run in self.runs):
            self._show(summary.standing_lines(self.runs, width))
        self._show(summary.time_lines(self.phases, self.runs, width))
        self._show(summary.plan_lines(self.runs, width, self.tasks, failed=bool(stats.failures or stats.dark)))
        self._show(summary.begun_lines(self.begun.values(), width))
        plan_file = self.get_option("plan_file")
        if plan_file:
            write(Path(plan_file), json.dumps(summary.document(self.runs, self.phases), indent=1) + "\n")

    def _show(self, lines: Iterable[summary.Line]) -> None:
        for line in lines:
            self._display.display(line.text, color=COLORS[line.color])


def write(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    handle, name = tempfile.mkstemp(dir=path.absolute().parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w") as file:  # mkstemp's mode is 0600
        file.write(text)
    Path(name).replace(path)
