"""An answer begun before it may be shown: what has come of it waits."""

import asyncio
from collections.abc import Coroutine
from contextlib import aclosing
from typing import Any, Generic, TypeVar

from ..engines.base import Pieces, break_off
from ..engines.bill import billing
from ..types import Delta, Final, Use

T = TypeVar("T")


class Ahead:
    """One answer. `spent`: what it had cost where it was closed before its end.

    Only what was read waits here; the rest waits at the engine, so a slow reader fills no memory.
    """

    def __init__(self, pieces: Pieces) -> None:
        self.spent: list[Use] = []
        self._pieces = pieces
        self._waiting: list[Delta | Final] = []

    async def read(self) -> Delta | Final:
        """The next piece, which waits as well."""
        with billing(self.spent):
            piece = await anext(self._pieces)
        self._waiting.append(piece)
        return piece

    async def break_off(self) -> Final | None:
        """End it, as `base.break_off` does."""
        return await break_off(self._pieces)

    async def pieces(self) -> Pieces:
        """From now on it may be shown: what has waited, then the rest as it comes."""
        async with aclosing(self):
            for piece in self._waiting:
                yield piece
            async for piece in self._pieces:  # nothing, where its `Final` has waited
                yield piece

    async def aclose(self) -> None:
        """End it at once. Whoever still waits in `read` must have been cancelled before."""
        with billing(self.spent):
            await self._pieces.aclose()


class Beside(Generic[T]):
    """Work that goes on beside the one who began it. `spent`: what it had cost where it was ended early."""

    def __init__(self, work: Coroutine[Any, Any, T]) -> None:
        self.spent: list[Use] = []
        self.task = asyncio.create_task(self._run(work))

    async def end(self) -> None:
        """Cancel it, and wait until it is over; nothing happens where it is."""
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    async def _run(self, work: Coroutine[Any, Any, T]) -> T:
        with billing(self.spent):
            return await work
