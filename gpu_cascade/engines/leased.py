"""An engine behind its lease: waits for a place, and says what the request cost there."""

import asyncio
import time
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Self

from ..errors import TierDown
from ..types import Delta, Final, Request, Use
from .base import BROKEN_OFF, Answerer, Enough, Lease, Leases, Pieces, break_off
from .bill import bill
from .meter import BusyMeter


@dataclass(slots=True)
class _Stay:
    """One request's stay on the engine, metered."""

    lease: Lease
    id: str
    meter: BusyMeter
    tokens: int = 0  # processed: prompt and completion
    engine_s: float = 0.0

    def __enter__(self) -> Self:
        self.meter.begin(self.id, time.monotonic())
        return self

    def progress(self, piece: Delta) -> None:
        """A piece of the answer has come."""
        self.tokens += len(piece.tokens) or 1
        self.meter.progress(self.id, self.tokens)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.engine_s = self.meter.end(self.id, self.tokens, time.monotonic())
        if kind is asyncio.CancelledError or kind is GeneratorExit:  # whoever asked has left
            # Of the prompt nobody has said how many tokens it has; what came back was counted.
            bill(_spent(Use(self.lease.engine, completion_tokens=self.tokens), self))


class Leased:
    """The same interface as the engine itself; the lease is given back however the answer ends."""

    def __init__(self, engine: Answerer, leases: Leases, meter: BusyMeter) -> None:
        self.name = engine.name
        self._engine, self._leases, self._meter = engine, leases, meter

    async def answer(self, request: Request) -> Final:
        """The engine's whole answer, once there is a place for it."""
        async with self._leases.lease(self.name, request) as lease:
            with _Stay(lease, request.id, self._meter) as stay:
                final = await self._engine.answer(request)
                stay.tokens = _tokens(final)
        return _priced(final, stay)

    async def stream(self, request: Request) -> Pieces:
        """The engine's stream; the `Final` comes after the lease was given back, so its cost is known."""
        final: Final | None = None
        async with (
            self._leases.lease(self.name, request) as lease,
            aclosing(self._engine.stream(request)) as pieces,
        ):
            with _Stay(lease, request.id, self._meter) as stay:
                async for piece in pieces:
                    if isinstance(piece, Final):
                        final, stay.tokens = piece, _tokens(piece)
                        continue
                    stay.progress(piece)
                    try:
                        yield piece
                    except Enough:
                        final = await break_off(pieces) or Final("", BROKEN_OFF, self.name)
                        stay.tokens = max(stay.tokens, _tokens(final))
                        break
        if final is not None:
            yield _priced(final, stay)


class IfAwake:
    """An engine that is asked only while it is awake: else it is `TierDown`, at once, and sleeps on."""

    def __init__(self, engine: Answerer, awake: Callable[[], bool]) -> None:
        self.name = engine.name
        self._engine, self._awake = engine, awake

    async def answer(self, request: Request) -> Final:
        """The engine's answer."""
        self._look()
        return await self._engine.answer(request)

    async def stream(self, request: Request) -> Pieces:
        """The engine's stream."""
        self._look()
        async with aclosing(self._engine.stream(request)) as pieces:
            async for piece in pieces:
                yield piece

    def _look(self) -> None:
        if not self._awake():
            raise TierDown(f"engine {self.name} is not awake, and is not woken for this")


def _tokens(final: Final) -> int:
    spent = final.answered_by
    return spent.prompt_tokens + spent.completion_tokens


def _priced(final: Final, stay: _Stay) -> Final:
    return replace(final, uses=(_spent(final.answered_by, stay),))


def _spent(spent: Use, stay: _Stay) -> Use:
    lease = stay.lease
    return Use(
        spent.engine,
        spent.prompt_tokens,
        spent.completion_tokens,
        stay.engine_s,
        lease.queue_s,
        lease.version,
        spent.cached_tokens,
        spent.created_cache_tokens,
        spent.reasoning_tokens,
    )
