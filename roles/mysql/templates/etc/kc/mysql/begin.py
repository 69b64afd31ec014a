#!/usr/bin/python3
"""Written by the role mysql. Decides, before the server begins, whether it may take writes again if it took them when it ended.

    begin.py DATA ENVIRONMENT

Another may have been promoted in its place meanwhile. So the other servers (/etc/kc/mysql/servers) are asked whether they take writes. If
one does, or does not answer in time, the server begins without what was persisted, and so read only as its file says.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
SECONDS = 5
"""For one answer."""


def took_writes(data: Path) -> bool:
    """Whether what was persisted lets the server take writes, which its file does not."""
    try:
        found = json.loads((data / "mysqld-auto.cnf").read_text())
    except FileNotFoundError:
        return False
    kept = {
        name: about["Value"]
        for section in found.values()
        if isinstance(section, dict)
        for name, about in section.items()
        if isinstance(about, dict) and "Value" in about
    }
    return kept.get("super_read_only") == kept.get("read_only") == "OFF"


def takes_writes(host: str) -> bool | None:
    """Whether another server takes writes; None where it does not say."""
    way = ["--ssl-mode=VERIFY_IDENTITY", "--ssl-ca=/etc/kc/tls/ca.pem", f"--connect-timeout={SECONDS}", f"--host={host}"]
    asked = ["mysql", f"--defaults-file={HERE / 'ask.cnf'}", *way, "--batch", "--skip-column-names", "--execute=SELECT @@global.read_only"]
    try:
        done = subprocess.run(asked, capture_output=True, text=True, timeout=2 * SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return None if done.returncode else done.stdout.strip() == "0"


def objection() -> str:
    """Return why the server must not take writes; empty where it may."""
    first, *hosts = (HERE / "servers").read_text().splitlines()
    wait, alone = first.split()
    end, silent = time.monotonic() + float(wait), hosts
    while silent:
        said = {host: takes_writes(host) for host in silent}
        if writing := [host for host, answer in said.items() if answer]:
            return f"{writing[0]} takes writes"
        silent = [host for host, answer in said.items() if answer is None]
        if silent and time.monotonic() > end:
            return "" if alone == "alone" else f"whether {' and '.join(silent)} takes writes is not known after {wait} s"
        time.sleep(1 if silent else 0)
    return ""


def main(data: str, environment: str) -> None:
    """Write what the server's command line gets."""
    why = objection() if took_writes(Path(data)) else ""
    if why:
        print(f"It begins read only, although it took writes when it ended: {why}.", flush=True)
    Path(environment).write_text(f"KC_BEGIN={'--persisted-globals-load=OFF' if why else ''}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
