"""How many processor cores an engine may count on."""

import os
from pathlib import Path

import psutil

CPU_MAX = Path("/sys/fs/cgroup/cpu.max")


def cores() -> int:
    """Cores we may run on: not more than there are physical ones, nor than the container's share."""
    allowed = len(os.sched_getaffinity(0))
    physical = (
        psutil.cpu_count(logical=False) or allowed
    )  # two threads of one core compute no faster than one
    return max(1, min(allowed, physical, _share(_read(CPU_MAX)) or allowed))


def _share(cpu_max: str) -> int | None:
    """'200000 100000' → 2 cores; None where there is no limit ('max 100000', or no file)."""
    words = cpu_max.split()
    if len(words) != 2 or words[0] == "max":
        return None
    return max(1, int(words[0]) // int(words[1]))


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
