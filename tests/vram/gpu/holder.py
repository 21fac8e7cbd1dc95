"""A process in a session of its own that holds memory as it is told."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

MIB = 2**20

# Answers each word with a line once it is done: the pid of the last fork, or 0.
HOLDER = """
import os, sys
kept, fork = [], 0
for line in sys.stdin:
    word, *number = line.split()
    if word == "take":
        kept.append(b"x" * (int(number[0]) << 20))
    elif word == "drop":
        kept.clear()
    elif word == "fork":
        hear, tell = os.pipe()
        fork = os.fork()
        if not fork:
            os.close(tell)
            os.read(hear, 1)
            os._exit(0)
    elif word == "join":
        os.close(tell)
        os.waitpid(fork, 0)
    print(fork, flush=True)
"""


class Holder:
    """The process; what it is told has happened when the call returns."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.pid = process.pid  # its session too

    def tell(self, words: str) -> int:
        """`take MIB`, `drop` all, `fork` a child that shares all, `join` it. The child's pid, or 0."""
        print(words, file=self.process.stdin, flush=True)
        return int(self.process.stdout.readline())


@contextmanager
def holding(mib: int) -> Iterator[Holder]:
    """A holder of so many MiB, ended at the end."""
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", HOLDER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with process:
        holder = Holder(process)
        holder.tell(f"take {mib}")
        yield holder
        process.kill()
