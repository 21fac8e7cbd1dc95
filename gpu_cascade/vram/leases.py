"""Who may use which engine now, where all are resident: a place in its batch, first come first served."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from ..errors import Busy, DeadlineExceeded, TierDown
from ..types import Request

RETRY_S = 2.0  # what a client is told to wait where nothing has been measured yet


@dataclass(frozen=True, slots=True)
class Granted:
    """A place on an engine. Plain data: it may cross a process border."""

    engine: str
    version: str
    queue_s: float


@dataclass(frozen=True, slots=True)
class Standing:
    """What an engine is now: `ready` to take requests, else `why` not, and when to ask again."""

    ready: bool
    why: str = ""
    version: str = "unknown"
    retry_after_s: float = RETRY_S


@dataclass(slots=True)
class _Desk:
    """The places of one engine and those who wait for one."""

    places: int
    taken: int = 0
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)
    mean_s: float = RETRY_S  # of a stay, exponentially weighted

    def assign(self) -> None:
        """Give free places to the longest waiting; the place is taken here, before the waiter wakes."""
        while self.waiting and self.taken < self.places:
            turn = self.waiting.popleft()
            if not turn.done():  # a caller that left has cancelled its turn
                self.taken += 1
                turn.set_result(None)


class StaticLeases:
    """`Leases` for engines that are all in memory. `standing` is asked at every lease, never remembered."""

    def __init__(
        self, places: Mapping[str, int], standing: Callable[[str], Standing], max_queue: int
    ) -> None:
        self._desks = {engine: _Desk(count) for engine, count in places.items()}
        self._standing = standing
        self._max_queue = max_queue

    @property
    def waiting(self) -> int:
        """Requests that wait for a place, over all engines."""
        return sum(len(desk.waiting) for desk in self._desks.values())

    def load(self, engine: str) -> tuple[int, int, int]:
        """Places taken, places there are, requests waiting."""
        desk = self._desks[engine]
        return desk.taken, desk.places, len(desk.waiting)

    @asynccontextmanager
    async def lease(self, engine: str, request: Request) -> AsyncIterator[Granted]:
        """A place on `engine`; raises `TierDown`, `Busy` (queue full) or `DeadlineExceeded`."""
        desk, arrived = self._desks[engine], time.monotonic()
        self._up(engine)
        if desk.taken < desk.places and not desk.waiting:
            desk.taken += 1
        else:
            await self._wait(desk, engine, request)
        granted = time.monotonic()
        try:
            yield Granted(engine, self._up(engine).version, granted - arrived)
        finally:
            desk.taken -= 1
            desk.mean_s += 0.1 * (time.monotonic() - granted - desk.mean_s)
            desk.assign()

    def engine_down(self, engine: str) -> None:
        """Nobody waits for an engine that is gone: each waiter gets `TierDown` now."""
        standing = self._standing(engine)
        for turn in self._desks[engine].waiting:
            if not turn.done():
                turn.set_exception(_down(engine, standing))
        self._desks[engine].waiting.clear()

    def _up(self, engine: str) -> Standing:
        standing = self._standing(engine)
        if not standing.ready:
            raise _down(engine, standing)
        return standing

    async def _wait(self, desk: _Desk, engine: str, request: Request) -> None:
        """Until a place was assigned. Cancelled or late, a place that came at the last moment goes on."""
        if self.waiting >= self._max_queue:
            retry_s = min(60.0, max(1.0, desk.mean_s * (len(desk.waiting) + 1) / desk.places))
            raise Busy(
                f"{self.waiting} requests are waiting, the most that may (gateway.max_queue); "
                f"try again in {retry_s:.0f} s",
                retry_after_s=retry_s,
            )
        turn = asyncio.get_running_loop().create_future()
        desk.waiting.append(turn)
        try:
            async with asyncio.timeout(request.left_s()):
                await turn
        except BaseException as error:
            # Assigned in the same turn of the loop in which the caller left: without giving the place
            # on, it would stay taken forever.
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                desk.taken -= 1
                desk.assign()
            if isinstance(error, TimeoutError):
                raise DeadlineExceeded(f"no place on {engine} came free before the deadline") from None
            raise
        finally:
            if turn in desk.waiting:
                desk.waiting.remove(turn)


def _down(engine: str, standing: Standing) -> TierDown:
    return TierDown(f"engine {engine} is not ready: {standing.why}", retry_after_s=standing.retry_after_s)
