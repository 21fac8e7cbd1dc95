"""Confidences as probabilities of being right: a map fitted on one half, measured on the other."""

import numpy as np

from ..calibrate import metrics
from ..calibrate.arrays import Bools, Floats
from ..calibrate.fit import calibrator
from ..cascade.learned import Isotonic, Sigmoid
from .baselines import Halves
from .intervals import Counts, Measure, Statistic, estimate
from .results import Probability


def cross_mapped(sure: Floats, right: Bools, parts: Halves) -> tuple[str | None, Floats]:
    """The map's name, and P(right) of each draft, (n,), by a map that saw only the other half.

    Isotonic or sigmoid, as the learned rule is mapped. NaN where the confidence is NaN, and in a half whose
    other half has too few right or wrong drafts.
    """
    p, names = np.full(len(sure), np.nan), []
    for fit, held in (parts, parts[::-1]):
        made = calibrator(sure[fit], right[fit])
        if made is not None:
            names.append(type(made).__name__.lower())
            p[held] = _at(made, sure[held])
    return " and ".join(dict.fromkeys(names)) or None, p


def _at(made: Isotonic | Sigmoid, values: Floats) -> Floats:
    """`made.at` of many values, NaN staying NaN."""
    if isinstance(made, Isotonic):
        return np.asarray(np.interp(values, made.x, made.y))
    return np.array([made.at(value) if np.isfinite(value) else np.nan for value in values])


def truth(name: str, by: str | None, p: Floats, right: Bools) -> Measure[Probability]:
    """How true a probability is; the bins stay those of the rows as they are."""

    def conclude(samples: Floats) -> Probability:
        ece = estimate(metrics.ece(p, right), samples[0])
        brier = estimate(metrics.brier(p, right), samples[1])
        return Probability(name, by, int((~np.isnan(p)).sum()), ece, brier, metrics.reliability(p, right))

    return Measure(_errors(p, right), conclude)


def _errors(p: Floats, right: Bools) -> Statistic:
    """ECE and Brier score in each resample, (2, B)."""
    known = (~np.isnan(p)).astype(np.float32)
    off = np.nan_to_num(p - right).astype(np.float32)
    by_bin = (metrics.spread(p) * off[:, None]).astype(np.float32)

    def both(counts: Counts) -> Floats:
        rows = np.maximum(known @ counts, 1)
        return np.asarray(np.stack([np.abs(by_bin.T @ counts).sum(axis=0), off**2 @ counts]) / rows)

    return both
