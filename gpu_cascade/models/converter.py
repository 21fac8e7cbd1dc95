"""The parent's end of the conversion."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from threading import Lock
from typing import IO, Any, Protocol

from ..errors import ModelError
from .catalogue import Packaged

COMMAND = (sys.executable, "-m", "gpu_cascade.models.convert")
# Nothing to fetch, and no GPU to be taken from a running engine.
OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""}


class Converts(Protocol):
    """What turns a GGUF file into a folder that can be served."""

    def start(self) -> None:
        """Get ready, if that takes time."""

    def convert(self, model: Packaged, gguf: Path, out: Path, report: Callable[[int, int], None]) -> None:
        """Write `out`; `report` is told tensors done and in all. Raises ModelError."""

    def close(self) -> None:
        """Break off whatever is under way."""


class Converter:
    """One child for any number of models, one after the other: its imports alone take 5 to 20 s.

    Safe to call from several threads. Leaving the context ends the child.
    """

    def __init__(self, command: Sequence[str] = COMMAND) -> None:
        self._command = command
        self._process: subprocess.Popen[str] | None = None
        self._said: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the child
        self._closed = False
        self._starting = Lock()
        self._converting = Lock()

    def __enter__(self) -> "Converter":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        pipes = (self._process.stdin, self._process.stdout) if self._process else ()
        for file in (self._said, *pipes):  # not in `close`: another thread may be reading until now
            if file is not None:
                with contextlib.suppress(BrokenPipeError):
                    file.close()

    def close(self) -> None:
        """End the child, in the middle of a conversion too: whoever waits for that gets a ModelError."""
        with self._starting:
            self._closed = True
            if self._process is not None:
                self._process.kill()
                self._process.wait()

    def start(self) -> None:
        """Start the child, if none runs: its imports then go on beside the download."""
        with self._starting:
            if self._closed:
                raise ModelError("the conversion was broken off")
            if self._process is None:
                self._process = self._child()

    def _child(self) -> "subprocess.Popen[str]":
        environ = {**os.environ, **OFFLINE}
        pipe = subprocess.PIPE
        return subprocess.Popen(
            self._command, stdin=pipe, stdout=pipe, stderr=self._said, text=True, env=environ
        )

    def convert(self, model: Packaged, gguf: Path, out: Path, report: Callable[[int, int], None]) -> None:
        """Have the child write `out`. Raises ModelError with what it said last."""
        job = {
            "gguf": str(gguf),
            "out": str(out),
            "pre_tokenizer": model.pre_tokenizer,
            "eos_ids": model.eos_ids,
        }
        with self._converting:
            self.start()
            for message in self._talk(job):
                if "error" in message:
                    raise ModelError(f"{model.name} could not be converted: {message['error']}")
                if "finished" in message:
                    return
                report(message["done"], message["total"])
        raise ModelError(f"{model.name} could not be converted: {self._last_words()}")

    def _talk(self, job: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Hand the child a job; what it says, until it says nothing more."""
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):  # it has gone; what it said is still to be read
            self._process.stdin.write(json.dumps(job) + "\n")
            self._process.stdin.flush()
        for line in self._process.stdout:
            yield json.loads(line)

    def _last_words(self) -> str:
        assert self._process is not None
        code = self._process.wait()
        if code < 0:
            return f"the process was ended by signal {-code}, which may mean too little memory"
        self._said.seek(0)
        lines = self._said.read().decode(errors="replace").splitlines()
        return lines[-1] if lines else f"the process ended with exit code {code}"
