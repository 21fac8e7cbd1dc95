"""The core at work: requests wait here, moves are done and witnessed, time is told."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from ...errors import CascadeError, DeadlineExceeded, TierDown, whereabouts
from ...events import EngineChanged, EngineMoved, Hooks
from ...types import Request
from .core import Core
from .words import Action, Grant, Move, State, Ticket

log = logging.getLogger(__name__)

KEPT_MOVES = 50  # are shown


@dataclass(frozen=True, slots=True)
class Granted:
    """A place on an engine. Plain data: it may cross a process border."""

    engine: str
    version: str
    queue_s: float


class Hands(Protocol):
    """What can be done to engines."""

    async def do(self, move: Move) -> int | None:
        """Boot, wake, put to sleep or end it, and see it done; raises `CascadeError` where it was not.

        What it was then seen to hold on its fullest device, in bytes; None where nobody can say.
        """

    def version(self, engine: str) -> str:
        """The engine's version, as it runs now."""


class Scheduler:
    """`Leases` over the core: who may use which engine now, and who is in memory.

    All state is the core's, and all of this runs on one event loop: a decision and its booking are one step.
    """

    def __init__(self, core: Core, hands: Hands, hooks: Hooks) -> None:
        self.core = core
        self.moves: deque[EngineMoved] = deque(maxlen=KEPT_MOVES)
        self._hands, self._hooks = hands, hooks
        self._turns: dict[Ticket, asyncio.Future[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._errors: dict[str, CascadeError] = {}  # what last went wrong with each engine
        self._changed = asyncio.Event()
        self._listeners: list[Callable[[], None]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._looks_at: float | None = None
        self._begun = False  # the first layout has stood

    def start(self) -> None:
        """Bring up the first layout."""
        self._act(self.core.start(time.monotonic()))

    async def ready(self) -> None:
        """Until the first layout stands; raises what keeps an engine of it from that."""
        engines = [self.core.engines[name] for name in self.core.mover.layouts[0].awake]
        while any(one.state not in (State.READY, State.FAILED) for one in engines):
            await self._changed.wait()
        for one in engines:
            if one.state is State.FAILED:
                raise self._errors.get(one.name) or TierDown(f"{one.name}: {one.why}")

    def missing(self) -> list[str]:
        """The engines that nobody can use or wait for, each with its reason; at first all not awake."""
        engines = self.core.engines.values()
        self._begun = self._begun or all(self.core.engines[n].open for n in self.core.mover.layouts[0].awake)
        away = [one for one in engines if (self.core.shut(one) if self._begun else not one.open)]
        return [f"{one.name}: {one.state}" + (f", {one.why}" if one.why else "") for one in away]

    @property
    def waiting(self) -> int:
        """Requests that wait for a place, over all engines."""
        return self.core.waiting

    @asynccontextmanager
    async def lease(self, engine: str, request: Request) -> AsyncIterator[Granted]:
        """A place on `engine`; raises `TierDown`, `Busy` (queue full) or `DeadlineExceeded`."""
        granted = await self.take(engine, urgent=request.urgent, left_s=request.left_s())
        try:
            yield granted
        finally:
            self.give_back(engine)

    async def take(self, engine: str, *, urgent: bool, left_s: float | None = None) -> Granted:
        """A place, until `give_back`; raises as `lease` does. Cancelled, it takes none."""
        arrived = time.monotonic()
        ticket = Ticket(engine, arrived, urgent)
        actions = self.core.ask(ticket, arrived)
        if not (actions and isinstance(actions[0], Grant) and actions[0].ticket is ticket):
            await self._turn(ticket, actions, left_s)
        return Granted(engine, self._hands.version(engine), time.monotonic() - arrived)

    def give_back(self, engine: str) -> None:
        """A place is free again."""
        self._act(self.core.give_back(engine, time.monotonic()))

    def came(self, engine: str, count: int) -> None:
        """So many requests came besides those that asked: credits served them."""
        self.core.engines[engine].desk.came(time.monotonic(), count)

    def pressed(self, engine: str, usage: float, preemptions: int) -> None:
        """An engine said how much of its KV cache is in use (a share), and what it ever preempted."""
        self._act(self.core.pressed(engine, usage, preemptions, time.monotonic()))

    def calm(self, engine: str) -> bool:
        """Whether it takes requests and nobody waits for it: who has a place of it may keep it."""
        one = self.core.engines[engine]
        return one.open and not one.desk.waiting

    def listen(self, hook: Callable[[], None]) -> None:
        """Call `hook` in each step in which an engine may have ceased to be `calm`."""
        self._listeners.append(hook)

    def engine_changed(self, event: EngineChanged) -> None:
        """Hear from whoever keeps engines alive: lost, back, given up."""
        now = time.monotonic()
        if event.state == "failed":
            self._act(self.core.gave_up(event.engine, event.detail, now))
        elif event.state == "ready":
            self._act(self.core.back(event.engine, now))
        elif event.state == "booting":
            self._act(self.core.lost(event.engine, event.detail, now))
        self._tell()

    async def close(self) -> None:
        """Move nothing any more; what moves now is given up."""
        if self._timer is not None:
            self._timer.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _turn(self, ticket: Ticket, actions: Sequence[Action], left_s: float | None) -> None:
        """Until the place has come. Cancelled or late, a place that came at the last moment goes on."""
        turn = self._turns[ticket] = asyncio.get_running_loop().create_future()
        self._act(actions)
        try:
            async with asyncio.timeout(left_s):
                await turn
        except BaseException as error:
            # Granted in the same turn of the loop in which the caller left: without giving the place
            # on, it would stay taken forever.
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._act(self.core.give_back(ticket.engine, time.monotonic()))
            self.core.leave(ticket)
            if isinstance(error, TimeoutError):
                raise DeadlineExceeded(f"no place on {ticket.engine} came free before the deadline") from None
            raise
        finally:
            del self._turns[ticket]

    def _act(self, actions: Sequence[Action]) -> None:
        for action in actions:
            if isinstance(action, Move):
                task = asyncio.create_task(self._perform(action), name=f"{action.kind} {action.engine}")
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
                continue
            turn = self._turns.get(action.ticket)
            gone = turn is None or turn.done()
            if isinstance(action, Grant) and gone:
                self._act(self.core.give_back(action.ticket.engine, time.monotonic()))
            elif turn is not None and not gone:
                turn.set_result(None) if isinstance(action, Grant) else turn.set_exception(action.error)
        self._look_again()
        for hook in self._listeners:
            hook()

    def _look_again(self) -> None:
        """Come back when the core wants to see what time has done."""
        at = self.core.look_at
        if at == self._looks_at:
            return
        self._looks_at = at
        if self._timer is not None:
            self._timer.cancel()
        wait_s = None if at is None else max(0.0, at - time.monotonic())
        loop = asyncio.get_running_loop()
        self._timer = None if wait_s is None else loop.call_later(wait_s, self._tick)

    def _tick(self) -> None:
        self._looks_at = self._timer = None
        self._act(self.core.tick(time.monotonic()))

    async def _perform(self, move: Move) -> None:
        began, wrong, left_bytes = time.monotonic(), "", None
        try:
            left_bytes = await self._hands.do(move)
        except CascadeError as error:
            self._errors[move.engine], wrong = error, error.message
        except Exception as error:  # noqa: BLE001 - a fault of ours must not leave it moving for good
            log.error("%s of %s failed\n%s", move.kind, move.engine, whereabouts(error))
            wrong = f"gpu-cascade itself failed: {type(error).__name__}"
        now = time.monotonic()
        told = EngineMoved(move.engine, move.kind, move.why, now - began, wrong)
        self.moves.append(told)
        self._hooks.tell(told)
        self._act(self.core.moved(move.engine, move.kind, now, wrong=wrong, left_bytes=left_bytes))
        self._tell()

    def _tell(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
