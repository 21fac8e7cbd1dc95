"""Between the event loop and the disk: a bounded buffer and the one thread that writes it."""

import logging
import math
import threading
import time
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Literal, Self

from ..database import trouble
from ..errors import StoreFull
from .record import Record, from_row, to_row
from .store import open_store, read, read_recent

log = logging.getLogger(__name__)

LIMIT = 10_000  # places
BATCH = 500  # records in one transaction
GATHER_S = 0.05  # how long the first record of a batch waits for others
PAUSE_S = (0.1, 5.0)  # between tries after an error: the first pause, doubled up to the last


@dataclass(frozen=True, slots=True)
class StoreHealth:
    """How the store is doing. `pending` records wait to be written, `dropped` ones are lost."""

    pending: int
    dropped: int
    last_error: str | None  # None once a write has succeeded again


class Reservation:
    """A place for one record, taken before its answer begins. Used once: by `put` or by `release`."""

    __slots__ = ("_open", "_placed", "_traces")

    def __init__(self, traces: "Traces", placed: bool) -> None:
        self._traces, self._placed, self._open = traces, placed, True

    def put(self, record: Record) -> None:
        """Hand the record over; it is written soon and can be read at once."""
        assert self._open, "a reservation is used once"
        self._open = False
        self._traces._take(record, self._placed)

    async def keep(self, record: Record) -> None:
        """As `put`, for who answers from this process or from another: here nothing is waited for."""
        self.put(record)

    def release(self) -> None:
        """Give the place back: there was no answer. Nothing after `put`."""
        if self._open:
            self._open = False
            self._traces._release(self._placed)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


class Traces:
    """The decisions of one `serve`. Every method but `open` and `close` is cheap enough for the event loop.

    `limit` bounds the places: records that wait to be written and answers under way. With `on_full="refuse"`
    no answer begins without a place; with `"drop"` it does, and its record is counted instead of kept.
    """

    def __init__(
        self, path: Path, on_full: Literal["refuse", "drop"], limit: int = LIMIT, content: bool = False
    ) -> None:
        self._path, self._on_full, self._limit, self._content = path, on_full, limit, content
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._pending: dict[str, Record] = {}  # oldest first
        self._reserved = 0
        self._dropped = 0
        self._last_error: str | None = None
        self._pause_s = PAUSE_S[0]
        self._give_up_at: float | None = None  # set by `close`
        self._ended = True
        self._thread: threading.Thread | None = None

    def open(self) -> None:
        """Make or check the file, then start the writer. Raises `ConfigError` or `StoreFull`."""
        self._store = open_store(self._path)
        self._ended, self._give_up_at = False, None
        self._thread = threading.Thread(target=self._run, name="traces", daemon=True)
        self._thread.start()

    def close(self, wait_s: float = 5.0) -> int:
        """Write what is left, for at most `wait_s`; how many records could not be written."""
        if self._thread is None:
            return 0
        with self._lock:
            self._give_up_at, self._pause_s = time.monotonic() + wait_s, PAUSE_S[0]
            self._changed.notify_all()
        self._thread.join(wait_s + 1.0)
        with self._lock:
            self._thread, self._ended, lost = None, True, len(self._pending)
        if lost:
            log.error("%d decisions were not written to %s: %s", lost, self._path, self._last_error)
        return lost

    def reserve(self) -> Reservation:
        """A place for one record. Raises `StoreFull` where there is none and none may be dropped."""
        with self._lock:
            if self._has_room():
                self._reserved += 1
                return Reservation(self, placed=True)
            if self._on_full == "drop":
                return Reservation(self, placed=False)
            raise self._full()

    def ahead(self, most: int) -> list[Reservation]:
        """Up to so many places at once, for answers of another process; as many as there are."""
        with self._lock:
            free = 0 if self._ended else self._limit - self._reserved - len(self._pending)
            count = max(0, min(most, free))
            self._reserved += count
            return [Reservation(self, placed=True) for _ in range(count)]

    def get(self, id: str) -> Record | None:  # noqa: A002 - what everybody calls it
        """The record of that id, written or still waiting; None where there is none."""
        with self._lock:
            waiting = self._pending.get(id)
        return from_row(to_row(waiting)) if waiting else read(self._path, id)

    def recent(self, n: int) -> list[Record]:
        """The last `n` records, newest first, the waiting ones included."""
        with self._lock:
            waiting = list(islice(reversed(self._pending.values()), n))
        newest = {record.id: from_row(to_row(record)) for record in waiting}
        for record in read_recent(self._path, n):
            newest.setdefault(record.id, record)  # written between the two looks: seen twice
        return list(newest.values())[:n]

    def health(self) -> StoreHealth:
        """What waits, what is lost, and why."""
        with self._lock:
            return StoreHealth(len(self._pending), self._dropped, self._last_error)

    def _has_room(self) -> bool:
        return not self._ended and self._reserved + len(self._pending) < self._limit

    def _full(self) -> StoreFull:
        if self._ended:
            return StoreFull("the decision store is closed; start `gpu-cascade serve` again")
        why = f"; the last write failed: {self._last_error}" if self._last_error else ""
        return StoreFull(
            f"no answer without a decision record: all {self._limit} places are taken ({len(self._pending)} "
            f"records wait to be written, {self._reserved} answers are under way){why}; try again later, or "
            f"set traces.on_full: drop",
            retry_after_s=max(1.0, self._pause_s),
        )

    def _take(self, record: Record, placed: bool) -> None:
        if not self._content and (record.prompt is not None or record.answer is not None):
            record = replace(record, prompt=None, answer=None)
        with self._lock:
            kept = not self._ended if placed else self._has_room()
            self._reserved -= placed
            if not kept:
                self._dropped += 1
                return
            self._pending[record.id] = record
            if len(self._pending) in (1, BATCH):  # the writer sleeps until the first, then until a full batch
                self._changed.notify_all()

    def _release(self, placed: bool) -> None:
        with self._lock:
            self._reserved -= placed

    def _run(self) -> None:
        """The writer thread: batch after batch, until closed and drained or out of time."""
        trying = True
        while trying and (batch := self._batch()):
            try:
                self._store.write(batch)
            except Exception as error:  # noqa: BLE001 - a dead writer would lose every later decision
                trying = self._failed(error)
            else:
                self._written(batch)
        self._store.close()

    def _batch(self) -> list[Record]:
        """The oldest records, once there are enough or they waited enough; empty when all is done."""
        with self._lock:
            self._changed.wait_for(lambda: self._pending or self._closing())
            self._changed.wait_for(lambda: len(self._pending) >= BATCH or self._closing(), GATHER_S)
            self._ended = self._ended or not self._pending
            return list(islice(self._pending.values(), BATCH))

    def _closing(self) -> bool:
        return self._give_up_at is not None

    def _written(self, batch: list[Record]) -> None:
        with self._lock:
            for record in batch:
                if self._pending.get(record.id) is record:  # else put again meanwhile: that one is to come
                    del self._pending[record.id]
            self._last_error, self._pause_s = None, PAUSE_S[0]
            self._changed.notify_all()

    def _failed(self, error: Exception) -> bool:
        """Remember why and pause, the records kept; False when `close` waits no longer."""
        with self._lock:
            # The name alone: clients read this in a refusal, and where our folders lie is not their business.
            told, self._last_error = self._last_error, trouble(self._path.name, error)
            if told != self._last_error:
                log.error("decisions wait in memory, %s cannot be written: %s", self._path, self._last_error)
            self._changed.notify_all()
            self._changed.wait(min(self._pause_s, self._left_s()))  # `close` ends the pause
            self._pause_s = min(2 * self._pause_s, PAUSE_S[1])
            return self._left_s() > 0

    def _left_s(self) -> float:
        return math.inf if self._give_up_at is None else max(0.0, self._give_up_at - time.monotonic())
