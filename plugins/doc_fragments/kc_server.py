"""The options that every module of a node's own database server has."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "module_utils"))

from kc.sql.options import SERVER


class ModuleDocFragment:
    """`extends_documentation_fragment: kc_server`."""

    DOCUMENTATION = SERVER
