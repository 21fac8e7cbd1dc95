"""A cascade whose kept answers are watched: it answers exactly as it would alone."""

import logging
from contextlib import aclosing
from typing import Protocol

from ..engines.base import Answerer, Pieces
from ..errors import whereabouts
from ..types import Final, Request

log = logging.getLogger(__name__)


class Watching(Protocol):
    """The shadow, or the way to it from another process."""

    def offer(self, request: Request, final: Final) -> None:
        """An answer went out."""


class Watched:
    """Passes everything through unchanged, and offers each whole answer to the shadow once it went out."""

    def __init__(self, answerer: Answerer, shadow: Watching) -> None:
        self.name = answerer.name
        self._answerer, self._shadow = answerer, shadow

    async def answer(self, request: Request) -> Final:
        """The whole answer."""
        final = await self._answerer.answer(request)
        self._offer(request, final)
        return final

    async def stream(self, request: Request) -> Pieces:
        """The pieces as they come. A client that left before the `Final` has no answer to compare."""
        final: Final | None = None
        try:
            async with aclosing(self._answerer.stream(request)) as pieces:
                async for piece in pieces:
                    final = piece if isinstance(piece, Final) else None
                    yield piece
        finally:  # whoever has the `Final` closes the stream there, so nothing after a `yield` would run
            if final is not None:
                self._offer(request, final)

    def _offer(self, request: Request, final: Final) -> None:
        try:
            self._shadow.offer(request, final)
        except Exception as error:  # noqa: BLE001 - a broken monitor must not cost an answer
            log.error("the monitor of %s failed\n%s", self.name, whereabouts(error))
