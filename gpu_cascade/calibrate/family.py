"""What a cascade would have answered on recorded rows, under a whole family of policies at once. Pure.

A policy is one threshold for each drafting tier; a family is numbered by one parameter, from keep-nothing
outward, so that one walk certifies it however many tiers there are.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .arrays import Bools, Floats, Ints
from .splits import grid

LEVELS = 101


@dataclass(frozen=True, slots=True)
class Table:
    """Rows as columns; D drafting tiers and the last one. NaN in `scores` is never kept.

    scores, p_true, judged_s: (n, D); quality, engine_s: (n, D + 1). `p_true` NaN: not asked, or neither word.
    """

    scores: Floats
    quality: Floats
    engine_s: Floats
    p_true: Floats
    judged_s: Floats
    groups: npt.NDArray[np.str_]

    @property
    def rows(self) -> int:
        """How many."""
        return len(self.scores)

    def take(self, rows: Ints) -> "Table":
        """Some of the rows."""
        return Table(
            self.scores[rows],
            self.quality[rows],
            self.engine_s[rows],
            self.p_true[rows],
            self.judged_s[rows],
            self.groups[rows],
        )


@dataclass(frozen=True, slots=True)
class Family:
    """Policies: thresholds (m, D), the first row +inf; a band below them that P(True) >= `least` saves."""

    thresholds: Floats
    width: float = 0.0
    least: float = 1.0

    def __len__(self) -> int:
        return len(self.thresholds)


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Under each of m policies, per row: who answered (index of the tier), what it scored, what it cost."""

    answered: Ints
    quality: Floats
    engine_s: Floats

    @property
    def kept(self) -> Bools:
        """Where the last tier was not asked, (n, m)."""
        last = int(self.answered.max(initial=0))
        return self.answered < last


def family(scores: Floats) -> Family:
    """Thresholds at the same quantile of every tier's scores; for one tier exactly `splits.grid`."""
    if scores.shape[1] == 1:
        return Family(grid(scores[:, 0], LEVELS)[:, np.newaxis])
    levels = np.linspace(1, 0, LEVELS)
    columns = [_quantiles(scores[:, tier], levels) for tier in range(scores.shape[1])]
    return Family(np.vstack([np.full((1, scores.shape[1]), np.inf), np.column_stack(columns)]))


def _quantiles(scores: Floats, levels: Floats) -> Floats:
    seen = scores[np.isfinite(scores)]
    if not len(seen):
        return np.full(len(levels), np.inf)
    return np.asarray(np.quantile(seen, levels, method="lower"))


def outcomes(table: Table, policies: Family) -> Outcomes:
    """What each policy gives on each row: (n, m) three times."""
    shape = (table.rows, len(policies))
    last = table.scores.shape[1]
    answered = np.full(shape, last)
    spent = np.zeros(shape)
    climbing = np.ones(shape, dtype=bool)
    for tier in range(last):
        keeps, looked = _keeps(table, policies, tier)
        draft_s, judged_s = table.engine_s[:, tier, np.newaxis], table.judged_s[:, tier, np.newaxis]
        spent += climbing * (draft_s + looked * judged_s)
        answered[climbing & keeps] = tier
        climbing &= ~keeps
    spent += climbing * table.engine_s[:, last, np.newaxis]
    quality = np.take_along_axis(table.quality, answered, axis=1)
    return Outcomes(answered, quality, spent)


def _keeps(table: Table, policies: Family, tier: int) -> tuple[Bools, Bools]:
    """Which drafts of a tier stand, and at which the judge has to look, (n, m) each."""
    scores = table.scores[:, tier, np.newaxis]
    thresholds = policies.thresholds[np.newaxis, :, tier]
    known = np.isfinite(scores)
    sure = known & (scores >= thresholds)
    looked = known & ~sure & np.isfinite(thresholds) & (scores >= thresholds - policies.width)
    if policies.width <= 0:
        looked[:] = False
    saved = looked & (table.p_true[:, tier, np.newaxis] >= policies.least)
    return sure | saved, looked


def cheapest(table: Table, policies: Family, target: float) -> int:
    """The policy that costs least among those whose mean loss on these rows is within the target."""
    found = outcomes(table, policies)
    allowed = losses(table, found).mean(axis=0) <= target
    return int(np.argmin(np.where(allowed, found.engine_s.mean(axis=0), np.inf)))


def losses(table: Table, found: Outcomes) -> Floats:
    """What each policy loses against the last tier, in [-1, 1]; below 0 where the draft was better."""
    return table.quality[:, -1, np.newaxis] - found.quality
