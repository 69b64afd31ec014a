"""How a server of RDS is named."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "module_utils"))

from kc.mysql.options import RDS


class ModuleDocFragment:
    """`extends_documentation_fragment: kc_mysql_rds`."""

    DOCUMENTATION = RDS
