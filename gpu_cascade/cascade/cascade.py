"""The loop: draft, judge, keep or climb; the last tier answers as it is."""

from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any

from ..engines.base import Answerer, Pieces
from ..errors import CascadeError, DeadlineExceeded, EngineError, TierDown
from ..types import Decision, Delta, Final, Judgement, Reason, Request, Use, Verdict
from .rules import Fixed, Rule, judge


@dataclass(slots=True)
class Climb:
    """What one request has been through so far."""

    judged: list[Judgement] = field(default_factory=list)
    uses: list[Use] = field(default_factory=list)
    best: Final | None = None  # the draft of the highest tier that wrote one

    def took(self, draft: Final, judgement: Judgement) -> None:
        """A draft was written and judged."""
        self.judged.append(judgement)
        self.uses.extend(draft.uses)
        if draft.text:
            self.best = draft

    def decide(self, tier: str, verdict: Verdict, reason: Reason) -> Decision:
        """The decision with everything that led to it."""
        return Decision(tier, verdict, reason, tuple(self.judged))

    def kept(self, tier: str) -> Decision:
        """The last draft stands. It escalated if an earlier one did not."""
        pushed = [judgement for judgement in self.judged if not judgement.keep]
        if pushed:
            return self.decide(tier, Verdict.ESCALATED, pushed[-1].reason)
        reason = self.judged[-1].reason
        return self.decide(tier, Verdict.FORCED if reason is Reason.POLICY else Verdict.KEPT, reason)


class Cascade:
    """Two tiers or more behind one name. `sampling` is what drafts are sampled with, whatever is asked."""

    def __init__(self, name: str, tiers: Sequence[Answerer], rule: Rule, sampling: Mapping[str, Any]) -> None:
        self.name = name
        self._drafting, self._last = tuple(tiers[:-1]), tiers[-1]
        self._rule = rule
        self._sampling = dict(sampling)

    async def stream(self, request: Request) -> Pieces:
        """Nothing of a draft is shown before its verdict; the first piece carries the decision."""
        climb = Climb()
        kept = await self._climb(request, climb)
        if kept is not None:
            for piece in replay(kept):
                yield piece
            return
        async with aclosing(self._top(request, climb)) as pieces:
            async for piece in pieces:
                yield piece

    async def answer(self, request: Request) -> Final:
        """As `stream`, without asking any engine to stream."""
        climb = Climb()
        kept = await self._climb(request, climb)
        if kept is not None:
            return kept
        try:
            final = await self._last.answer(self._asked(request))
        except CascadeError as error:
            return self._degraded(climb, error)
        return self._whole(climb, final)

    async def _climb(self, request: Request, climb: Climb) -> Final | None:
        """The first draft that stands, with its decision; None when the last tier must answer."""
        if self._rule.threshold is Fixed.ESCALATE_ALL:
            return None
        for tier in self._drafting:
            draft = await self._draft(tier, request, climb)
            if draft is None:
                continue
            judgement = judge(draft, self._rule)
            climb.took(draft, judgement)
            if judgement.keep:
                return replace(draft, uses=tuple(climb.uses), decision=climb.kept(tier.name))
        return None

    async def _draft(self, tier: Answerer, request: Request, climb: Climb) -> Final | None:
        """The tier's draft, or None where it cannot write one: then the next tier is asked."""
        sampled = replace(
            request, params={**request.params, **self._sampling}, logprobs=request.logprobs or 0
        )
        try:
            return await tier.answer(sampled)
        except (TierDown, EngineError) as error:
            # A tier that refuses (a prompt too long for it, say) is up; a longer one may still answer.
            refused = error.status < 500
            reason = Reason.INCOMPLETE if refused else Reason.TIER_DOWN
            climb.judged.append(Judgement(tier.name, None, None, reason, keep=False))
            return None

    async def _top(self, request: Request, climb: Climb) -> Pieces:
        """The last tier's answer, live. Before its first piece it may still fall back to the best draft."""
        decision = self._decision(climb)
        shown = False
        try:
            async with aclosing(self._last.stream(self._asked(request))) as pieces:
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

    def _asked(self, request: Request) -> Request:
        """The request for the last tier: the client's own sampling, the cascade's where it is silent."""
        return replace(request, params={**self._sampling, **request.params})

    def _decision(self, climb: Climb) -> Decision:
        if self._rule.threshold is Fixed.ESCALATE_ALL:
            return climb.decide(self._last.name, Verdict.FORCED, Reason.POLICY)
        return climb.decide(self._last.name, Verdict.ESCALATED, climb.judged[-1].reason)

    def _whole(self, climb: Climb, final: Final) -> Final:
        return replace(final, uses=(*climb.uses, *final.uses), decision=self._decision(climb))

    def _degraded(self, climb: Climb, error: CascadeError) -> Final:
        """The best draft where the last tier cannot answer; the error itself where there is no draft."""
        reason = excuse(error)
        if climb.best is None or reason is None:
            raise error
        decision = climb.decide(climb.best.engine, Verdict.DEGRADED, reason)
        return replace(climb.best, uses=tuple(climb.uses), decision=decision)


def excuse(error: CascadeError) -> Reason | None:
    """Why the best draft may stand in for the last tier's answer; None where the client must see the error.

    What the last tier refuses (4xx) is the client's to know, and a full queue the client's to wait for.
    """
    if isinstance(error, DeadlineExceeded):
        return Reason.DEADLINE
    down = isinstance(error, TierDown | EngineError) and error.status >= 500
    return Reason.TIER_DOWN if down else None


def replay(final: Final) -> tuple[Delta, Final]:
    """A whole answer as the pieces of a stream."""
    return Delta(final.text, final.reasoning, final.tokens or (), final.decision), final
