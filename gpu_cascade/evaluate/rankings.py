"""Which score sorts the drafts of one tier best, against the answers of the last."""

import numpy as np

from ..calibrate import metrics
from ..calibrate.arrays import Floats
from ..calibrate.scorers import RIGHT
from .curves import area, ranked, walk
from .intervals import Counts, Measure, Statistic, estimate
from .results import Estimate, Ranking
from .sheet import ROUTER, Sheet

SAME = 1e-5  # in single precision two areas that are the same differ by rounding
SHARES = np.linspace(0, 1, 21)  # deferred, where curves are drawn


def columns(sheet: Sheet, tier: int) -> dict[str, Floats]:
    """Every score of a tier's drafts, (n,) each; for the first tier the router's too."""
    found = {name: values[:, tier] for name, values in sheet.sure.items()}
    if sheet.router is not None and tier == 0:
        found[ROUTER] = sheet.router
    return found


def rankings(sheet: Sheet, tier: int, signal: str) -> Measure[tuple[Ranking, ...]]:
    """Every score of a tier, the best first, each against `signal` in the same resamples."""
    scores = columns(sheet, tier)
    small, large = sheet.score[:, tier], sheet.score[:, -1]
    naucs = {name: metrics.nauc_df(small, large, sure) for name, sure in scores.items()}

    def conclude(samples: Floats) -> tuple[Ranking, ...]:
        drawn = dict(zip(scores, samples, strict=True))
        found = []
        for name, sure in scores.items():
            lead = estimate(_less(naucs[name], naucs[signal]), drawn[name] - drawn[signal])
            found.append(_ranking(small, large, name, sure, estimate(naucs[name], drawn[name]), lead))
        return tuple(sorted(found, key=_best_first))

    return Measure(_sorting(large - small, list(scores.values())), conclude)


def _best_first(one: Ranking) -> tuple[bool, float]:
    return one.nauc_df.value is None, -(one.nauc_df.value or 0.0)


def _less(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one - other


def _sorting(gain: Floats, scores: list[Floats]) -> Statistic:
    """The nAUC-DF of every score, (scores, B); NaN for a silent one, or where oracle and random agree."""
    oracle = ranked(gain, -gain).light()
    stairs = {at: ranked(gain, sure).light() for at, sure in enumerate(scores) if not np.isnan(sure).all()}

    def nauc(counts: Counts) -> Floats:
        best = walk(oracle, counts)
        random = best[1, -1] / 2
        room = area(best) - random
        room[room < SAME] = np.nan
        found = np.full((len(scores), counts.shape[1]), np.nan)
        for at, one in stairs.items():
            found[at] = (area(walk(one, counts)) - random) / room
        return found

    return nauc


def _ranking(
    small: Floats, large: Floats, name: str, sure: Floats, nauc: Estimate, lead: Estimate
) -> Ranking:
    wrong, benefit, silent = small < RIGHT, large > small, float(np.isnan(sure).mean())
    return Ranking(
        name=name,
        silent=silent,
        auc_df=metrics.auc_df(small, large, sure) if silent < 1 else None,
        nauc_df=nauc,
        lead=lead,
        error_auroc=metrics.auroc(wrong, sure),
        error_auprc=metrics.auprc(wrong, sure),
        benefit_auroc=metrics.auroc(benefit, sure),
        benefit_auprc=metrics.auprc(benefit, sure),
        prr=metrics.prr(small, sure),
        curve=curve(small, large, sure),
    )


def curve(small: Floats, large: Floats, sure: Floats) -> tuple[float, ...]:
    """Quality at each of `SHARES` deferred, the least sure first."""
    deferred, gained = walk(ranked(large - small, sure), np.ones((len(small), 1)))[:, :, 0]
    return tuple((small.mean() + np.interp(SHARES, deferred, gained)).tolist())
