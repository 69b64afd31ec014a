"""The filters `kc_bucket` and `kc_database`: what a bucket and an instance of RDS are called, by the one rule for names."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).absolute().parents[2]
if str(ROOT / "module_utils") not in sys.path:
    sys.path.append(str(ROOT / "module_utils"))

from kc.scope import Scope  # noqa: E402
from kc.units.mysql import instance_name  # noqa: E402


def kc_bucket(scope: Mapping[str, Any], short: str, region: str) -> str:
    """Return the name of the bucket `short` in a region; buckets are everybody's, clients' too."""
    return Scope(scope["platform"], scope["environment"], scope["account"], region, component="").bucket(short)


def kc_database(scope: Mapping[str, Any], short: str) -> str:
    """Return the name of the instance `short`: the platform's, or that of the client whose scope it is."""
    about = (scope["platform"], scope["environment"], scope["account"], scope["region"])
    return instance_name(Scope(*about, component="", client=scope.get("client", "")), short)


class FilterModule:
    """The filters by name."""

    def filters(self) -> dict[str, Any]:
        return {"kc_bucket": kc_bucket, "kc_database": kc_database}
