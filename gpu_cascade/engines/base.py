"""The one interface on every floor: whatever turns a request into an answer."""

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Protocol

from ..types import Delta, Final, Request

Pieces = AsyncGenerator[Delta | Final, None]
BROKEN_OFF = "broken_off"  # the finish reason of an answer that its reader ended


class Enough(Exception):
    """Thrown into a stream by `break_off`: the engine's work ends, and what came of it is the `Final`."""


class Answerer(Protocol):
    """An engine, a cascade of them, a fake, a remote address."""

    name: str

    def stream(self, request: Request) -> Pieces:
        """Deltas as they come, then one `Final`. Closing the iterator aborts the work."""

    async def answer(self, request: Request) -> Final:
        """The whole answer. Cancelling the call aborts the work."""


class Lease(Protocol):
    """The right to send one request to one engine. Plain data: it may come from another process."""

    @property
    def engine(self) -> str:
        """Whose place it is."""

    @property
    def version(self) -> str:
        """The engine's version when the place was given."""

    @property
    def queue_s(self) -> float:
        """Seconds waited for it."""


class Leases(Protocol):
    """Who may use which engine now. Deciding is reserving: a granted lease is held until it is closed."""

    def lease(self, engine: str, request: Request) -> AbstractAsyncContextManager[Lease]:
        """Wait for a place on `engine`; raises `Busy`, `TierDown` or `DeadlineExceeded`."""


async def break_off(pieces: Pieces) -> Final | None:
    """End a stream before its end. The `Final` holds what had come and what it cost; None where nobody knows.

    Closing the iterator would end the work as well, but nothing can be said while closing.
    """
    try:
        final = await pieces.athrow(Enough())
    except (Enough, StopAsyncIteration):
        return None
    return final if isinstance(final, Final) else None


async def collect(pieces: Pieces) -> Final:
    """The `Final` of a stream, for Answerers that have no faster way."""
    final: Final | None = None
    async with aclosing(pieces) as stream:
        async for piece in stream:
            if isinstance(piece, Final):
                final = piece
    assert final is not None, "a stream ended without a Final"
    return final
