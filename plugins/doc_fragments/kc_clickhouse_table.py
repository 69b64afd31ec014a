"""The options that describe a table or a view."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "module_utils"))

from kc.clickhouse.options import TABLE


class ModuleDocFragment:
    """`extends_documentation_fragment: kc_clickhouse_table`."""

    DOCUMENTATION = TABLE
