"""The lab's status as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .world.faults import Cut, Faults


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows as lines, each column as wide as its widest cell."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def table(status: dict[str, Any]) -> str:
    """Return `status` as text: a table for each thing that there is."""
    parts: list[list[tuple[str, ...]]] = [
        [("PROCESS", "STATE", "PID", "UPTIME", "MEMORY", "LOG"), *map(_process, status["processes"])],
        [("BEHAVIOUR", "STATE"), *((one["name"], one["error"].partition("\n")[0] or "works") for one in status["behaviours"])],
        [
            ("HOST", "REGION", "ADDRESS", "STATE"),
            *((one["name"], region["name"], one["address"], one["state"]) for region in status["regions"] for one in region["hosts"]),
        ],
    ]
    lines = [line for rows in parts if len(rows) > 1 for line in [*columns(rows), ""]]
    faults = faults_of(status)
    if faults:
        lines += ["FAULT", *faults, ""]
    saved = status["state"]
    lines.append(f"endpoint  {status['url']}")
    if status["dns"]:
        lines.append(f"dns       {status['dns']}")
    lines.append(f"state     {saved['bytes'] / 2**20:.1f} MiB, saved {saved['age']} s ago" if saved else "state     none saved")
    if status["regions"]:
        counts = ", ".join(f"{len(region['hosts'])} in {region['name']}" for region in status["regions"])
        lines.append(f"hosts     {counts}")
    if status["error"]:
        lines.append(f"problem   {status['error']}")
    return "\n".join(lines)


def faults_of(status: dict[str, Any]) -> list[str]:
    """Return what is broken on purpose, a line each."""
    data = status["faults"]
    return str(Faults(**{**data, "cuts": [Cut(**one) for one in data["cuts"]]})).splitlines()


def _process(one: dict[str, Any]) -> tuple[str, ...]:
    up = one["pid"] is not None
    return (
        one["name"],
        one["state"],
        str(one["pid"]) if up else "-",
        f"{one['uptime']} s" if up else "-",
        f"{one['memory']} MiB" if up else "-",
        one["log"],
    )
