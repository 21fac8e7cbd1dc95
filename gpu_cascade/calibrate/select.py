"""Which number decides: the simplest that sorts drafts about as well as the best, on rows it did not see.

Gradient boosting is no candidate. It asks for 5,000 rows to be worth a try, and what it fits are hundreds of
trees: no plain numbers that the live path could hold and a reader could check.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .arrays import Floats, Labels
from .fit import FEWEST, crossed, folds, worth
from .metrics import nauc_df

DEFAULT, LEARNED, P_TRUE = "logprob_quantile", "learned", "p_true"


class Entry(NamedTuple):
    """One candidate: nAUC-DF over the folds, its mean and the standard error of that; None: it has none."""

    name: str
    mean: float | None
    error: float | None
    chosen: bool


@dataclass(frozen=True, slots=True)
class Selection:
    """All candidates, simplest first, and which of them decides."""

    table: tuple[Entry, ...]

    @property
    def chosen(self) -> str:
        """Its name."""
        return next(entry.name for entry in self.table if entry.chosen)


def select(
    signals: Mapping[str, Floats],
    features: Floats | None,
    small: Floats,
    large: Floats,
    groups: Labels,
    seed: int,
    p_true: Floats | None = None,
) -> Selection | None:
    """The choice among untrained `signals`, a rule learned from `features`, and `p_true` where rows carry it.

    Each is measured by nAUC-DF on each of five parts of the rows, whole groups together; the learned rule is
    fitted to the other four. Of all whose mean lies within one standard error of the best mean, the simplest
    is chosen (Breiman et al. 1984, the one-standard-error rule): first the default, then any other signal,
    then the learned rule, last what costs another call; among equals the better.

    None where nothing can be told: fewer than 30 rows, one group, or draft and last tier differ on fewer than
    two parts. A candidate without a number in some part (NaN throughout, or not to be fitted) has no mean.
    """
    parts = folds(groups, seed) if len(small) >= FEWEST else []
    told = [rest for _, rest in parts if _differ(small[rest], large[rest])]
    if len(told) < 2:
        return None
    candidates = dict(signals)
    if features is not None:
        candidates[LEARNED] = crossed(features, worth(small, large), parts)
    if p_true is not None:
        candidates[P_TRUE] = p_true
    return _chosen(
        {
            name: _summary([nauc_df(small[rest], large[rest], values[rest]) for rest in told])
            for name, values in candidates.items()
        }
    )


def _simplicity(name: str) -> int:
    """The place of a candidate in the order of simplicity, 0 the simplest."""
    return {DEFAULT: 0, LEARNED: 2, P_TRUE: 3}.get(name, 1)


def _differ(small: Floats, large: Floats) -> bool:
    """Whether a perfect confidence would beat a coin here."""
    return nauc_df(small, large, small - large) is not None


def _summary(found: list[float | None]) -> tuple[float, float] | None:
    """Mean and standard error over the parts; None where one is missing."""
    values = [value for value in found if value is not None]
    if len(values) < len(found):
        return None
    return float(np.mean(values)), float(np.std(values, ddof=1) / np.sqrt(len(values)))


def _chosen(summaries: Mapping[str, tuple[float, float] | None]) -> Selection | None:
    """The one-standard-error rule; None where no candidate has a mean."""
    known = {name: summary for name, summary in summaries.items() if summary is not None}
    if not known:
        return None
    best, spread = max(known.values())
    near = [name for name, (mean, _) in known.items() if mean >= best - spread]
    choice = min(near, key=lambda name: (_simplicity(name), -known[name][0]))
    table = []
    for name in sorted(summaries, key=_simplicity):
        mean, error = summaries[name] or (None, None)
        table.append(Entry(name, mean, error, name == choice))
    return Selection(tuple(table))
