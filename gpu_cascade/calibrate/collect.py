"""Asks every tier every question, through the very Answerers that will serve.

Each answer goes into a journal as soon as it is there, so a kill costs only what was under way, and what is
there is not asked again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from ..cascade.tokens import Evidence, evidence, is_guided
from ..cascade.verify import Verification, verify
from ..engines.base import Answerer
from ..errors import EngineError
from ..types import Final, Request
from .journal import Journal
from .rows import Opinion, Row, TierAnswer, Token
from .scorers import score

TOPS = 5  # alternatives kept for each token: what lies beyond counts as one lump in the entropies
DIGITS = 4
TOP_DIGITS = 3


@dataclass(frozen=True, slots=True)
class Collecting:
    """How to ask: `tiers` from cheap to good, `judged` says whose drafts each tier is asked about."""

    tiers: Mapping[str, Answerer]
    sampling: Mapping[str, object]
    judged: Mapping[str, Sequence[str]]
    at_once: int
    passes: Callable[[Request, Final], Awaitable[bool]] | None = None  # the cascade's checks


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one tier is. `left` questions are still to ask."""

    tier: str
    done: int
    left: int


class Collector:
    """One collection: rows in, rows with every tier's answer out."""

    def __init__(
        self,
        plan: Collecting,
        journal: Journal,
        told: Callable[[Progress], None],
        wanted: Collection[str] | None = None,
    ) -> None:
        """`wanted`: the ids of the rows to ask; all of the journal's without."""
        self._plan, self._journal, self._told, self._wanted = plan, journal, told, wanted

    async def run(self) -> list[Row]:
        """Tier after tier: a machine that has one set of cores or one GPU measures each alone.

        Raises what an engine raised when it is lost for good; what was answered by then is in the journal.
        """
        for tier in self._plan.tiers:
            await self._tier(tier)
        return self._journal.rows()

    async def _tier(self, tier: str) -> None:
        missing = [row for row in self._journal.rows() if self._left(row, tier)]
        turns = asyncio.Semaphore(self._plan.at_once)
        done = 0

        async def one(row: Row) -> None:
            nonlocal done
            async with turns:
                await self._row(row, tier)
            done += 1
            self._told(Progress(tier, done, len(missing) - done))

        self._told(Progress(tier, 0, len(missing)))
        try:
            async with asyncio.TaskGroup() as group:
                for row in missing:
                    group.create_task(one(row))
        except ExceptionGroup as failures:  # the first ended the others
            raise failures.exceptions[0] from None

    def _left(self, row: Row, tier: str) -> bool:
        if self._wanted is not None and row.id not in self._wanted:
            return False
        return tier not in row.tiers or bool(self._unjudged(row, tier))

    def _unjudged(self, row: Row, judge: str) -> list[str]:
        drafts = self._plan.judged.get(judge, ())
        return [name for name in drafts if name in row.tiers and judge not in row.tiers[name].p_true]

    async def _row(self, row: Row, tier: str) -> None:
        """The tier's own answer, then its opinion of the others': the prompt is in its prefix cache."""
        if tier not in row.tiers:
            self._journal.answered(row.id, tier, await self._answer(row, tier))
        for name in self._unjudged(row, tier):
            heard = await verify(self._plan.tiers[tier], self._request(row), row.tiers[name].text)
            self._journal.judged(row.id, name, tier, _opinion(heard))

    async def _answer(self, row: Row, tier: str) -> TierAnswer:
        request = self._request(row)
        try:
            final = await self._plan.tiers[tier].answer(request)
        except EngineError as error:
            if error.status >= 500:
                raise
            return TierAnswer("", "refused", None, 0.0, 0.0)  # too long for it, say: that is an answer too
        passed = self._plan.passes is None or await self._plan.passes(request, final)
        return recorded(final, row, passed=passed)

    def _request(self, row: Row) -> Request:
        params = {**row.params, **self._plan.sampling}
        return Request(row.messages, params, TOPS)


def recorded(final: Final, row: Row, *, passed: bool = True) -> TierAnswer:
    """An answer as a row keeps it: its own tokens, rounded; scored where the row says what is right."""
    own = evidence(final, guided=is_guided(row.params))
    return TierAnswer(
        final.text,
        final.finish_reason,
        None if own is None else _tokens(own),
        round(final.answered_by.engine_s, DIGITS),
        score(final.text, row.gold, row.scorer) if row.gold else None,
        final.answered_by.prompt_tokens,
        passed,
    )


def _opinion(heard: Verification) -> Opinion:
    known = None if heard.p_true is None else round(heard.p_true, DIGITS)
    return Opinion(known, round(heard.use.engine_s, DIGITS))


def _tokens(own: Evidence) -> tuple[Token, ...]:
    """Rounded: a fourth decimal is far below what an engine's own noise moves."""
    return tuple(
        Token(round(logprob, DIGITS), tuple(round(value, TOP_DIGITS) for value in top))
        for logprob, top in zip(own.logprobs, own.tops, strict=True)
    )
