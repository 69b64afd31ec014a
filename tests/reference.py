"""The reference inventory's data, for tests that need a whole unit's options."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import yaml

COMMON = Path(__file__).parents[1] / "inventories" / "common"


def variables(witness: bool = False) -> dict[str, Any]:
    """Return the common variables (templates stay templates)."""
    files = [*sorted((COMMON / "all").glob("*.yml")), *([COMMON / "witness.yml"] if witness else [])]
    merged: dict[str, Any] = {}
    for file in files:
        merged |= yaml.safe_load(file.read_text()) or {}
    return merged


def network(cidr: str = "10.10.0.0/16", witness: bool = False, **changed: Any) -> dict[str, Any]:
    """Return the options of the unit `network`, without its scope; no flow log, since that needs a bucket."""
    given = variables(witness)
    names = ("zones", "tiers", "nat", "security_groups", "endpoints")
    params = {name: copy.deepcopy(given[f"kc_network_{name}"]) for name in names}
    return {**params, "cidr": cidr, "peer_cidrs": ["10.11.0.0/16", "10.12.0.0/16"], "flow_log_bucket": None, **changed}
