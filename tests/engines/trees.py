"""Small process trees to guard, and questions to the process table."""

import asyncio
import sys
import textwrap
import time
from pathlib import Path

from gpu_cascade.engines import guard

# Like vLLM: the server starts a core that starts a worker, and neither notices the end of its parent.
# With `deaf` they all ignore SIGTERM. Ready when the file `up` is there.
TREE = """
import os, signal, subprocess, sys, time
depth, up, deaf = int(sys.argv[1]), sys.argv[2], sys.argv[3]
if deaf == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("tree", depth, os.getpid(), flush=True)
if depth:
    subprocess.Popen([sys.executable, "-S", __file__, str(depth - 1), up, deaf], process_group=0)
else:
    open(up, "w").close()
time.sleep(600)
"""


def script(folder: Path, text: str = TREE) -> Path:
    """The text as a file to run."""
    path = folder / "tree.py"
    path.write_text(textwrap.dedent(text))
    return path


def tree(folder: Path, depth: int = 2, manner: str = "polite") -> list[str]:
    """The command of a tree of `depth` + 1 processes; see `up`."""
    return [sys.executable, "-S", str(script(folder)), str(depth), str(folder / "up"), manner]


async def until(condition, limit_s: float = 10.0):
    """Look every 10 ms until `condition()` is true; what it gave."""
    deadline = time.monotonic() + limit_s
    while not (found := condition()):
        assert time.monotonic() < deadline, f"still not after {limit_s} s: {condition}"
        await asyncio.sleep(0.01)
    return found


def commands(session: int) -> dict[int, str]:
    """The living processes of a session and their command lines."""
    found = {}
    for pid in guard.members(session):
        found[pid] = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return found
