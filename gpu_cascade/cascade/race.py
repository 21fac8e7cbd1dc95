"""Two tiers that start together: whoever may speak first answers, for those who wait at a telephone.

Which drafts are kept depends on who was faster, so no certificate speaks for these answers.
"""

import asyncio
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from ..engines.base import Answerer, Pieces, collect
from ..errors import CascadeError
from ..types import Delta, Final, Reason, Request, Verdict
from .ahead import Ahead, Beside
from .cascade import Cascade, Climb, live, replay

Piece = Delta | Final


class Race(Cascade):
    """A cascade of two tiers. `rival`: the last one, which answers there only while it is awake."""

    def __init__(self, *args: Any, rival: Answerer, **more: Any) -> None:
        super().__init__(*args, **more)
        self._rival = rival

    async def stream(self, request: Request) -> Pieces:
        """The kept draft, or the last tier's answer from its first token on: whichever is there first."""
        climb = self._begin(request)
        climb.promised = False
        if climb.skipped or not climb.route.drafting:
            answer = self._top(request, climb)
        else:
            answer = self._both(request, climb)
        async with aclosing(answer) as pieces:
            async for piece in pieces:
                yield piece

    async def answer(self, request: Request) -> Final:
        """The same, whole."""
        return await collect(self.stream(request))

    async def _both(self, request: Request, climb: Climb) -> Pieces:
        """Start both; none is left running at the end, however it comes."""
        ahead = Ahead(self._rival.stream(self._asked(request, climb)))
        draft, first = Beside(self._climb(request, climb)), Beside(ahead.read())
        try:
            async with aclosing(self._faster(request, climb, ahead, draft, first)) as pieces:
                async for piece in pieces:
                    yield piece
        finally:
            await draft.end()
            await first.end()
            await ahead.aclose()

    async def _faster(
        self,
        request: Request,
        climb: Climb,
        ahead: Ahead,
        draft: Beside[Final | None],
        first: Beside[Piece],
    ) -> Pieces:
        """Who answers.

        1. The last tier spoke before the verdict. 2. The draft is kept. 3. It is not: the last tier goes on.
        4. It is not, and the last tier sleeps or failed: it is asked as without a race.
        """
        if await _spoke(first.task, draft.task):  # (1)
            await draft.end()
            climb.uses += draft.spent
            answer = live(ahead, climb, climb.decide(climb.route.last.name, Verdict.ESCALATED, Reason.POLICY))
        elif (kept := draft.task.result()) is not None:  # (2)
            await first.end()
            await ahead.aclose()
            for piece in replay(replace(kept, uses=(*kept.uses, *ahead.spent))):
                yield piece
            return
        elif await _begins(first.task):  # (3)
            answer = live(ahead, climb, climb.climbed(climb.route.last.name))
        else:  # (4)
            answer = self._top(request, climb)
        async with aclosing(answer) as pieces:
            async for piece in pieces:
                yield piece


async def _spoke(first: asyncio.Task[Piece], draft: asyncio.Task[Final | None]) -> bool:
    """Whether the last tier said something before the draft was judged. If both are there, the draft was."""
    await asyncio.wait({first, draft}, return_when=asyncio.FIRST_COMPLETED)
    if not draft.done() and not first.exception() and isinstance(first.result(), Delta):
        return True
    await asyncio.wait({draft})
    return False


async def _begins(first: asyncio.Task[Piece]) -> bool:
    try:
        await first
    except CascadeError:
        return False
    return True
