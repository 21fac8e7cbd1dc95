"""A tier that drafts: its engine, and everything that decides whether a draft of it stands."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from ..engines.base import Answerer
from ..errors import CascadeError, EngineError, TierDown
from ..types import Final, Judgement, Reason, Request, Use
from ..types.wish import NO_WISH
from .ahead import Ahead
from .checks.build import Required, failed, run
from .hold import Held, hold
from .rules import Band, Rule, checked, judge, rule_for, sunk, verified
from .signals import Signal
from .tokens import is_guided
from .verify import verify


@dataclass(frozen=True, slots=True)
class Drafted:
    """What came of asking a tier. `draft` None: it could not write one, or still writes it (`live`)."""

    draft: Final | None
    judgement: Judgement
    uses: tuple[Use, ...] = ()
    live: Ahead | None = None


class Drafting(Protocol):
    """A tier that drafts and judges."""

    name: str

    @property
    def signal(self) -> Signal:
        """What its drafts are judged by."""

    def suited(self, request: Request) -> "Drafting":
        """The tier as this request has it."""

    async def draft(self, request: Request) -> Drafted:
        """A draft and its judgement. `request` carries what drafts are sampled with."""


@dataclass(frozen=True, slots=True)
class Second:
    """Who looks a second time. `keep_unseen`: a draft stays when that engine would have to be woken."""

    judge: Answerer
    band: Band
    keep_unseen: bool


class Tier:
    """Drafts and judges. `early`: drafts are read as they stream and broken off when they cannot be kept.

    `streamed`: they are read so in any case: of one that is cancelled it is known how far it had come.
    """

    def __init__(
        self,
        answerer: Answerer,
        rule: Rule,
        *,
        checks: Sequence[Required] = (),
        second: Second | None = None,
        early: bool = False,
        streamed: bool = False,
    ) -> None:
        self.name = answerer.name
        self._answerer, self._rule, self._second = answerer, rule, second
        self._checks = tuple(checks)
        self._early, self._streamed = early, streamed
        floor = rule.floor if early else None
        self._floor = -math.inf if floor is None and streamed else floor

    @property
    def signal(self) -> Signal:
        """What its drafts are judged by."""
        return self._rule.signal

    def suited(self, request: Request) -> "Tier":
        """The tier as this request has it: its rule, and nothing that it rules out.

        Where tiers are capped no larger engine looks; where time is, drafts are read to their end, for one
        that was broken off could not be served.
        """
        wish = request.wish
        if wish is NO_WISH and request.stuck is None:
            return self
        rule = rule_for(self._rule, request)
        second = self._second if wish.max_tier is None else None
        early = self._early and wish.due is None
        return Tier(
            self._answerer, rule, checks=self._checks, second=second, early=early, streamed=self._streamed
        )

    async def draft(self, request: Request) -> Drafted:
        """A draft and its judgement. `request` carries what drafts are sampled with."""
        try:
            held = await self._held(asking(request, self._rule))
        except (TierDown, EngineError) as error:
            return unwritten(self.name, error)
        if held.bound is not None:
            judgement = sunk(self.name, self._rule, held.bound, held.tokens_read)
            return Drafted(None, judgement, held.final.uses)
        return await self._judged(request, held.final)

    async def _held(self, request: Request) -> Held:
        if self._floor is not None:
            return await hold(self._answerer, request, self._rule.signal, self._floor)
        return Held(await self._answerer.answer(request))

    async def _judged(self, request: Request, draft: Final) -> Drafted:
        """By its tokens, by the checks, by another engine; each only where it can change the verdict."""
        judgement = judge(draft, self._rule, guided=is_guided(request.params))
        # A judge is shown text: of a tool call it would see nothing.
        doubted = self._second is not None and not draft.tool_calls and self._rule.doubts(judgement)
        if judgement.reason is Reason.SURE or doubted:
            judgement = await self._checked(request, draft, judgement)
        if doubted and judgement.reason is Reason.UNSURE:
            return await self._looked(request, draft, judgement)
        return Drafted(draft, judgement, draft.uses)

    async def _checked(self, request: Request, draft: Final, judgement: Judgement) -> Judgement:
        outcomes = await run(self._checks, request, draft)
        return checked(judgement, outcomes, failed(self._checks, outcomes))

    async def _looked(self, request: Request, draft: Final, judgement: Judgement) -> Drafted:
        """The second look. Where the judge is down, or would have to be woken, the configuration decides."""
        assert self._second is not None
        judge_name, band = self._second.judge.name, self._second.band
        try:
            seen = await verify(self._second.judge, request, draft.text)
        except TierDown:
            unseen = replace(judgement, judge=judge_name, p_least=band.least, reason=Reason.TIER_DOWN)
            return Drafted(draft, replace(unseen, keep=self._second.keep_unseen), draft.uses)
        except CascadeError:
            return Drafted(draft, verified(judgement, judge_name, None, band), draft.uses)
        judgement = verified(judgement, judge_name, seen.p_true, band)
        return Drafted(draft, judgement, (*draft.uses, seen.use))


def asking(request: Request, rule: Rule) -> Request:
    """The request with the alternatives that the rule reads, or more where the client wants more."""
    return replace(request, logprobs=max(request.logprobs or 0, rule.signal.tops))


def unwritten(engine: str, error: TierDown | EngineError) -> Drafted:
    """No draft. A tier that refuses (a prompt too long for it, say) is up; a longer one may still answer."""
    reason = Reason.INCOMPLETE if error.status < 500 else Reason.TIER_DOWN
    return Drafted(None, Judgement(engine, None, None, reason, keep=False))
