"""Memory as Linux keeps account of it: of one process, of the machine, of the container around us."""

import os
from collections.abc import Collection
from pathlib import Path

import psutil

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
CGROUP = Path("/sys/fs/cgroup")


def members(sessions: Collection[int]) -> list[int]:
    """The processes of these sessions, zombies too.

    An engine stays in its guard's session with all that it starts. The kernel says a pid's session in 2 µs;
    its parent, to find descendants, stands in a file and takes 27 µs.
    """
    return [pid for pid in psutil.pids() if _session(pid) in sessions] if sessions else []


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except ProcessLookupError:  # it has just ended
        return None


def rss_bytes(pid: int) -> int:
    """RAM of a process, shared pages in full; 0 where it has ended. The kernel keeps count of it."""
    try:
        statm = Path(f"/proc/{pid}/statm").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return int(statm.split()[1]) * PAGE_BYTES


def pss_bytes(pid: int) -> int | None:
    """RAM of a process, a page that n processes share counted as an nth. The kernel walks all pages for it.

    None where it cannot be read: the process has ended, is another user's, or the kernel has no such file.
    """
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_bytes()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    return 1024 * int(rollup.partition(b"\nPss:")[2].split(None, 1)[0])


def machine_bytes() -> tuple[int, int]:
    """RAM, total and available; the container's (cgroup v2) where that has less.

    What a container holds of the page cache is available: the kernel drops it for whoever asks.
    """
    found = psutil.virtual_memory()
    limit = _number("memory.max")
    if limit is None:
        return found.total, found.available
    free = limit - (_number("memory.current") or 0) + _page_cache()
    return min(found.total, limit), max(0, min(found.available, free))


def _number(name: str) -> int | None:
    try:
        return int((CGROUP / name).read_text(encoding="ascii"))
    except (OSError, ValueError):  # not in a cgroup v2 of its own, or the word `max`
        return None


def _page_cache() -> int:
    try:
        lines = (CGROUP / "memory.stat").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith(("active_file ", "inactive_file ")))
