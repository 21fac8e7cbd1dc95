"""Showing a sure draft while it is written: its first tokens decide, and what was shown stays.

A policy of its own: what decides is the signal of the first tokens alone, so a threshold that was certified
for whole drafts says nothing here, and the other way round.
"""

from collections.abc import Mapping
from contextlib import AsyncExitStack, aclosing
from dataclasses import replace
from typing import Any

from ..engines.base import Answerer
from ..errors import EngineError, TierDown
from ..types import Delta, Final, Judgement, Request, TokenLogprob
from ..types.wish import NO_WISH
from .ahead import Ahead
from .hold import UNREADABLE
from .rules import Rule, judge, rule_for
from .signals import Signal
from .tier import Drafted, asking, unwritten
from .tokens import answer_tokens, is_guided


class Committing:
    """A tier whose drafts are judged by their first `first` tokens, and go out live where these are sure.

    A draft that is not is broken off there. One that has no more tokens is held to its end and judged whole.
    """

    def __init__(self, answerer: Answerer, rule: Rule, first: int, *, whole: bool = False) -> None:
        self.name = answerer.name
        self._answerer, self._rule, self._first, self._whole = answerer, rule, first, whole

    @property
    def signal(self) -> Signal:
        """What its drafts are judged by."""
        return self._rule.signal

    def suited(self, request: Request) -> "Committing":
        """With the rule of this request.

        Where its time is limited drafts are held to their end all the same: one that was broken off could not
        stand in for an answer that would come too late.
        """
        wish = request.wish
        if wish is NO_WISH and request.stuck is None:
            return self
        rule = rule_for(self._rule, request)
        return Committing(self._answerer, rule, self._first, whole=wish.due is not None)

    async def draft(self, request: Request) -> Drafted:
        """The judgement, with the draft where it has ended; a sure one that has not goes on as `live`."""
        try:
            return await (self._held(request) if self._whole else self._begun(request))
        except (TierDown, EngineError) as error:
            return unwritten(self.name, error)

    async def _held(self, request: Request) -> Drafted:
        draft = await self._answerer.answer(asking(request, self._rule))
        return Drafted(draft, judge_first(draft, self._rule, self._first, request.params), draft.uses)

    async def _begun(self, request: Request) -> Drafted:
        async with AsyncExitStack() as stack:
            pieces = self._answerer.stream(asking(request, self._rule))
            ahead = await stack.enter_async_context(aclosing(Ahead(pieces)))
            drafted = await self._read(ahead, request)
            if drafted.live is not None:
                stack.pop_all()  # whoever shows it closes it
            return drafted

    async def _read(self, ahead: Ahead, request: Request) -> Drafted:
        begun = _Begun(self.name, self._first, request)
        while isinstance(piece := await ahead.read(), Delta):
            draft = begun.decides(piece)
            if draft is None:
                continue
            judgement = judge_first(draft, self._rule, self._first, request.params)
            if judgement.keep:
                return Drafted(None, judgement, live=ahead)
            broken = await ahead.break_off()
            return Drafted(None, judgement, broken.uses if broken else ())
        return Drafted(piece, judge_first(piece, self._rule, self._first, request.params), piece.uses)


def judge_first(draft: Final, rule: Rule, first: int, params: Mapping[str, Any]) -> Judgement:
    """By the signal of its `first` own tokens. Pure, and all that decides, however the draft was read.

    1. It has more than these, and could be shown while it was written: how it ends is not asked.
    2. It has no more, or only its end says which tokens are its own: it must be complete as well.
    """
    if UNREADABLE.isdisjoint(params) and _goes_on(draft, first):  # (1)
        draft = replace(draft, finish_reason="stop")
    return judge(draft, rule, guided=is_guided(params), first=first)  # (2)


def _goes_on(draft: Final, first: int) -> bool:
    own = answer_tokens(draft)
    return own is not None and len(own) > first and not draft.blank


class _Begun:
    """The beginning of a draft."""

    def __init__(self, engine: str, first: int, request: Request) -> None:
        self._engine, self._first = engine, first
        self._readable = UNREADABLE.isdisjoint(request.params)
        self._text = ""
        self._tokens: list[TokenLogprob] = []

    def decides(self, piece: Delta) -> Final | None:
        """The draft so far, as soon as it has what decides; None before, or where only its end says."""
        if piece.reasoning or piece.tool_calls or (piece.text and not piece.tokens):
            self._readable = False  # nobody knows which of the tokens are the answer's
        if not self._readable:
            return None
        self._text += piece.text
        self._tokens += piece.tokens
        if len(self._tokens) <= self._first:
            return None
        draft = Final(self._text, "", self._engine, tuple(self._tokens))
        return draft if _goes_on(draft, self._first) else None
