"""An engine that the client named itself: no cascade, but a decision like any other."""

from contextlib import aclosing
from dataclasses import replace

from ..engines.base import Answerer, Pieces
from ..types import Decision, Delta, Final, Reason, Request, Verdict
from .route import refuse_wishes


class Direct:
    """The engine's own answer, marked `direct`."""

    def __init__(self, engine: Answerer) -> None:
        self.name = engine.name
        self._engine = engine
        self._decision = Decision(engine.name, Verdict.DIRECT, Reason.POLICY)

    async def answer(self, request: Request) -> Final:
        """The whole answer."""
        refuse_wishes(self.name, request.wish)
        return self._marked(await self._engine.answer(request))

    async def stream(self, request: Request) -> Pieces:
        """The engine's pieces; the first carries the decision."""
        refuse_wishes(self.name, request.wish)
        async with aclosing(self._engine.stream(request)) as pieces:
            decision: Decision | None = self._decision
            async for piece in pieces:
                if isinstance(piece, Delta):
                    yield replace(piece, decision=decision) if decision else piece
                    decision = None
                else:
                    yield self._marked(piece)

    def _marked(self, final: Final) -> Final:
        return replace(final, decision=self._decision)
