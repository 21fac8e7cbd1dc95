"""The keeper of one engine process: nothing that the engine started outlives the supervisor.

Run as a script by `process.GuardedProcess`: standard library only, nothing of ours imported. The guard leads
a session of its own and adopts every orphan below it (subreaper). The engine is told to stop when the
supervisor closes its pipe, dies, or sends SIGTERM; what is left after the grace is killed, and the guard ends
only when the kernel says that it has no child any more. vLLM needs this: its EngineCore and workers survive
a SIGKILL of the API server.
"""

import argparse
import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
NOT_STARTED = 127  # as in a shell: the command could not be run
TRACKER_S = 1.0  # how long the resource trackers live on after all others were killed
TICK_S = 0.02


class Process(NamedTuple):
    """One line of the process table."""

    pid: int
    parent: int
    session: int
    zombie: bool


def processes() -> Iterator[Process]:
    """The process table, from /proc. Zombies are in it: they hold no memory, only a number."""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended while we looked
            stat = (folder / "stat").read_text(errors="replace")
            # The name in brackets may itself contain brackets and blanks: cut at the last one.
            state, parent, _, session = stat.rpartition(")")[2].split()[:4]
            yield Process(int(folder.name), int(parent), int(session), state == "Z")


def members(session: int) -> list[int]:
    """The living processes of a session."""
    return [p.pid for p in processes() if p.session == session and not p.zombie]


def descendants(root: int) -> list[int]:
    """Every living process below `root`, in whatever session."""
    table = list(processes())
    found, fresh = set[int](), {root}
    while fresh:
        fresh = {p.pid for p in table if p.parent in fresh} - found
        found |= fresh
    return [p.pid for p in table if p.pid in found and not p.zombie]


def kill(pids: Sequence[int], number: signal.Signals = signal.SIGKILL) -> None:
    """Send a signal to each; one that is gone already is fine."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def doomed(pids: Sequence[int], since_s: float) -> list[int]:
    """Whom to kill `since_s` after the killing began: all, but Python's resource trackers a second later.

    A tracker ends by itself when those it serves are gone, and first removes the shared memory that they
    left: 400 MB of /dev/shm for each killed vLLM engine.
    """
    return [pid for pid in pids if since_s > TRACKER_S or not _is_tracker(pid)]


def _is_tracker(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return b"multiprocessing.resource_tracker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


class RotatingLog:
    """Appends to `path`, which becomes `path.1`, then `.2`, when it is full.

    A full disk loses lines, never the engine.
    """

    def __init__(self, path: Path, limit_bytes: int, files: int) -> None:
        self._path, self._limit_bytes, self._files = path, limit_bytes, files
        self._fd: int | None = None
        self._size = 0
        self._rotate()  # each start has its own file, so that the end of the file is about this start

    def write(self, data: bytes) -> None:
        """Keep `data`, or drop it where the disk does not take it."""
        with contextlib.suppress(OSError):
            if self._size + len(data) > self._limit_bytes:
                self._rotate()
            if self._fd is None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
                self._size = os.fstat(self._fd).st_size
            self._size += os.write(self._fd, data)

    def _rotate(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
        self._fd, self._size = None, 0
        for older in range(self._files - 1, 0, -1):
            with contextlib.suppress(OSError):
                self._numbered(older - 1).replace(self._numbered(older))

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}") if number else self._path


class Children:
    """The engine and every orphan below it, reaped as they end."""

    def __init__(self, engine: int, wake: int) -> None:
        self.engine = engine
        self.code: int | None = None  # the engine's exit code, negative for a signal
        self._wake = wake

    def reap(self) -> bool:
        """Collect what has ended. False when no child is left: the kernel's own word for it."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid == self.engine:
                self.code = os.waitstatus_to_exitcode(status)

    def gone_within(self, limit_s: float) -> bool:
        """Whether every child ends within `limit_s`."""
        deadline = time.monotonic() + limit_s
        while self.reap():
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                return False
            select.select([self._wake], [], [], left_s)
            _drain(self._wake)
        return True


def main() -> int:
    """Keep one engine. The exit code is the engine's; 128 + n where signal n ended it."""
    options = _options(sys.argv[1:])
    log = RotatingLog(options.log, options.log_bytes, options.log_files)
    wake = _signal_pipe()
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        engine = _start(options.command, libc)
    except OSError as error:
        log.write(f"cannot start {options.command[0]}: {error.strerror}\n".encode())
        return NOT_STARTED
    pump = threading.Thread(target=_pump, args=(engine, log), daemon=True)
    pump.start()
    children = Children(engine.pid, wake)
    _wait(children, options.parent, wake)
    _end(children, options.grace_s)
    pump.join(1.0)
    if options.unlink is not None:
        options.unlink.unlink(missing_ok=True)
    return _shell_code(children.code)


def _options(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="guard", description="Standard input is the supervisor's pipe.")
    parser.add_argument("--parent", type=int, required=True, help="pid of the supervisor")
    parser.add_argument("--grace-s", type=float, required=True, help="seconds from SIGTERM to SIGKILL")
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--log-bytes", type=int, default=10_000_000)
    parser.add_argument("--log-files", type=int, default=3)
    parser.add_argument("--unlink", type=Path, help="socket file to remove at the end")
    parser.add_argument("command", nargs="+")
    return parser.parse_args(argv)


def _signal_pipe() -> int:
    """A descriptor that turns readable with SIGTERM, SIGINT and SIGCHLD; its bytes are their numbers."""
    read, write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)
    signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    return read


def _start(command: Sequence[str], libc: ctypes.CDLL) -> "subprocess.Popen[bytes]":
    """The engine: in the guard's session, in a process group of its own, told to end when the guard dies."""
    guard = os.getpid()

    def tie() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != guard:  # the guard died before the tie was made
            os._exit(NOT_STARTED)

    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        process_group=0,
        preexec_fn=tie,  # noqa: PLW1509 - the guard has a single thread here
    )


def _pump(engine: "subprocess.Popen[bytes]", log: RotatingLog) -> None:
    """Output to file. In a thread of its own: a disk that hangs must not keep the guard from killing."""
    assert engine.stdout is not None
    while data := os.read(engine.stdout.fileno(), 65536):
        log.write(data)


def _wait(children: Children, parent: int, wake: int) -> None:
    """Until the engine ends, the supervisor is gone, or somebody asks the guard to end."""
    watched = [sys.stdin.fileno(), wake]
    with contextlib.suppress(OSError):
        # The pipe alone is not enough: a forked child of the supervisor may hold its other end open.
        watched.append(os.pidfd_open(parent))
    while children.reap() and children.code is None and os.getppid() == parent:
        ready, _, _ = select.select(watched, [], [])
        if ready != [wake] or _drain(wake) & {signal.SIGTERM, signal.SIGINT}:
            return


def _drain(wake: int) -> set[int]:
    with contextlib.suppress(BlockingIOError):
        return set(os.read(wake, 4096))
    return set()


def _end(children: Children, grace_s: float) -> None:
    """SIGTERM to the engine, the grace, SIGKILL to all that is left, until there is no child.

    What a crashed engine leaves gets no grace: nobody is there to end it in order.
    """
    if children.code is None:
        kill([children.engine], signal.SIGTERM)
        if children.gone_within(grace_s):
            return
    began = time.monotonic()
    while not children.gone_within(TICK_S):
        kill(doomed(descendants(os.getpid()), time.monotonic() - began))


def _shell_code(code: int | None) -> int:
    if code is None:
        return NOT_STARTED
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())
