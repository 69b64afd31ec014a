"""The options that every unit's module has."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "module_utils"))

from kc.spec import COMMON


class ModuleDocFragment:
    """`extends_documentation_fragment: kc`."""

    DOCUMENTATION = COMMON
