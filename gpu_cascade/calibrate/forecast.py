"""What to do where nothing could be certified: more labels, or a larger loss. Forecasts only. Pure.

Both look again at rows that were already tested, so what they name must be certified on rows of its own.
"""

from bisect import bisect_left
from math import floor

import numpy as np

from .bootstrap import cluster_upper
from .certificate import Kind
from .certify import p_values
from .units import Units

TRIALS = 20
UNLUCKY = 4  # simulated collections that may fail: one in five
GROWTH = 1.25
MOST = 50_000  # groups; more labels than that is no advice


def labels_needed(
    kind: Kind, units: Units, *, target: float, confidence: float, start: int, index: int, seed: int
) -> int | None:
    """Rows in all with which policy `index` would pass four times in five.

    None where its observed loss is no smaller than the target, or 50,000 groups would not do. Larger
    collections are simulated by drawing these groups with replacement, so observed loss and variance stay:
    the answer is as good as they are. It comes from a ladder of sizes, each a quarter larger than the last,
    and is the same for the same seed.
    """
    needed = units.only(start, index + 1)
    if _observed(kind, needed) >= target:
        return None
    count = len(units.sizes)
    while count <= MOST:
        if _enough(kind, needed, count, target, 1 - confidence, seed):
            return round(count * units.rows / len(units.sizes))
        count = int(count * GROWTH) + 1
    return None


def _observed(kind: Kind, units: Units) -> float:
    """The largest loss of these policies, each group counting once."""
    kept = units.kept.mean(axis=0)
    of = np.ones_like(kept) if kind is Kind.PAIRED else np.maximum(kept, 1e-12)
    return float(np.max(units.losses.mean(axis=0) / of))


def _enough(kind: Kind, units: Units, count: int, target: float, delta: float, seed: int) -> bool:
    """Whether enough of the simulated collections of so many groups certify all of these policies."""
    rng = np.random.default_rng(seed)
    failed = 0
    for _ in range(TRIALS):
        order = rng.integers(len(units.sizes), size=count)
        failed += int((p_values(kind, units, order, target, delta) > delta).any())
        if failed > UNLUCKY:
            return False
    return True


def certifiable_loss(
    kind: Kind, units: Units, *, target: float, confidence: float, start: int, index: int, seed: int
) -> float | None:
    """The smallest loss above `target`, in thousandths, at which policy `index` would have been certified.

    None where not even a loss of 0.999 would. The same rows and order as `certify` with this seed.
    """
    needed = units.only(start, index + 1)
    delta = 1 - confidence
    order = np.random.default_rng(seed).permutation(len(units.sizes))
    bound = cluster_upper(needed, kind is not Kind.PAIRED, confidence, seed).max() if units.repeat else -1.0

    def passes(thousandths: int) -> bool:
        loss = thousandths / 1000
        return bool(bound <= loss and (p_values(kind, needed, order, loss, delta) <= delta).all())

    candidates = range(floor(target * 1000 + 1e-9) + 1, 1000)
    found = bisect_left(candidates, True, key=passes)
    return candidates[found] / 1000 if found < len(candidates) else None
