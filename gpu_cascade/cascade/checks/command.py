"""A program of the operator's that judges a draft, in a process under limits."""

import asyncio
import math
import os
import resource
import shutil
import tempfile
import time
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ...engines.process import GuardedProcess
from ...types import Final, Outcome, Request
from .base import Seen

FILE_BYTES = 16 << 20  # no file grows beyond it
MISSING, REFUSED = 127, 126  # how a shell says: not found, and found but not to be run

# A fixed text: the command's words are its arguments, and no shell reads them. What the command writes goes
# nowhere, so a flood of it costs nothing. A start costs what the guard's Python costs; sh adds 1 ms.
_UNDER_LIMITS = """
ulimit -c 0 && ulimit -f "$1" && ulimit -t "$2" && ulimit -v "$3" || exit 2
source=$4
shift 4
exec "$@" <"$source" >/dev/null 2>&1
"""


class Command:
    """Runs `argv` with the draft on its standard input; at most `parallel` at a time, others wait.

    Exit code 0 scores 1, exit code 1 scores 0. Anything else is unknown: another code, a signal, no end
    within `timeout_s`, no such program. The draft is in no argument and on no disk. Of our environment it has
    PATH and LANG. Its working folder is empty and goes afterwards. Nothing that it started is alive when
    `check` ends, cancelled or not: the guard that keeps engines adopts and kills it all.

    Limits, for each process: `memory_mib` of address space, `timeout_s` of processor time, 16 MiB a file, no
    core dump. A Python program that runs out of memory exits with 1, as any that fails: its score is 0.
    They protect from what a draft makes a program do. They do not contain a hostile program.
    """

    name = "command"

    def __init__(self, argv: Sequence[str], *, timeout_s: float, memory_mib: int, parallel: int) -> None:
        self._argv = tuple(argv)
        self._timeout_s = timeout_s
        self._memory_bytes = memory_mib << 20
        self._places = asyncio.Semaphore(parallel)

    async def check(self, _: Request, draft: Final) -> Outcome:
        """The exit code as a score."""
        async with self._places:
            began = time.monotonic()
            try:
                score, evidence = seen(await self._exit_code(draft.text))
            except TimeoutError:
                score, evidence = None, "not done"
            except OSError as error:
                score, evidence = None, f"could not be started: {error.strerror}"
            return Outcome(self.name, score, f"{evidence} after {time.monotonic() - began:.3f} s")

    async def _exit_code(self, text: str) -> int:
        """As a shell has it: 128 + n where signal n ended it. Raises `TimeoutError` and `OSError`."""
        with _memory_file(text) as source:
            folder = Path(tempfile.mkdtemp(prefix="gpu-cascade-check-"))
            process = GuardedProcess("check", folder / "log", grace_s=0)
            starting = asyncio.ensure_future(self._start(process, source, folder))
            try:
                async with asyncio.timeout(self._timeout_s):
                    # Shielded: a start that is broken off may leave a process that nobody knows of.
                    await asyncio.shield(starting)
                    return await process.wait()
            finally:
                await _undisturbed(_end(starting, process, folder))

    async def _start(self, process: GuardedProcess, source: str, folder: Path) -> None:
        work = tempfile.mkdtemp(dir=folder)  # the log of the guard lies beside it, not in it
        limits = [
            _at_most(resource.RLIMIT_FSIZE, FILE_BYTES) // 512,
            _at_most(resource.RLIMIT_CPU, math.ceil(self._timeout_s)),
            _at_most(resource.RLIMIT_AS, self._memory_bytes) // 1024,
        ]
        command = ["/bin/sh", "-c", _UNDER_LIMITS, "sh", *map(str, limits), source, *self._argv]
        env = {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8"}
        await process.start(command, env, cwd=Path(work))


def seen(code: int) -> Seen:
    """What an exit code says of the draft."""
    if code in {0, 1}:
        return float(code == 0), f"exit code {code}"
    if code in {MISSING, REFUSED}:
        return None, f"could not be run (exit code {code})"
    return None, f"killed by signal {code - 128}" if code > 128 else f"exit code {code}"


def _at_most(what: int, most: int) -> int:
    """`most`, or the hard limit that we live under ourselves: none may raise that."""
    hard = resource.getrlimit(what)[1]
    return most if hard == resource.RLIM_INFINITY else min(most, hard)


@contextmanager
def _memory_file(text: str) -> Iterator[str]:
    """The path of a file in memory that holds the text; a lone surrogate becomes "?"."""
    fd = os.memfd_create("draft")
    try:
        with open(fd, "wb", closefd=False) as file:
            file.write(text.encode("utf-8", "replace"))
        yield f"/proc/{os.getpid()}/fd/{fd}"
    finally:
        os.close(fd)


async def _end(starting: "asyncio.Future[None]", process: GuardedProcess, folder: Path) -> None:
    """Everything that it started is gone; what the start itself raised was told already."""
    await asyncio.wait([starting])
    await process.stop()
    await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)  # it may have made many files


async def _undisturbed(work: Coroutine[None, None, None]) -> None:
    """Do the work to its end however often the caller is cancelled meanwhile; then say that he was."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            cancelled = error
    task.result()
    if cancelled is not None:
        raise cancelled
