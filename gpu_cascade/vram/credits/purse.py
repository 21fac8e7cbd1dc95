"""A worker's credits over one connection: which are idle, and which have to go back."""

import asyncio
import itertools
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from ...errors import DeadlineExceeded, TierDown
from ...types import Request
from .messages import WORKER_HEARS, Ask, Back, Granted, Leave, Refused, Revoked, ToWorker, raised
from .wire import Wire

# A credit that nobody used for so long goes back: the scheduler sees an engine as idle that much later,
# and is told that often what credits serve.
IDLE_S = 0.2
RETRY_S = 2.0  # what a client is told to wait where the supervisor is away


@dataclass(frozen=True, slots=True)
class Credit:
    """A place of ours, for one request. It is over with its epoch."""

    engine: str
    version: str
    queue_s: float
    epoch: int


class Purse(Wire[ToWorker]):
    """`Leases` over one connection to the office. The last credit to come back is the first to go out again.

    So no more lie idle than were used at once within `IDLE_S`. When the connection ends all are void: the
    office has them back.
    """

    def __init__(self, on_lost: Callable[[], None]) -> None:
        super().__init__(WORKER_HEARS)
        self.idle: defaultdict[str, list[tuple[float, Credit]]] = defaultdict(list)  # and since when
        self._on_lost = on_lost
        self._over: Counter[str] = Counter()  # the last epoch that was revoked, by engine
        self._reused: Counter[str] = Counter()  # requests that the office has not heard of
        self._turns: dict[int, asyncio.Future[Granted]] = {}
        self._ids = itertools.count()
        self._timer: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def lease(self, engine: str, request: Request) -> AsyncIterator[Credit]:
        """A place on `engine`; raises `TierDown`, `Busy` (queue full) or `DeadlineExceeded`."""
        credit = self._spare(engine) or await self._fetch(engine, request)
        try:
            yield credit
        finally:
            self._put_back(credit)

    def heard(self, message: ToWorker) -> None:
        """One of the three things the office says."""
        if isinstance(message, Revoked):
            self._over[message.engine] = message.epoch
            self._back(message.engine, len(self.idle.pop(message.engine, ())))
            return
        turn = self._turns.get(message.id)
        if turn is not None and not turn.done():
            turn.set_exception(raised(message)) if isinstance(message, Refused) else turn.set_result(message)
        elif isinstance(message, Granted):  # who asked has left meanwhile
            self._put_back(_credit(message, 0.0))

    def connection_lost(self, error: Exception | None) -> None:
        """Called by the loop: the office has ended, or we said what we cannot mean."""
        super().connection_lost(error)
        self.idle.clear()
        if self._timer is not None:
            self._timer.cancel()
        for turn in self._turns.values():
            if not turn.done():
                turn.set_exception(away())
        self._on_lost()

    def sweep(self, now: float) -> None:
        """Give back what has been idle for `IDLE_S`, and tell what was reused."""
        self._timer = None
        for engine in list(self.idle):
            idle = self.idle[engine]
            stays = [each for each in idle if now < each[0] + IDLE_S]
            self.idle[engine] = stays
            self._back(engine, len(idle) - len(stays))
        if any(self.idle.values()):
            self._wake()

    def _spare(self, engine: str) -> Credit | None:
        idle = self.idle[engine]
        if not idle:
            return None
        self._reused[engine] += 1
        return idle.pop()[1]

    async def _fetch(self, engine: str, request: Request) -> Credit:
        """Until the place has come. Cancelled or late, a place that came at the last moment goes on."""
        if not self.open:
            raise away()
        asked, ask_id = time.monotonic(), next(self._ids)
        turn = self._turns[ask_id] = asyncio.get_running_loop().create_future()
        self.send(Ask(ask_id, engine, request.urgent))
        try:
            async with asyncio.timeout(request.left_s()):
                granted = await turn
        except BaseException as error:
            self._left(ask_id, turn)
            if isinstance(error, TimeoutError):
                raise DeadlineExceeded(f"no place on {engine} came free before the deadline") from None
            raise
        finally:
            del self._turns[ask_id]
        return _credit(granted, time.monotonic() - asked)

    def _left(self, ask_id: int, turn: "asyncio.Future[Granted]") -> None:
        """1. Refused: nothing. 2. Granted in the turn in which the caller left: on with it. 3. Else leave."""
        if turn.cancelled() or not turn.done():
            self.send(Leave(ask_id))
        elif turn.exception() is None:
            self._put_back(_credit(turn.result(), 0.0))

    def _put_back(self, credit: Credit) -> None:
        """Keep it while its epoch lasts."""
        if not self.open:
            return
        if credit.epoch <= self._over[credit.engine]:
            self._back(credit.engine, 1)
            return
        unused = credit if not credit.queue_s else Credit(credit.engine, credit.version, 0.0, credit.epoch)
        self.idle[credit.engine].append((time.monotonic(), unused))
        self._wake()

    def _back(self, engine: str, places: int) -> None:
        reused = self._reused.pop(engine, 0)
        if places or reused:
            self.send(Back(engine, places, reused))

    def _wake(self) -> None:
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(IDLE_S, lambda: self.sweep(time.monotonic()))


def away() -> TierDown:
    """What a request is told while the supervisor cannot be reached."""
    return TierDown(
        "the process that owns the engines does not answer; this one reconnects by itself, "
        f"try again in {RETRY_S:.0f} s (`gpu-cascade status` says whether it runs)",
        retry_after_s=RETRY_S,
    )


def _credit(granted: Granted, queue_s: float) -> Credit:
    return Credit(granted.engine, granted.version, queue_s, granted.epoch)
