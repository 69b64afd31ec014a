"""Brings the catalogue of prices up to AWS's, inside Ansible's own process: its files are the controller's."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

ROOT = Path(__file__).absolute().parents[2]
if str(ROOT / "module_utils") not in sys.path:
    sys.path.append(str(ROOT / "module_utils"))

from kc.action import InProcess, options  # noqa: E402
from kc.aws.session import Aws, preload  # noqa: E402
from kc.cost.refresh import refresh, write  # noqa: E402
from kc.unit import connection_of  # noqa: E402

preload(services=("pricing",))


class ActionModule(InProcess):
    """Check mode asks, and writes nothing."""

    SPEC = options("kc_price_catalogue")

    def act(self, params: dict[str, Any], *, check: bool) -> dict[str, Any]:
        aws = Aws(connection_of(params), params["ask"])
        found = refresh(aws, datetime.now(UTC).date(), factor=Decimal(str(params["factor"])))
        if not check:
            write(found)
        warnings = [f"AWS tells no price of {sku}; the catalogue's is left" for sku in found.missing]
        warnings += [
            f"{one['sku']}: {one['before']} would become {one['after']}, and is left: do both count the same?" for one in found.doubtful
        ]
        return {
            "changed": bool(found.files),
            "files": [*found.files],
            "diff": [
                {"before_header": name, "after_header": name, "before": before, "after": after}
                for name, (before, after) in found.files.items()
            ],
            **{name: value for name, value in vars(found).items() if name != "files"},
            **({"warnings": warnings} if warnings else {}),
        }
