"""What a module that speaks to database servers has to say, and how Ansible gets it."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..errors import KcError

Params = Mapping[str, Any]


class Action(Protocol):
    """Something that a module would do."""

    @property
    def shown(self) -> dict[str, str]:
        """It as the result has it, without secrets."""

    def run(self) -> Any:
        """Do it."""


@dataclass
class Report:
    """What a module has to say; filled while it works, so that an error leaves what was done in it.

    Attributes:
        check: Plan only.
        changed: Something differs from what is wanted.
        steps: What would be run, in order.
        done: What was run.
        diff: Ansible's.
        outputs: The module's own results.
        warnings: What the operator should know although nothing failed.
    """

    check: bool = False
    changed: bool = False
    steps: list[Action] = field(default_factory=list)
    done: list[Action] = field(default_factory=list)
    diff: list[dict[str, str]] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def plan(self, steps: Iterable[Action]) -> None:
        """Add what would be run."""
        self.steps += steps
        self.changed = self.changed or bool(self.steps)

    def differs(self, what: str, before: str, after: str) -> None:
        """Add a difference: what stands and what is wanted, as text."""
        self.changed = True
        self.diff.append({"before_header": what, "after_header": what, "before": before, "after": after})

    def apply(self) -> bool:
        """Run what was planned and has not been run yet, in order; nothing in check mode. Whether there was anything."""
        new = [] if self.check else self.steps[len(self.done) :]
        for step in new:
            told = step.run()
            self.done.append(step)
            self.after(told)
        return bool(new)

    def after(self, told: Any) -> None:
        """Take note of what a step has told."""

    def result(self) -> dict[str, Any]:
        """Return the task's result."""
        return {
            "changed": self.changed,
            "statements": [step.shown for step in self.steps],
            "diff": self.diff,
            **self.outputs,
            **({"warnings": self.warnings} if self.warnings else {}),
        }


def outcome(report: Report, act: Callable[[], None]) -> dict[str, Any]:
    """Do a module's work and return the task's result, in the same shape with and without `check`.

    Returns:
        `changed`, `statements` (secrets hidden), `diff`, and the module's own outputs. On an error also `failed`, `msg`,
        `errors`, and `applied`: the statements that were run before it.
    """
    try:
        act()
    except KcError as error:
        return {
            **report.result(),
            "changed": bool(report.done),
            "failed": True,
            "msg": str(error),
            "errors": [error.facts()],
            "applied": [step.shown for step in report.done],
        }
    return report.result()


def options(*documentation: str, secrets: Iterable[str] = ("password",)) -> dict[str, Any]:
    """Return an argument spec.

    Args:
        documentation: The module's, and the fragments that it extends.
        secrets: Options whose value is never shown, beside those of `spec.SECRET`; `a.b` is the suboption `b`.
    """
    from ..spec import spec_of

    spec = spec_of(*documentation)
    for path in secrets:
        *above, last = path.split(".")
        found = spec
        for each in above:
            found = found[each]["options"]
        found[last]["no_log"] = True
    return spec


def ansible(
    run: Callable[[Params, bool], dict[str, Any]], *documentation: str, secrets: Iterable[str] = ("password",), **more: Any
) -> None:
    """Run something as an Ansible module whose options `documentation` describes.

    Args:
        run: Gets the options, and whether to plan only; returns the task's result.
        documentation, secrets: See `options`.
        more: Further arguments of `AnsibleModule`, such as `required_if`.
    """
    from ansible.module_utils.basic import AnsibleModule

    module = AnsibleModule(argument_spec=options(*documentation, secrets=secrets), supports_check_mode=True, **more)
    try:
        result = run(module.params, module.check_mode)
    except Exception as error:  # a mistake of the toolkit's own
        module.fail_json(
            msg=f"{type(error).__name__}: {error}. This is a defect of the toolkit: report it with `exception`.",
            exception=traceback.format_exc(),
        )
    for warning in result.pop("warnings", []):
        module.warn(warning)
    if result.get("failed"):
        module.fail_json(**result)
    module.exit_json(**result)


def wait_for(condition: Callable[[], bool], timeout: float, pause: float = 0.1) -> bool:
    """Wait until a condition holds, for `timeout` seconds at most; whether it does."""
    end = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(pause)
    return True
