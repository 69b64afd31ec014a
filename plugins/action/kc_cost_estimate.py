"""Estimates what the inventory costs, inside Ansible's own process."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).absolute().parents[2]
if str(ROOT / "module_utils") not in sys.path:
    sys.path.append(str(ROOT / "module_utils"))

from kc import inventory  # noqa: E402
from kc.action import InProcess, hosts_of, options  # noqa: E402
from kc.cost import gate  # noqa: E402
from kc.cost.catalogue import catalogue  # noqa: E402
from kc.cost.commitments import advised  # noqa: E402
from kc.cost.page import page  # noqa: E402
from kc.cost.report import estimate, needed  # noqa: E402
from kc.cost.table import table  # noqa: E402
from kc.errors import KcError  # noqa: E402
from kc.inventory.nodes import NODES  # noqa: E402
from kc.options import Spec  # noqa: E402

REASONS = {"approve": "approve", "override": "cost_override"}
"""Options that take a name and a reason, and the variables of playbooks that feed them."""


class ActionModule(InProcess):
    """No AWS, no connection: reads what Ansible has read, and the catalogue."""

    SPEC = options("kc_cost_estimate", scope=False)

    def act(self, params: dict[str, Any], *, check: bool) -> dict[str, Any]:
        now = datetime.now(UTC)
        at = now.isoformat(timespec="seconds")
        reasons = {option: gate.reason(variable, params[option], at) for option, variable in REASONS.items() if params[option]}
        modules = inventory.described(ROOT)[1]
        prices = catalogue()
        found = estimate(self._hosts(modules), modules, prices, now.date())
        file = Path(params["approved"])
        approved = gate.read(file)
        stale = found["catalogue"]["stale"]
        result: dict[str, Any] = {"changed": False, **({"warnings": stale} if stale else {})}
        wrong = gate.verdict(found, approved) if params["gate"] else ""
        if wrong and "override" not in reasons:
            return {**result, "failed": True, "msg": wrong}
        if wrong:
            record = file.with_suffix(".overrides.jsonl")
            before = record.read_text(encoding="utf-8") if record.exists() else ""
            write(record, before + gate.overridden(found, reasons["override"]), check=check)
            result |= {"changed": True, "recorded": str(record)}
        if "approve" in reasons:
            write(file, gate.written(gate.approval(found, reasons["approve"])), check=check)
            result |= {"changed": True, "recorded": str(file)}
        if params["directory"]:
            found["advice"] = advised(found, prices.prices)
            shown = Path(params["directory"]) / f"cost-{found['environment']}"
            texts = {shown.with_suffix(".json"): gate.written(found), shown.with_suffix(".html"): page(found)}
            for name, text in texts.items():
                write(name, text, check=False)
            result["files"] = [str(name) for name in texts]
        if params["gate"]:
            return result
        deltas = [{"what": one.what, "before": f"{one.before:.2f}", "after": f"{one.after:.2f}"} for one in gate.deltas(found, approved)]
        return {**result, "estimate": found, "table": table(found), "deltas": deltas}

    def _hosts(self, modules: Mapping[str, Spec]) -> list[inventory.Host]:
        """Return the hosts that units converge on; nodes are what these say of them."""
        groups = {name: [*hosts] for name, hosts in self.task_vars["groups"].items()}
        groups["all"] = [name for name in groups["all"] if name not in groups.get(NODES, [])]
        return hosts_of(self._templar, self.task_vars["hostvars"], groups, needed=needed(modules), at_home=True)


def write(file: Path, text: str, *, check: bool) -> None:
    """Write a file, whole or not at all.

    Raises:
        KcError: It can't be written.
    """
    if check:
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh = file.with_name(f".{file.name}.new")
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(file)
    except OSError as error:
        raise KcError(f"{file} can't be written: {error.strerror}", hint="give a place that can, and run this again") from None
