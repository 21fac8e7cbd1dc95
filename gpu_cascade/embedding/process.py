"""The process that embeds, seen from outside: it loads, then answers batch after batch."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing import Pipe
from pathlib import Path
from typing import Literal

import msgspec

from ..errors import ModelError
from ..models.converter import OFFLINE

COMMAND = (sys.executable, "-m", "gpu_cascade.embedding.child")
LOADING_S = 300.0  # the imports of torch and transformers take 5 to 20 s, on a busy machine far more
BATCH_S, TEXT_S = 10.0, 2.0  # a text of 256 tokens takes 0.1 to 0.5 s on one busy core
ENDING_S = 5.0

Keep = Literal["start", "end"]


class Told(msgspec.Struct, frozen=True):
    """What the process answers: vectors of `size` numbers, one after the other as native float32.

    `failed` says what went wrong. Its first answer comes unasked, when it has loaded.
    """

    vectors: bytes = b""
    size: int = 0
    failed: str = ""


class Process:
    """One such process, alive until `end`. One thread at a time may ask, any may `kill`."""

    def __init__(self, folder: Path, keep: Keep, command: Sequence[str]) -> None:
        self._pipe, theirs = Pipe()
        with theirs:
            self._popen = subprocess.Popen(
                [*command, str(theirs.fileno()), str(folder), keep],
                pass_fds=[theirs.fileno()],
                env={**os.environ, **OFFLINE},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,  # what libraries say there may quote a text
                stderr=subprocess.DEVNULL,
            )
        self._folder = folder
        self.loaded = False

    def runs(self) -> bool:
        """Whether it has not ended."""
        return self._popen.poll() is None

    def ask(self, texts: Sequence[str]) -> Told:
        """Its answer to a batch. Raises `ModelError` where it could not load, ended, or takes too long."""
        if not self.loaded:
            if failed := self._hear(LOADING_S).failed:
                raise ModelError(
                    f"{self._folder} cannot be loaded ({failed}); it takes a sentence-transformers folder "
                    f"with a BERT-like encoder, torch and transformers"
                )
            self.loaded = True
        with suppress(OSError):  # it has gone: the answer that does not come says how
            self._pipe.send_bytes(msgspec.msgpack.encode(texts))
        return self._hear(BATCH_S + TEXT_S * len(texts))

    def kill(self) -> None:
        """End it at once: whoever waits for an answer gets a `ModelError`."""
        self._popen.kill()

    def end(self) -> None:
        """End it, and leave nothing behind."""
        self._popen.kill()
        self._popen.wait()
        self._pipe.close()

    def _hear(self, within_s: float) -> Told:
        try:
            if not self._pipe.poll(within_s):
                self._popen.kill()
                raise ModelError(f"the process that embeds said nothing for {within_s:.0f} s and was ended")
            return msgspec.msgpack.decode(self._pipe.recv_bytes(), type=Told)
        except (EOFError, OSError) as error:
            raise ModelError(f"the process that embeds ended: {self._how()}") from error

    def _how(self) -> str:
        try:
            code = self._popen.wait(ENDING_S)
        except subprocess.TimeoutExpired:
            return "it closed its pipe and ran on"
        if code == -signal.SIGKILL:
            return "SIGKILL, by hand or for want of memory"
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"
