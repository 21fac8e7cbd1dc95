"""Evidence that a policy loses at most so much: p-values, each with what it assumes. Pure.

A small p-value speaks against "this policy loses more than the target". A policy is a way to use the cascade:
one threshold on a confidence, or any setting of several, numbered by one parameter.
"""

import math

import numpy as np
from scipy.stats import binom

from ..errors import BadRows
from .arrays import Floats, Ints

CAP = 0.75  # at most this share of the wealth is at stake in one bet, so a single row never ruins it
BLOCK = 1 << 17  # numbers worked on at a time: a megabyte an array, eight of them at once
FEWEST_KEPT = 30  # below it an error rate among kept drafts says little, whatever the target


def wsr_p(losses: Floats, target: float, delta: float) -> float:
    """The p-value of "the mean loss is above `target`"; losses Z (n,) in [-1, 1], target in (-1, 1).

    `betting_p` of X = (Z + 1) / 2 against (target + 1) / 2. No rows: 1.0, nothing is known. Losses that are
    not finite or outside [-1, 1] are refused (`BadRows`).
    """
    return float(betting_p((checked(losses[:, np.newaxis], -1.0) + 1) / 2, (target + 1) / 2, delta)[0])


def betting_p(values: Floats, mean: float, delta: float) -> Floats:
    """The p-values (m,) of "the mean is above `mean`", one per column; values (n, m) in [0, 1], mean inside.

    A gambler bets on low values: wealth_t = prod_{i<=t} (1 - lam_i (X_i - mean)) is a supermartingale
    wherever the mean is `mean` or more, so p = 1 / max_t wealth_t is valid in finite samples (Ville). The
    stakes use the past only: lam_t = min(sqrt(2 ln(1/delta) / (n v_{t-1})), CAP / (1 - mean)), v_{t-1} the
    running variance, v_0 = 1/4. Waudby-Smith & Ramdas 2024, "Estimating means of bounded random variables by
    betting" (one side, fixed n); as an upper bound in Bates et al. 2021, "Distribution-free, risk-controlling
    prediction sets".

    Assumes rows that are independent draws of one population, in an order that does not look at them: the
    caller shuffles with a stored seed. `delta` is where the stakes are best; the p-value is valid at every
    level. It never rises with `mean`.
    """
    if not 0 < mean < 1:
        raise ValueError(f"a mean to test must lie inside the range of the values, not at {mean:g} of [0, 1]")
    n, m = values.shape
    if not n or not m:
        return np.ones(m)
    step = max(1, BLOCK // n)
    return np.concatenate([_betting_p(values[:, at : at + step], mean, delta) for at in range(0, m, step)])


def _betting_p(x: Floats, mean: float, delta: float) -> Floats:
    n = len(x)
    seen = np.arange(2, n + 2)[:, np.newaxis]  # t + 1: half a row of prior weight in mean and variance
    running = (0.5 + np.cumsum(x, axis=0)) / seen
    variance = (0.25 + np.cumsum((x - running) ** 2, axis=0)) / seen
    before = np.vstack([np.full((1, x.shape[1]), 0.25), variance[:-1]])
    stake = np.minimum(np.sqrt(2 * math.log(1 / delta) / (n * before)), CAP / (1 - mean))
    wealth = np.cumsum(np.log1p(-stake * (x - mean)), axis=0)
    return np.asarray(np.exp(-np.maximum(wealth.max(axis=0), 0.0)))


def binomial_p(wrong: Ints, kept: Ints, target: float) -> Floats:
    """The p-values of "more than `target` of what is kept is wrong": P(Bin(kept, target) <= wrong), exact.

    `wrong` and `kept` (m,) count rows, wrong <= kept; nothing kept is 1.0. Assumes independent rows.
    Clopper & Pearson 1934, read as a test.
    """
    return np.asarray(np.where(kept > 0, binom.cdf(wrong, np.maximum(kept, 1), target), 1.0))


def fixed_sequence(p_values: Floats, delta: float) -> int | None:
    """The last policy accepted, walking from the safest outward until the first p above delta; None: none is.

    Every step is tested at full delta, and still the chance that any accepted policy loses more than its
    target is at most delta: a false one is accepted only after the first false one was, and that is one test.
    This needs an order fixed without these rows; it does not need policies that are nested or losses that
    rise. A NaN is a failure. Angelopoulos et al. 2021, "Learn then Test", fixed sequence testing.
    """
    failed = np.flatnonzero(~(p_values <= delta))
    accepted = int(failed[0]) if len(failed) else len(p_values)
    return accepted - 1 if accepted else None


def fewest_kept(target: float, delta: float) -> int:
    """Kept rows below which an error rate up to a cannot be shown even if none is wrong: ln d / ln(1 - a)."""
    return math.ceil(math.log(delta) / math.log1p(-target))


def fewest_rows(target: float, delta: float) -> int:
    """Rows below which `wsr_p` stays above delta even if none loses anything; target in (0, 1)."""
    n = 1
    while wsr_p(np.zeros(n), target, delta) > delta:
        n *= 2
    low = n // 2
    while n - low > 1:
        middle = (low + n) // 2
        low, n = (low, middle) if wsr_p(np.zeros(middle), target, delta) <= delta else (middle, n)
    return n


def checked(losses: Floats, low: float) -> Floats:
    """The losses, or `BadRows` where one is not finite or outside [low, 1]: no evidence is no zero loss."""
    bad = int(np.sum(~((losses >= low) & (losses <= 1))))
    if bad:
        raise BadRows(
            f"{bad} of {losses.size:,} losses are missing, not finite or outside [{low:g}, 1]; "
            "score every row of every tier in [0, 1], or leave the row out"
        )
    return losses
