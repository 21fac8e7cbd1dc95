"""From a disagreement rate that calibration saw to the one that it vouches for. Pure."""

import math

LEVEL = 0.05  # the chance that sound kept answers disagree more often than this tolerates
STEPS = 50  # of the bisection: far finer than any rate is known


def tolerated(disagreement: float, rows: int) -> float:
    """The rate that `rows` kept rows with that share of disagreements are below, with 95 % confidence.

    The u at which P(Binomial(rows, u) <= disagreements) = 0.05: Clopper & Pearson 1934, "The use of
    confidence or fiducial limits illustrated in the case of the binomial", one-sided. 1 without rows: nothing
    is known. Rows that are not independent (one document asked about often) show less than this says.
    """
    disagreements = round(disagreement * rows)
    low, high = disagreement, 1.0
    for _ in range(STEPS if disagreements < rows else 0):
        middle = (low + high) / 2
        low, high = (middle, high) if _at_most(disagreements, rows, middle) > LEVEL else (low, middle)
    return high


def _at_most(k: int, n: int, p: float) -> float:
    """P(Binomial(n, p) <= k), 0 < p < 1."""
    whole, hit, miss = math.lgamma(n + 1), math.log(p), math.log1p(-p)
    return math.fsum(
        math.exp(whole - math.lgamma(i + 1) - math.lgamma(n - i + 1) + i * hit + (n - i) * miss)
        for i in range(k + 1)
    )
