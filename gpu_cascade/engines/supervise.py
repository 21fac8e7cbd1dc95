"""Keeps engines alive: boots in turn, watches, restarts with back-off, gives up with a reason."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from ..errors import BootError, CascadeError, TierDown
from ..events import EngineChanged, Hooks

log = logging.getLogger(__name__)


class State(StrEnum):
    """Where an engine stands."""

    BOOTING = "booting"  # also while it waits for its next try
    READY = "ready"
    FAILED = "failed"  # given up; only a new `start` tries again
    STOPPED = "stopped"


class Bootable(Protocol):
    """What is kept alive: `VllmProcess`, or a small stand-in."""

    name: str

    async def boot(self) -> None:
        """Until it has answered. Raises `BootError` where a new try may help, else another `CascadeError`."""

    async def healthy(self) -> bool:
        """Whether it answers now."""

    async def wait_exit(self) -> str:
        """Until it ends by itself; says how."""

    async def stop(self) -> list[int]:
        """Until nothing of it is left; names what is."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long things may take, in seconds, and how often they may fail."""

    back_off_s: float = 1.0  # doubles with each restart
    back_off_max_s: float = 60.0
    steady_s: float = 300.0  # after so long in health the back-off starts anew
    boots: int = 5  # failed boots in a row before it is given up
    look_every_s: float = 5.0
    hung_s: float = 30.0  # without an answer from /health


@dataclass(frozen=True, slots=True)
class Clock:
    """Time, replaceable."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


class Supervised:
    """One engine kept alive. `locks` are those of its devices, in an order common to all engines."""

    def __init__(
        self,
        engine: Bootable,
        locks: Sequence[asyncio.Lock],
        hooks: Hooks,
        patience: Patience = Patience(),
        clock: Clock = Clock(),
    ) -> None:
        self.name = engine.name
        self.engine = engine
        self.state = State.STOPPED
        self.detail = "not started"
        self.error: CascadeError | None = None  # why it is FAILED
        self._locks, self._hooks, self._patience, self._clock = locks, hooks, patience, clock
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to keep it alive; from FAILED or STOPPED."""
        if self.state in {State.FAILED, State.STOPPED}:
            self.error = None
            self._move(State.BOOTING, "waiting for its turn")
            self._task = asyncio.create_task(self._keep(), name=f"supervise {self.name}")

    async def stop(self) -> list[int]:
        """End it, however it stands. The pids that could not be ended: none, normally."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        left = await self.engine.stop()
        self._move(State.STOPPED, f"still alive after SIGKILL: {left}" if left else "")
        return left

    async def ready(self) -> None:
        """Wait until it is READY; raises what made it FAILED, `TierDown` where it is STOPPED."""
        while self.state is State.BOOTING:
            await self._changed.wait()
        if self.state is not State.READY:
            raise self.error or TierDown(f"{self.name} is {self.state}: {self.detail}")

    async def _keep(self) -> None:
        try:
            await self._rounds()
        except Exception as error:  # a fault of ours must not leave it READY in our books
            log.exception("supervising %s failed", self.name)
            self._move(State.BOOTING, "stopping it after a fault of gpu-cascade")
            await self.engine.stop()
            self._give_up(BootError(f"gpu-cascade itself failed while watching {self.name}: {error!r}"))

    async def _rounds(self) -> None:
        """Boot, watch, again.

        1. It cannot boot as it is configured: FAILED at once.
        2. The boot fails: the next try after the back-off; FAILED after too many in a row.
        3. It boots and later ends or hangs: the next try after the back-off, which a long health resets.
        """
        failed = tries = 0
        while True:
            try:
                await self._boot()
                failed, (why, steady) = 0, await self._lost()
            except BootError as error:
                failed, why, steady = failed + 1, error.message, False
                if failed >= self._patience.boots:
                    return self._give_up(BootError(f"gave up after {failed} failed boots in a row: {why}"))
            except CascadeError as error:
                return self._give_up(error)
            tries = 1 if steady else tries + 1
            await self._back_off(tries, why)

    async def _boot(self) -> None:
        async with AsyncExitStack() as turns:
            for lock in self._locks:
                await turns.enter_async_context(lock)
            self._move(State.BOOTING, "starting")
            await self.engine.boot()
        self._move(State.READY)

    async def _lost(self) -> tuple[str, bool]:
        """Until it ends or hangs: why, and whether it had been well for long."""
        since = self._clock.now()
        ends = [asyncio.create_task(self.engine.wait_exit()), asyncio.create_task(self._hung())]
        try:
            done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in ends:
                task.cancel()
        why = done.pop().result()
        steady = self._clock.now() - since >= self._patience.steady_s
        self._move(
            State.BOOTING, why
        )  # at once: nobody may be sent to it while the rest of it is cleared away
        await self.engine.stop()
        return why, steady

    async def _hung(self) -> str:
        answered = self._clock.now()
        while self._clock.now() - answered < self._patience.hung_s:
            await self._clock.sleep(self._patience.look_every_s)
            if await self.engine.healthy():
                answered = self._clock.now()
        return f"it did not answer for {self._patience.hung_s:g} s"

    async def _back_off(self, tries: int, why: str) -> None:
        wait_s = min(self._patience.back_off_s * 2.0 ** (tries - 1), self._patience.back_off_max_s)
        self._move(State.BOOTING, f"the next try is in {wait_s:g} s: {why}")
        await self._clock.sleep(wait_s)

    def _give_up(self, error: CascadeError) -> None:
        self.error = error
        self._move(State.FAILED, error.message)

    def _move(self, state: State, detail: str = "") -> None:
        self.state, self.detail = state, detail
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
        self._hooks.tell(EngineChanged(self.name, state, detail))


class Fleet:
    """All engines that we keep alive."""

    def __init__(self, engines: Iterable[Supervised]) -> None:
        self._engines = {engine.name: engine for engine in engines}

    def __getitem__(self, name: str) -> Supervised:
        return self._engines[name]

    def start(self) -> None:
        """Begin with all; those that share a device boot in the order given."""
        for engine in self._engines.values():
            engine.start()

    def state(self, name: str) -> State:
        """Where one engine stands now."""
        return self._engines[name].state

    async def wait_ready(self, names: Iterable[str] | None = None) -> None:
        """Until these (all without names) are READY; raises what made the first of them FAILED."""
        engines = [self._engines[name] for name in (names or self._engines)]
        waits = [asyncio.create_task(engine.ready()) for engine in engines]
        try:
            await asyncio.gather(*waits)
        finally:
            for wait in waits:
                wait.cancel()

    async def close(self) -> dict[str, list[int]]:
        """Stop all at once. Names the pids that could not be ended; empty when nothing is left."""
        lefts = await asyncio.gather(*(engine.stop() for engine in self._engines.values()))
        return {name: left for name, left in zip(self._engines, lefts, strict=True) if left}
