"""What Linux lets a process do beside what its user may (capabilities(7)), and how it is given up."""

from __future__ import annotations

import ctypes
import os
import re
from pathlib import Path

KILL, SETGID, SETUID = 5, 6, 7
OF_ANOTHER_USER = 1 << KILL | 1 << SETGID | 1 << SETUID
"""What it takes to have a process of another user: to become that user, and to end what is no longer one's own."""

_VERSION_3 = 0x20080522


def effective() -> int:
    """Return what this process may do now, a bit each."""
    found = re.search(r"^CapEff:\s*(\w+)$", Path("/proc/self/status").read_text(), re.M)
    return int(found[1], 16) if found else 0


def may_have_another_user() -> bool:
    """Return whether processes of this one may be another user's."""
    return effective() & OF_ANOTHER_USER == OF_ANOTHER_USER


def give_up() -> None:
    """Give all of it up, for this thread and what it starts: what is neither permitted nor inheritable is not ambient either.

    Raises:
        OSError: The system does not let it.
    """
    header = (ctypes.c_uint32 * 2)(_VERSION_3, 0)
    none = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable, of 32 bits each, twice
    if ctypes.CDLL(None, use_errno=True).capset(header, none) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"capset: {os.strerror(number)}")
