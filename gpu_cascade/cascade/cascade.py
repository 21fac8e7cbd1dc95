"""The loop: draft, judge, keep or climb; the last tier answers as it is."""

from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any

from ..engines.base import Answerer, Pieces, collect
from ..errors import BadRequest, CascadeError, DeadlineExceeded, EngineError, TierDown
from ..types import (
    Decision,
    Delta,
    Final,
    FunctionPiece,
    Judgement,
    Reason,
    Request,
    ToolCall,
    ToolCallPiece,
    Use,
    Verdict,
)
from ..types.wish import Sticky
from .ahead import Ahead
from .budget import Pace
from .gate import Gate
from .promise import Promise, keeps_its_word
from .route import Route, refuse_confidence, route
from .rules import COMPLETE
from .tier import Drafted, Drafting

ONE_DRAFT = "a cascade judges one draft, and as drafts are sampled several would all be the same"
BY_NUMBER = frozenset({Reason.SURE, Reason.UNSURE, Reason.SINKING})  # a threshold decided


@dataclass(slots=True)
class Climb:
    """What one request has been through so far."""

    route: Route
    promised: bool = False  # whether the certificate speaks for this request
    skipped: Reason | None = None  # why it went up without a draft
    stricter: bool = False  # the turn before escalated, so drafts had to be surer
    asked_at: float = 0.0  # when the last tier was asked, by the pace's clock
    judged: list[Judgement] = field(default_factory=list)
    uses: list[Use] = field(default_factory=list)
    best: Final | None = None  # the draft of the highest tier that wrote one
    live: Ahead | None = None  # the draft that stands already and is still being written

    def took(self, drafted: Drafted) -> None:
        """A tier was asked."""
        self.judged.append(drafted.judgement)
        self.uses.extend(drafted.uses)
        if drafted.draft is not None and not drafted.draft.blank:
            self.best = drafted.draft

    def decide(self, tier: str, verdict: Verdict, reason: Reason) -> Decision:
        """The decision with everything that led to it."""
        judged = tuple(self.judged)
        certified = self.promised and keeps_its_word(verdict, judged)
        if self.stricter and reason in BY_NUMBER:
            reason = Reason.STICKY
        return Decision(tier, verdict, reason, judged, certified)

    def kept(self, tier: str) -> Decision:
        """The last draft stands. It escalated if an earlier one did not."""
        pushed = [judgement for judgement in self.judged if not judgement.keep]
        if pushed:
            return self.decide(tier, Verdict.ESCALATED, pushed[-1].reason)
        reason = self.judged[-1].reason
        return self.decide(tier, Verdict.FORCED if reason is Reason.POLICY else Verdict.KEPT, reason)

    def climbed(self, tier: str) -> Decision:
        """The last tier answers."""
        if self.route.forced:
            return self.decide(tier, Verdict.FORCED, Reason.CLIENT)
        if self.skipped is not None:
            return self.decide(tier, Verdict.SKIPPED, self.skipped)
        if not self.judged:  # no tier drafts: every request goes up
            return self.decide(tier, Verdict.FORCED, Reason.POLICY)
        return self.decide(tier, Verdict.ESCALATED, self.judged[-1].reason)


class Cascade:
    """Two tiers or more behind one name. `sampling` is what drafts are sampled with, whatever is asked.

    Without a drafting tier every request goes to the last one, by policy. `lower` are the engines below the
    last, cheapest first: a client may ask for one of them though it does not draft.
    """

    def __init__(
        self,
        name: str,
        drafting: Sequence[Drafting],
        last: Answerer,
        sampling: Mapping[str, Any],
        *,
        lower: Sequence[Answerer] = (),
        promise: Promise | None = None,
        gate: Gate | None = None,
        pace: Pace | None = None,
    ) -> None:
        self.name = name
        self._drafting: tuple[Drafting, ...] = tuple(drafting)
        self._tiers = (*lower, last)
        self._signals = [tier.signal for tier in drafting]
        self._sampling = dict(sampling)
        self._promise, self._gate, self._pace = promise, gate, pace or Pace()

    async def stream(self, request: Request) -> Pieces:
        """Nothing of a draft is shown before its verdict; the first piece carries the decision."""
        climb = self._begin(request)
        kept = await self._climb(request, climb)
        if kept is not None:
            for piece in replay(kept):
                yield piece
            return
        answer = self._committed(climb, climb.live) if climb.live else self._top(request, climb)
        async with aclosing(answer) as pieces:
            async for piece in pieces:
                yield piece

    async def answer(self, request: Request) -> Final:
        """As `stream`, without asking the last tier to stream."""
        climb = self._begin(request)
        kept = await self._climb(request, climb)
        if kept is not None:
            return kept
        if climb.live is not None:
            return await collect(self._committed(climb, climb.live))
        try:
            final = await climb.route.last.answer(self._asked(request, climb))
        except CascadeError as error:
            return self._degraded(climb, error)
        return self._whole(climb, final)

    def stop_drafting(self) -> None:
        """From now on every request goes to the last tier: what was promised of drafts no longer holds."""
        self._drafting, self._gate = (), None

    def _begin(self, request: Request) -> Climb:
        if request.params.get("n", 1) > 1:
            raise BadRequest(f"{ONE_DRAFT}; ask an engine by its name, or leave n out", param="n")
        if request.wish.confidence is not None:
            refuse_confidence(request.wish.confidence, self._signals)
        way = route(request.wish, self._drafting, self._tiers)
        promised = self._promise is not None and self._promise.covers(request)
        return Climb(way, promised, self._skips(request, way), request.stuck is Sticky.STRICTER)

    def _skips(self, request: Request, way: Route) -> Reason | None:
        """Why no draft is written; None where one is.

        With a threshold of the client's own nobody has said which drafts are hopeless; and where the last
        tier would come too late, a draft is all that there can be.
        """
        wish = request.wish
        if not way.drafting or wish.confidence is not None or not self._pace.pays(way.last.name, wish.due):
            return None
        if request.stuck is Sticky.SKIP:
            return Reason.STICKY
        hopeless = self._gate is not None and self._gate.hopeless(request)
        return Reason.GATE if hopeless else None

    async def _climb(self, request: Request, climb: Climb) -> Final | None:
        """The first draft that stands, with its decision; None when the last tier, or `live`, answers.

        The best draft stands in where the client's time cannot pay for the next tier.
        """
        sampled = replace(request, params={**request.params, **self._sampling})
        for tier in () if climb.skipped else climb.route.drafting:
            if (spared := self._spared(request, climb, tier.name)) is not None:
                return spared
            began = self._pace.now()
            drafted = await tier.suited(request).draft(sampled)
            climb.took(drafted)
            climb.live = drafted.live
            if climb.live is not None:
                return None
            sampled = replace(sampled, urgent=True)
            if drafted.draft is not None:
                self._pace.took(tier.name, began, drafted.uses)
                if drafted.judgement.keep:
                    return replace(drafted.draft, uses=tuple(climb.uses), decision=climb.kept(tier.name))
        climb.asked_at = self._pace.now()
        return self._spared(request, climb, climb.route.last.name)

    def _spared(self, request: Request, climb: Climb, tier: str) -> Final | None:
        """The best draft, where an answer of `tier` would come too late; None without one."""
        if climb.best is None or self._pace.pays(tier, request.wish.due):
            return None
        return self._stand_in(climb, climb.best, Reason.BUDGET)

    def _committed(self, climb: Climb, ahead: Ahead) -> Pieces:
        """A sure draft that is still being written; never taken back, however it ends."""
        return live(ahead, climb, climb.kept(climb.judged[-1].engine))

    async def _top(self, request: Request, climb: Climb) -> Pieces:
        """The last tier's answer, live. Before its first piece it may still fall back to the best draft."""
        last = climb.route.last
        decision = climb.climbed(last.name)
        shown = False
        try:
            async with aclosing(last.stream(self._asked(request, climb))) as pieces:
                async for piece in pieces:
                    if isinstance(piece, Final):
                        yield self._whole(climb, piece)
                    else:
                        yield piece if shown else replace(piece, decision=decision)
                        shown = True
        except CascadeError as error:
            if shown:
                raise
            for piece in replay(self._degraded(climb, error)):
                yield piece

    def _asked(self, request: Request, climb: Climb) -> Request:
        """The request for the last tier: the client's own sampling, the cascade's where it is silent."""
        params = {**self._sampling, **request.params}
        return replace(request, params=params, urgent=bool(climb.judged))

    def _whole(self, climb: Climb, final: Final) -> Final:
        last = climb.route.last.name
        self._pace.took(last, climb.asked_at, final.uses)
        return replace(final, uses=(*climb.uses, *final.uses), decision=climb.climbed(last))

    def _degraded(self, climb: Climb, error: CascadeError) -> Final:
        """The best draft where the last tier cannot answer; the error itself where there is no draft."""
        reason = excuse(error)
        if climb.best is None or reason is None:
            raise error
        return self._stand_in(climb, climb.best, reason)

    def _stand_in(self, climb: Climb, draft: Final, reason: Reason) -> Final:
        decision = climb.decide(draft.engine, Verdict.DEGRADED, reason)
        return replace(draft, uses=tuple(climb.uses), decision=decision)


def excuse(error: CascadeError) -> Reason | None:
    """Why the best draft may stand in for the last tier's answer; None where the client must see the error.

    What the last tier refuses (4xx) is the client's to know, and a full queue the client's to wait for.
    """
    if isinstance(error, DeadlineExceeded):
        return Reason.DEADLINE
    down = isinstance(error, TierDown | EngineError) and error.status >= 500
    return Reason.TIER_DOWN if down else None


async def live(ahead: Ahead, climb: Climb, decision: Decision) -> Pieces:
    """An answer begun ahead: what has waited, then the rest; the first piece carries the decision."""
    first: Decision | None = decision
    async with aclosing(ahead.pieces()) as pieces:
        async for piece in pieces:
            if isinstance(piece, Final):
                ended = _told(decision, piece) if climb.live else decision
                yield replace(piece, uses=(*climb.uses, *piece.uses), decision=ended)
            else:
                yield replace(piece, decision=first) if first else piece
                first = None


def _told(decision: Decision, draft: Final) -> Decision:
    """Of a draft that was shown before its end: whether it came to one."""
    if draft.finish_reason in COMPLETE:
        return decision
    return replace(decision, reason=Reason.INCOMPLETE, certified=False)


def replay(final: Final) -> tuple[Delta, Final]:
    """A whole answer as the pieces of a stream."""
    calls = tuple(_as_piece(place, call) for place, call in enumerate(final.tool_calls))
    return Delta(final.text, final.reasoning, final.tokens or (), final.decision, calls), final


def _as_piece(index: int, call: ToolCall) -> ToolCallPiece:
    function = FunctionPiece(call.function.name, call.function.arguments)
    return ToolCallPiece(index, call.id, call.type, function)
