"""A gateway as a process: started on its core, waited for, ended with all that it started."""

import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from gpu_cascade.errors import Unavailable

from .machine import pinned

START_S = 120.0  # LiteLLM imports for 20 s on a busy core
END_S = 20.0


@dataclass(frozen=True, slots=True)
class Gateway:
    """One that answers at `url`. `pid` is the root of its processes, None for the stub itself."""

    url: str
    version: str
    pid: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def free_port() -> int:
    """One that nobody had a moment ago."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


@contextmanager
def started(
    argv: Sequence[str | Path], core: int, ready: str, folder: Path, env: Mapping[str, str] | None = None
) -> Iterator[int]:
    """Its process id while the block runs, once `ready` answers; `Unavailable` where it does not."""
    log = folder / f"{Path(argv[0]).name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            pinned(core, *argv),
            stdout=output,
            stderr=output,
            cwd=folder,
            env={**os.environ, **(env or {})},
            start_new_session=True,
        )
    try:
        _wait(process, ready, log)
        yield process.pid
    finally:
        _end(process)


def _wait(process: subprocess.Popen[bytes], ready: str, log: Path) -> None:
    until = time.monotonic() + START_S
    while not _answers(ready):
        ended = process.poll()
        if ended is not None or time.monotonic() > until:
            print(log.read_text(errors="replace")[-2000:], flush=True)  # not in the error: that is kept
            how = f"within {START_S:.0f} s" if ended is None else f"and ended with {ended}"
            raise Unavailable(f"{log.stem} did not answer {how}")
        time.sleep(0.1)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except (OSError, ValueError):
        return False


def _end(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM, then SIGKILL, to the whole session: it is ours alone."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(END_S)
