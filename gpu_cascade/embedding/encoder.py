"""Unit vectors of texts, by a process that stays: it brings torch, 600 MB that the gateway does without."""

import time
from array import array
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Self

from ..errors import ModelError
from .folder import layout, named
from .process import COMMAND, Keep, Process

BATCH = 64  # texts that go to the process at once
REST_S = 30.0  # after a process that could not load: the next one would not either


class Encoder:
    """The model in `folder`; `name` says which it is. Safe to call from several threads, which take turns.

    The process starts with `start` or the first text, again after it ended, and ends with `close`. Of a text
    with more tokens than the model reads, `keep` is what counts. Raises `ModelError` for an unfit folder.
    """

    def __init__(
        self,
        folder: Path,
        keep: Keep,
        command: Sequence[str] = COMMAND,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        layout(folder)
        self.name = named(folder)
        self._how = (folder, keep, command)
        self._clock = clock
        self._process: Process | None = None
        self._refused: tuple[float, str] | None = None  # until when, and why
        self._closed = False
        self._turn = Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    def start(self) -> None:
        """Begin to load, and do not wait for it: until then the first text would."""
        with self._turn:
            self._running()

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One unit vector for each text, in order. Raises `ModelError`, which never quotes a text."""
        clean = [text.encode("utf-8", "replace").decode() for text in texts]  # no lone surrogates
        found: list[list[float]] = []
        with self._turn:
            for start in range(0, len(clean), BATCH):
                found += self._batch(clean[start : start + BATCH])
        return found

    def close(self) -> None:
        """End the process, in the middle of a batch too."""
        self._closed = True
        if running := self._process:  # read once: another thread may end it meanwhile
            running.kill()
        with self._turn:
            self._end()

    def _batch(self, texts: list[str]) -> list[list[float]]:
        process = self._running()
        try:
            told = process.ask(texts)
        except ModelError as error:
            if not process.loaded:
                self._refused = (self._clock() + REST_S, error.message)
            self._end()
            raise
        numbers = array("f", told.vectors)
        if told.failed or len(numbers) != len(texts) * told.size:
            why = told.failed or f"{len(numbers)} numbers came, vectors of {told.size} were announced"
            raise ModelError(f"{len(texts)} texts could not be embedded: {why}")
        return [numbers[at : at + told.size].tolist() for at in range(0, len(numbers), told.size)]

    def _running(self) -> Process:
        """The process; a new one where there is none or it ended."""
        if self._refused and self._clock() < self._refused[0]:
            raise ModelError(self._refused[1])
        if not self._closed and not (self._process and self._process.runs()):
            self._end()
            self._process = Process(*self._how)
        if self._closed or self._process is None:  # `close` came meanwhile, and may not have seen this one
            self._end()
            raise ModelError("embedding was ended")
        return self._process

    def _end(self) -> None:
        if self._process:
            self._process.end()
            self._process = None
