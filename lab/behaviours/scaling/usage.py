"""What a container uses, from its control group."""

from __future__ import annotations

from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")


def cpu_seconds(pid: int) -> float | None:
    """Return the CPU seconds that the container of a process has used; None if it is gone."""
    for controller, name, unit in (("cpuacct", "cpuacct.usage", 1e9), ("", "cpu.stat", 1e6)):
        text = _read(pid, controller, name)
        if text is not None:
            words = text.split()
            return int(words[words.index("usage_usec") + 1] if "usage_usec" in words else words[0]) / unit
    return None


def memory_bytes(pid: int) -> int | None:
    """Return the memory that the container of a process uses; None if it is gone."""
    for controller, name in (("memory", "memory.usage_in_bytes"), ("", "memory.current")):
        text = _read(pid, controller, name)
        if text is not None:
            return int(text)
    return None


def _read(pid: int, controller: str, name: str) -> str | None:
    """Return a file of a process's control group: of a controller's hierarchy (v1), or of the one there is (v2, "")."""
    try:
        for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controller in controllers.split(","):
                return (CGROUPS / controller / path.lstrip("/") / name).read_text()
    except OSError:
        pass
    return None
