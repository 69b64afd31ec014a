"""Filters over what the modules for ClickHouse know: `kc_clickhouse_has` and `kc_clickhouse_fewer`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).absolute().parents[2]
if str(ROOT / "module_utils") not in sys.path:
    sys.path.append(str(ROOT / "module_utils"))

from kc.clickhouse.restore import NEW  # noqa: E402
from kc.clickhouse.version import Version  # noqa: E402


def kc_clickhouse_has(version: str, feature: str) -> bool:
    """Return whether a version has a feature of `kc.clickhouse.version.FEATURES`.

    Raises:
        KcError: It is no version.
    """
    return Version.parse(version).has(feature)


def kc_clickhouse_fewer(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return where there are fewer rows than before, a phrase each, from two results `nodes` of kc_clickhouse_info with `rows`.

    Tables whose rows were not counted before, and those that a restoration makes only for its own time, count for nothing.
    """
    found = []
    for node, health in before.items():
        there = after.get(node, {}).get("tables", {})
        for table, was in health["tables"].items():
            now = there.get(table, {}).get("rows")
            if was["rows"] is not None and not table.endswith(NEW) and (now is None or now < was["rows"]):
                found.append(f"{table} on {node} ({'unknown' if now is None else now} of {was['rows']})")
    return found


class FilterModule:
    """The filters by name."""

    def filters(self) -> dict[str, Any]:
        return {"kc_clickhouse_has": kc_clickhouse_has, "kc_clickhouse_fewer": kc_clickhouse_fewer}
