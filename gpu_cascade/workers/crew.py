"""The worker processes: started, started again when they end, ended with the supervisor."""

import asyncio
import contextlib
import logging
import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import CascadeError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a worker may end in a row, and how long things may take, in seconds."""

    starts: int = 5
    back_off_s: float = 0.1  # doubles with each start
    steady_s: float = 60.0  # who served for so long had a good start
    stop_s: float = 15.0  # from SIGTERM to SIGKILL: answers under way may finish


@dataclass(slots=True, eq=False)
class Seat:
    """One worker's: who sits there now, and how it goes."""

    number: int
    pid: int | None = None
    starts: int = 0
    detail: str = ""  # how the last one ended
    given_up: bool = False
    process: asyncio.subprocess.Process | None = None
    settled: asyncio.Event = field(default_factory=asyncio.Event)  # it has served, or is given up
    since: float | None = None  # when it began to serve, on the monotonic clock

    @property
    def state(self) -> str:
        """In a word."""
        if self.given_up:
            return "failed"
        return "starting" if self.since is None else "serving"


class Crew:
    """So many processes of `argv`; each reads its errand from standard input, and inherits `fd`.

    One that ends is started again. After `Patience.starts` ends in a row its seat stays empty: that is
    logged, and shown by `state`. Where all are empty nobody serves: `lasting` raises.
    """

    def __init__(
        self,
        count: int,
        argv: Sequence[str],
        errand: Callable[[int], bytes],
        fd: int,
        patience: Patience = Patience(),
    ) -> None:
        self.seats = [Seat(number) for number in range(1, count + 1)]
        self._argv, self._errand, self._fd, self._patience = argv, errand, fd, patience
        self._tasks: list[asyncio.Task[None]] = []
        self._deserted = asyncio.Event()
        self._closing = asyncio.Event()

    async def open(self) -> None:
        """Until each serves or is given up; raises where none serves."""
        self._tasks = [asyncio.create_task(self._keep(seat)) for seat in self.seats]
        for seat in self.seats:
            await seat.settled.wait()
        self._check()

    def serves(self, number: int) -> None:
        """The worker of that number takes connections."""
        seat = self.seats[number - 1]
        seat.since = time.monotonic()
        seat.settled.set()

    async def lasting(self) -> None:
        """As long as anybody serves; then it raises why nobody does."""
        await self._deserted.wait()
        self._check()

    def state(self) -> list[dict[str, Any]]:
        """What `GET /v1/cascade/state` shows of them."""
        return [
            {"number": s.number, "pid": s.pid, "state": s.state, "starts": s.starts, "detail": s.detail}
            for s in self.seats
        ]

    async def close(self) -> None:
        """End them in order, together; none is left."""
        self._closing.set()
        self._signal(signal.SIGTERM)
        _, late = await asyncio.wait(self._tasks, timeout=self._patience.stop_s) if self._tasks else ((), ())
        if late:
            log.error("%d workers did not end within %.0f s", len(late), self._patience.stop_s)
            self._signal(signal.SIGKILL)
            await asyncio.wait(late)

    def _signal(self, number: signal.Signals) -> None:
        for seat in self.seats:
            if seat.process is not None:
                with contextlib.suppress(ProcessLookupError):
                    seat.process.send_signal(number)

    async def _keep(self, seat: Seat) -> None:
        failed = 0
        while not self._closing.is_set():
            code = await self._run(seat)
            if self._closing.is_set():
                break
            steady = seat.since is not None and time.monotonic() - seat.since >= self._patience.steady_s
            seat.since, failed = None, 1 if steady else failed + 1
            seat.detail = f"process {seat.pid} {_ending(code)}"
            log.error("worker %d: %s", seat.number, seat.detail)
            if failed >= self._patience.starts:
                self._give_up(seat, failed)
                break
            await asyncio.sleep(self._patience.back_off_s * 2 ** (failed - 1))

    async def _run(self, seat: Seat) -> int:
        """One life of a worker: its exit code. In a session of its own: Ctrl-C is for the supervisor."""
        process = await asyncio.create_subprocess_exec(
            *self._argv,
            env=dict(os.environ),
            stdin=asyncio.subprocess.PIPE,
            pass_fds=(self._fd,),
            start_new_session=True,
        )
        seat.process, seat.pid, seat.starts = process, process.pid, seat.starts + 1
        try:
            if self._closing.is_set():  # asked for while it was started
                process.kill()
            await process.communicate(self._errand(seat.number))
            return await process.wait()
        finally:
            seat.process = None

    def _give_up(self, seat: Seat, failed: int) -> None:
        seat.given_up, seat.pid = True, None
        seat.detail = f"ended {failed} times in a row; the last time {seat.detail}"
        log.error("worker %d is not started again: it %s", seat.number, seat.detail)
        seat.settled.set()
        if all(each.given_up for each in self.seats):
            self._deserted.set()

    def _check(self) -> None:
        if self._deserted.is_set():
            told = "; ".join(f"worker {seat.number} {seat.detail}" for seat in self.seats)
            raise CascadeError(f"no gateway worker serves any more: {told}. Their own words stand above")


def _ending(code: int) -> str:
    return f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
