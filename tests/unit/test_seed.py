"""The table that leads from the seed document to units, variables and tests names only what exists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from kc.inventory import described
from kc.inventory.model import UNITS

ROOT = Path(__file__).parents[2]
VARIABLES, _ = described(ROOT)


def rows() -> Iterator[tuple[str, list[str], list[str], list[str]]]:
    """Yield each line of the document with its units, variables and tests."""
    for line in (ROOT / "docs/seed.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and len(cells) == 4 and "`" in cells[1]:
            yield cells[0], *(re.findall(r"`([^`]+)`", cell) for cell in cells[1:])


@pytest.mark.parametrize(("says", "units", "variables", "tests"), list(rows()), ids=lambda value: value if isinstance(value, str) else "")
def test_a_line_of_the_seed_leads_to_what_exists(says: str, units: list[str], variables: list[str], tests: list[str]) -> None:
    assert units and set(units) <= set(UNITS)
    assert variables and set(variables) <= set(VARIABLES)
    assert tests and all("def test_" in (ROOT / test).read_text() for test in tests)


def test_every_unit_is_on_the_table() -> None:
    named = {unit for _, units, _, _ in rows() for unit in units}
    assert set(UNITS) - named <= {"parameters", "private_zone"}, "these carry others and are nobody's requirement"
