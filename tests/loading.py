"""Code that no package holds, loaded as its users load it: a plugin by its file, a script."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from lab.settings import ROOT


def loaded(path: str | Path) -> Any:
    """Return a file as a module of its own.

    Args:
        path: Absolute, or from the project's root.
    """
    file = ROOT / path
    spec = importlib.util.spec_from_file_location(f"{file.stem}_loaded", file)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
