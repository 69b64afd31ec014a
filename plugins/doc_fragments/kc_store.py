"""Where backups are kept."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "module_utils"))

from kc.backup.options import STORE


class ModuleDocFragment:
    """`extends_documentation_fragment: kc_store`."""

    DOCUMENTATION = STORE
