"""Whether asking a larger engine about unsure drafts pays, and in which band. Pure."""

from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from .arrays import Floats
from .family import Family, Table, cheapest, outcomes

FEWEST = 100  # fitting rows with an opinion: below, the best of many bands is luck
DEPTHS = (0.1, 0.25, 0.5, 1.0)  # how much of the drafts' spread of scores lies in the band
LEASTS = (0.5, 0.6, 0.7, 0.8, 0.9)
RESAMPLES = 500


@dataclass(frozen=True, slots=True)
class Look:
    """A band that pays: cheaper at the same loss on the fitting rows, by `saves` of the cost without it."""

    width: float
    least: float
    saves: float


def worth_a_look(table: Table, policies: Family, target: float, seed: int) -> Look | None:
    """The cheapest band on the fitting rows; None where it does not beat judging by tokens alone.

    Each band is compared at its own cheapest policy that keeps the target there. It has to save in 95 % of
    resamples by group: the best of twenty bands always saves something on the rows that it was chosen on.
    """
    asked = np.isfinite(table.p_true).any(axis=1)
    if asked.sum() < FEWEST:
        return None
    seen = table.take(np.flatnonzero(asked))
    plain = _cheapest(seen, policies, target)
    found = [
        (_cheapest(seen, replace(policies, width=width, least=least), target), width, least)
        for width, least in product(_widths(seen), LEASTS)
    ]
    best, width, least = min(found, key=lambda one: float(one[0].mean()))
    saves = 1 - best.mean() / plain.mean()
    if saves <= 0 or not _surely(plain - best, seen, seed):
        return None
    return Look(width, least, float(saves))


def _widths(table: Table) -> list[float]:
    """Distances in the signal's own unit."""
    scores = table.scores[np.isfinite(table.scores)]
    spread = float(np.subtract(*np.quantile(scores, [0.95, 0.05]))) if len(scores) else 0.0
    return [depth * spread for depth in DEPTHS if spread > 0]


def _cheapest(table: Table, policies: Family, target: float) -> Floats:
    """Engine-seconds per row (n,) of the cheapest policy whose mean loss is within the target."""
    return outcomes(table, policies).engine_s[:, cheapest(table, policies, target)]


def _surely(saved_s: Floats, table: Table, seed: int) -> bool:
    """Whether the saving stays above 0 in 95 % of resamples, whole groups drawn together."""
    _, where = np.unique(table.groups, return_inverse=True)
    sums = np.bincount(where, saved_s)
    drawn = np.random.default_rng(seed).integers(len(sums), size=(RESAMPLES, len(sums)))
    return bool(np.quantile(sums[drawn].sum(axis=1), 0.05) > 0)
