"""The drafts of one tier against the answers of the last: how well they are sorted, how truly they speak."""

import numpy as np

from ..calibrate import metrics
from ..calibrate.select import LEARNED, P_TRUE
from .baselines import Halves
from .intervals import Measure
from .probabilities import cross_mapped, truth
from .rankings import columns, curve
from .results import Pair, Probability, Ranking
from .sheet import Sheet


def truths(sheet: Sheet, tier: int, signal: str, parts: Halves) -> list[Measure[Probability]]:
    """The chosen signal, the judge and the learned rule, mapped on the other half.

    What the judge says is a probability of being right as it is too; what a rule learned is not.
    """
    scores, right = columns(sheet, tier), sheet.right(tier)
    found = []
    for name in dict.fromkeys((signal, P_TRUE, LEARNED)):
        if name not in scores:
            continue
        if name == P_TRUE:
            found.append(truth(name, None, scores[name], right))
        found.append(truth(name, *cross_mapped(scores[name], right, parts), right))
    return found


def pair(
    sheet: Sheet, tier: int, rankings: tuple[Ranking, ...], probabilities: tuple[Probability, ...]
) -> Pair:
    """Everything about one drafting tier."""
    small, large = sheet.score[:, tier], sheet.score[:, -1]
    return Pair(
        draft=sheet.tiers[tier],
        last=sheet.tiers[-1],
        draft_quality=float(small.mean()),
        last_quality=float(large.mean()),
        wrong=float((~sheet.right(tier)).mean()),
        benefit=float((large > small).mean()),
        random_auc_df=metrics.random_auc_df(small, large),
        oracle_auc_df=metrics.oracle_auc_df(small, large),
        oracle_curve=curve(small, large, small - large),
        break_even=_break_even(sheet, tier, judged=False),
        break_even_judged=_break_even(sheet, tier, judged=True) if P_TRUE in sheet.sure else None,
        rankings=rankings,
        probabilities=probabilities,
    )


def _break_even(sheet: Sheet, tier: int, *, judged: bool) -> float | None:
    """r* = 1 - c_s / c_l - v c_ver / c_l: at this escalation drafting first costs what the last tier does.

    Below 0 drafting costs more than it can save. None without engine-seconds.
    """
    asked = sheet.asked_s[:, tier].mean() if judged else 0.0
    value = float(1 - (sheet.seconds[:, tier].mean() + asked) / sheet.seconds[:, -1].mean())
    return value if np.isfinite(value) else None
