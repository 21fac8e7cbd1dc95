"""From labelled rows to everything a report says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, TypeVar

from ..calibrate.arrays import Floats
from ..calibrate.family import Outcomes
from ..calibrate.rows import Row
from ..calibrate.splits import split
from .intervals import Measure, resampled
from .pairs import pair, truths
from .policies import cost_curve, curves, matched, measured, outcomes
from .rankings import rankings
from .results import Analysis, Matched, Policy, Probability, Ranking
from .sheet import Sheet, lay_out
from .verdict import silences, verdict

T = TypeVar("T")


def analyse(
    rows: Sequence[Row],
    tiers: Sequence[str],
    *,
    signal: str,
    judge: str | None = None,
    learned: Mapping[str, Floats] | None = None,
    router: Floats | None = None,
    served: Outcomes | None = None,
    guarantee: str | None = None,
    target_loss: float = 0.02,
    resamples: int = 1000,
    seed: int = 0,
) -> Analysis:
    """Everything that the rows say about a cascade of `tiers`, small to large, on `signal`.

    judge: the engine whose P(True) is compared, where the rows carry it. learned: tier -> (n,) scores of a
    learned rule, each by a rule that did not see the row. router: (n,), how likely the first tier is to do,
    likewise. served: what the policy of a certificate gives on the rows, its first column; guarantee: its
    sentence. target_loss: how much less than the last tier's quality still matches it.

    Raises `BadRows` where an answer or a score is missing, or fewer than 10 groups are there; `BadRequest`
    for a signal that is not known.
    """
    sheet = lay_out(rows, tiers, signal=signal, judge=judge, learned=learned, router=router)
    asked = _asked(sheet, signal, target_loss, served, seed)
    drawn = resampled(sheet.group, asked.measures(), resamples, seed)

    def done(measure: Measure[T]) -> T:
        return measure.conclude(drawn[measure])

    pairs = tuple(
        pair(sheet, tier, done(ranked), tuple(map(done, said)))
        for tier, (ranked, said) in enumerate(zip(asked.rankings, asked.truths, strict=True))
    )
    policies, matches = done(asked.policies), tuple(map(done, asked.matches))
    return Analysis(
        n=len(rows),
        groups=int(sheet.group.max()) + 1,
        tiers=sheet.tiers,
        signal=signal,
        judge=judge,
        target_loss=target_loss,
        resamples=resamples,
        pairs=pairs,
        policies=policies,
        matched=matches,
        cost_curves=tuple(cost_curve(sheet, name) for name in curves(sheet, signal)),
        guarantee=guarantee,
        verdict=verdict(sheet.tiers, policies, matches, pairs[0], target_loss),
        notes=(*sheet.notes, *silences(pairs, signal)),
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    """All that has an interval; rankings and truths by drafting tier."""

    policies: Measure[tuple[Policy, ...]]
    matches: list[Measure[Matched]]
    rankings: list[Measure[tuple[Ranking, ...]]]
    truths: list[list[Measure[Probability]]]

    def measures(self) -> list[Measure[Any]]:
        return [self.policies, *self.matches, *self.rankings, *chain.from_iterable(self.truths)]


def _asked(sheet: Sheet, signal: str, target_loss: float, served: Outcomes | None, seed: int) -> _Asked:
    first, second = split(sheet.group, (0.5, 0.5), seed)
    parts, drafting = (first, second), range(len(sheet.tiers) - 1)
    return _Asked(
        measured(outcomes(sheet, signal, parts, target_loss, served), len(drafting)),
        [matched(sheet, name, target_loss) for name in curves(sheet, signal)],
        [rankings(sheet, tier, signal) for tier in drafting],
        [truths(sheet, tier, signal, parts) for tier in drafting],
    )
