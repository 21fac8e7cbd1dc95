"""The machine under the benchmark: who runs on which core, and what /proc says that it took."""

import os
import platform
import resource
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from gpu_cascade.errors import Unavailable

TICK_S = 1 / os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
MIB = 1 << 20
PACKAGES = {"taskset": "util-linux", "chrt": "util-linux", "cc": "gcc libc6-dev"}  # else it has the same name


def program(name: str) -> str:
    """Where one of the system's programs is; `Unavailable` where it is not."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin")
    if found is None:
        raise Unavailable(f"{name} is not here; apt-get install {PACKAGES.get(name, name)}")
    return found


def allow_files(wanted: int) -> None:
    """Raise the limit on open files to `wanted`, or as far as it goes, for all that is started from here."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(wanted, hard), max(wanted, hard)))
    except (ValueError, OSError):  # the hard limit is root's
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@dataclass(frozen=True, slots=True)
class Cores:
    """`load` carries the stub and who asks, `gateway` the gateway alone."""

    load: int
    gateway: int


def cores() -> Cores:
    """The first two that this process may use; `Unavailable` where it has one."""
    mine = sorted(os.sched_getaffinity(0))
    if len(mine) < 2:
        raise Unavailable(f"{len(mine)} core is here; the gateway needs one for itself, the load another")
    return Cores(mine[0], mine[1])


def pinned(core: int, *argv: str | Path) -> list[str]:
    """A command that stays on one core, and all that it starts."""
    return [program("taskset"), "-c", str(core), *map(str, argv)]


@contextmanager
def wide_awake(both: Cores) -> Iterator[None]:
    """Keep the cores from sleeping: waking one of a virtual machine costs up to 100 µs, as much as a gateway.

    The spinners yield to everybody else, yet slow a sibling thread: only latencies are taken beside them.
    """
    spin = (program("chrt"), "--idle", "0", "sh", "-c", "while :; do :; done")
    spinners = [subprocess.Popen(pinned(core, *spin)) for core in (both.load, both.gateway)]
    try:
        yield
    finally:
        for spinner in spinners:
            spinner.kill()
            spinner.wait()


def tree(root: int) -> list[int]:
    """A process and its descendants."""
    found = [root]
    for pid in found:
        with suppress(OSError):
            for task in Path(f"/proc/{pid}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
    return found


def cpu_s(root: int) -> float:
    """Processor time of a process and its descendants so far, in steps of a tick (10 ms)."""
    ticks = 0
    for pid in tree(root):
        with suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks * TICK_S


def rss_bytes(root: int) -> int:
    """Resident memory of a process and its descendants; pages that they share count for each."""
    pages = 0
    for pid in tree(root):
        with suppress(OSError):
            pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * PAGE_BYTES


def busy_share(both: Cores, seconds: float) -> float:
    """How much of the two cores others use, looked at for so long while nothing of ours works."""
    before, begun = _busy(both), time.monotonic()
    time.sleep(seconds)
    return (_busy(both) - before) * TICK_S / (2 * (time.monotonic() - begun))


def _busy(both: Cores) -> int:
    """Ticks that the two cores were not idle, steal included."""
    names = {f"cpu{core}" for core in (both.load, both.gateway)}
    lines = (line.split() for line in Path("/proc/stat").read_text().splitlines())
    return sum(sum(map(int, line[1:9])) - int(line[4]) - int(line[5]) for line in lines if line[0] in names)


def described() -> dict[str, str | int]:
    """What stands beside the figures."""
    names = [
        line.split(":", 1)[1].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    memory_bytes = os.sysconf("SC_PHYS_PAGES") * PAGE_BYTES
    return {
        "processor": names[0] if names else platform.machine(),
        "cores": os.cpu_count() or 0,
        "memory_mib": memory_bytes // MIB,
        "system": platform.platform(),
        "python": platform.python_version(),
    }
