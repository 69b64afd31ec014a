"""How members of the ensemble are reached."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "module_utils"))

from kc.keeper.options import COMMON


class ModuleDocFragment:
    """`extends_documentation_fragment: kc_ensemble`."""

    DOCUMENTATION = COMMON
