"""Reading in a process of its own: a document that hangs, crashes or fills the memory is only skipped."""

import signal
import subprocess
import sys
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Self

import msgspec

from .document import Document, Limits, Unreadable

COMMAND = (sys.executable, "-m", "gpu_cascade.policy_qa.documents.child")
ENDING_S = 1.0


class Asked(msgspec.Struct, frozen=True):
    """What to read; the content follows as a frame of its own."""

    path: str
    limits: Limits


class Told(msgspec.Struct, frozen=True):
    """The document, or None and why there is none."""

    document: Document | None
    why: str = ""


class Bounded:
    """Reads documents one after the other; the process starts with the first and again after each end."""

    def __init__(self, limits: Limits, command: tuple[str, ...] = COMMAND) -> None:
        self.limits = limits
        self._command = command
        self._child: tuple[subprocess.Popen[bytes], Connection] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    def __call__(self, path: str, data: bytes) -> Document:
        """What `data`, the content of `path`, says. Raises `Unreadable`, also beyond a limit."""
        process, pipe = self._child = self._child or self._start()
        try:
            pipe.send_bytes(msgspec.msgpack.encode(Asked(path, self.limits)))
            pipe.send_bytes(data)
            told = msgspec.msgpack.decode(pipe.recv_bytes(), type=Told)
        except (EOFError, OSError) as error:
            self.close()
            raise Unreadable(self._ended(process.returncode)) from error
        if told.document is None:
            raise Unreadable(told.why)
        return told.document

    def close(self) -> None:
        """End the process."""
        if self._child:
            process, pipe = self._child
            self._child = None
            pipe.close()  # it reads the end of its pipe, and goes
            try:
                process.wait(ENDING_S)
            except subprocess.TimeoutExpired:  # we were interrupted, and it reads on
                process.kill()
                process.wait()

    def _start(self) -> tuple[subprocess.Popen[bytes], Connection]:
        ours, theirs = Pipe()
        with theirs:
            process = subprocess.Popen(
                [*self._command, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,  # what libraries say there may quote the document
                stderr=subprocess.DEVNULL,
            )
        return process, ours

    def _ended(self, code: int) -> str:
        if code == -signal.SIGALRM:
            return f"reading it took over {self.limits.seconds:g} s; simplify or split it"
        ended = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return f"reading it ended the process that read ({ended}); it may be broken: save it again"
