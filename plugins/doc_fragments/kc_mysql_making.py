"""How a data directory of MySQL is made."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "module_utils"))

from kc.mysql.options import DATA


class ModuleDocFragment:
    """`extends_documentation_fragment: kc_mysql_making`."""

    DOCUMENTATION = DATA
