"""Ways to answer, each as what it does with every row. What needs a threshold gets it from the other half."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sklearn.isotonic import IsotonicRegression

from ..calibrate.arrays import Bools, Floats
from ..calibrate.family import Outcomes
from .curves import Stairs, cheapest, routed, sequential, walk
from .sheet import Places, Sheet

Halves = tuple[Places, Places]  # no group in both
Sure = Callable[[Places], Floats]
UCCI_SIGNAL = "margin_mean"
UCCI_GRID = np.append(-np.linspace(1, 0, 201), np.inf)  # keep iff the error is at most 1, .995, .., 0; never


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What a policy does: (n, 3) answered by the last tier, quality, engine-seconds.

    `thresholds`: what each half was measured with, chosen on the other; () for a policy that has none.
    """

    name: str
    rows: Floats
    thresholds: tuple[float, ...] = ()


def always(sheet: Sheet, tier: int) -> Outcome:
    """One tier answers everything."""
    last = np.full(len(sheet.score), float(tier == len(sheet.tiers) - 1))
    rows = np.column_stack([last, sheet.score[:, tier], sheet.seconds[:, tier]])
    return Outcome(f"always_{sheet.tiers[tier]}", rows)


def oracle(sheet: Sheet) -> Outcome:
    """The first tier that does as well as any, reached by climbing: no cascade can do better."""
    best = np.argmax(sheet.score == sheet.score.max(axis=1, keepdims=True), axis=1)
    return Outcome("oracle", climbed(sheet, best))


def random(sheet: Sheet, parts: Halves, target_loss: float) -> Outcome:
    """A coin before drafting; only the tier it names is paid for. Its threshold is its share of large."""
    first, last = _ends(sheet)

    def rule(fit: Places) -> tuple[Floats, float]:
        low, high = sheet.score[fit, 0].mean(), sheet.score[fit, -1].mean()
        share = float(np.clip((high - target_loss - low) / (high - low), 0, 1)) if high > low else 0.0
        return (1 - share) * first + share * last, share

    return _crossed("random", parts, rule)


def router(sheet: Sheet, values: Floats, parts: Halves, target_loss: float) -> Outcome:
    """First or last tier by a score known before drafting, at its cheapest feasible threshold."""
    first, last = _ends(sheet)

    def rule(fit: Places) -> tuple[Floats, float]:
        half = sheet.take(fit)
        theta = _cheapest(routed(half, values[fit]), half, target_loss)
        return np.where((values >= theta)[:, None], first, last), theta

    return _crossed("router", parts, rule)


def naive(
    sheet: Sheet,
    name: str,
    sure: Sure,
    parts: Halves,
    target_loss: float,
    *,
    asked_s: Floats | None = None,
    grid: Floats | None = None,
) -> Outcome:
    """The cheapest threshold that reaches the target on one half, used on the other.

    `sure` gives all confidences (n, K - 1), and may learn from the half it is handed. `grid`: the only
    thresholds allowed.
    """

    def rule(fit: Places) -> tuple[Floats, float]:
        values = sure(fit)
        asked = None if asked_s is None else asked_s[fit]
        half = sheet.take(fit)
        theta = _cheapest(sequential(half, values[fit], asked), half, target_loss, grid)
        return kept_from(sheet, values, theta, asked_s), theta

    return _crossed(name, parts, rule)


def ucci(sheet: Sheet, parts: Halves, target_loss: float) -> Outcome:
    """UCCI's rule: mean top-2 margin, isotonic to an error, kept up to the cheapest error that is feasible.

    Isotonic and threshold both come from the other half; costs are sequential. arXiv 2605.18796.
    """
    margin = sheet.sure[UCCI_SIGNAL]

    def minus_error(fit: Places) -> Floats:
        tiers = range(margin.shape[1])
        return np.column_stack([_minus_error(margin[:, tier], ~sheet.right(tier), fit) for tier in tiers])

    return naive(sheet, "ucci", minus_error, parts, target_loss, grid=UCCI_GRID)


def served(sheet: Sheet, found: Outcomes) -> Outcome:
    """What a policy that was settled on other rows gives on these, the first of `found`."""
    seconds = np.where(np.isnan(sheet.seconds[:, -1]), np.nan, found.engine_s[:, 0])
    last = found.answered[:, 0] == len(sheet.tiers) - 1
    return Outcome("served", np.column_stack([last, found.quality[:, 0], seconds]))


def kept_from(sheet: Sheet, sure: Floats, theta: float, asked_s: Floats | None = None) -> Floats:
    """(n, 3) of the cascade that keeps the first draft at least as sure as `theta`; never one that is NaN."""
    stands = sure >= theta
    tier = np.where(stands.any(axis=1), stands.argmax(axis=1), sure.shape[1])
    return climbed(sheet, tier, asked_s)


def climbed(sheet: Sheet, tier: Places, asked_s: Floats | None = None) -> Floats:
    """(n, 3) where `tier` (n,) answers after all below it have drafted, the judge asked about each draft."""
    paid = sheet.paid(asked_s)
    row = np.arange(len(tier))
    spent = np.cumsum(paid, axis=1)[row, tier]
    return np.column_stack([tier == len(sheet.tiers) - 1, sheet.score[row, tier], spent])


def _ends(sheet: Sheet) -> tuple[Floats, Floats]:
    return always(sheet, 0).rows, always(sheet, len(sheet.tiers) - 1).rows


def _crossed(name: str, parts: Halves, rule: Callable[[Places], tuple[Floats, float]]) -> Outcome:
    """Each half measured with the rule that the other made."""
    (on_second, first_made), (on_first, second_made) = rule(parts[0]), rule(parts[1])
    rows = on_first.copy()
    rows[parts[1]] = on_second[parts[1]]
    return Outcome(name, rows, (second_made, first_made))


def _cheapest(steps: Stairs, half: Sheet, target_loss: float, grid: Floats | None = None) -> float:
    """The cheapest threshold whose quality reaches the target; infinite where only escalating all does."""
    path = walk(steps, np.ones((len(half.score), 1)))
    target = np.array([half.score[:, -1].mean() - target_loss])
    if grid is None:
        return float(steps.thresholds[cheapest(path, steps.first, target)[0]])
    places = np.searchsorted(steps.thresholds[:-1], grid)
    return float(grid[cheapest(path[:, places], 0, target)[0]])


def _minus_error(margin: Floats, wrong: Bools, fit: Places) -> Floats:
    """Minus the error that the isotonic of the half `fit` expects of each draft; NaN without a margin."""
    values = np.full(len(margin), np.nan)
    seen, known = fit[np.isfinite(margin[fit])], np.isfinite(margin)
    if len(seen):
        error = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip", increasing=False)
        values[known] = -error.fit(margin[seen], wrong[seen]).predict(margin[known])
    return values
