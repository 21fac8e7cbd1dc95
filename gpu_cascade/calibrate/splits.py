"""Who sets the thresholds and who judges them: rows parted by group, thresholds worth testing. Pure."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import BadRows
from .arrays import Bools, Floats, Ints

UNTRAINED = (0.1, 0.9)  # set the grid, certify
LEARNED = (0.5, 0.2, 0.3)  # fit, calibrate, certify


def split(groups: npt.NDArray[Any], shares: Sequence[float], seed: int) -> tuple[Ints, ...]:
    """The indices of the rows in each part, in order; shares sum to 1. A group is never in two parts.

    Groups are laid end to end in an order drawn from the seed, and each goes where its middle lies: a part
    misses its share of the rows by no more than one group. The drawn order does not depend on the rows' own
    order. Refused (`BadRows`) where a part would be empty.
    """
    names, where, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    drawn = np.random.default_rng(seed).permutation(len(names))
    ends = np.cumsum(sizes[drawn])
    middles = np.empty(len(names))
    middles[drawn] = (ends - sizes[drawn] / 2) / max(1, len(groups))
    part = np.searchsorted(np.cumsum(shares)[:-1], middles, side="right")[where]
    parts = tuple(np.flatnonzero(part == number) for number in range(len(shares)))
    if any(len(rows) == 0 for rows in parts):
        asked = ", ".join(f"{share * 100:g}" for share in shares)
        raise BadRows(
            f"{len(groups)} rows in {len(names)} groups cannot be parted into {asked} %: "
            "one part would be empty; label more groups (documents, users)"
        )
    return parts


def grid(scores: Floats, count: int = 101) -> Floats:
    """Thresholds to test, strictest first: +inf (keep nothing), then quantiles of the scores, largest first.

    Each is a score that was observed and none comes twice, so ties shorten the grid; the last keeps every
    draft that scored as well as the worst seen. Scores that are not finite are no evidence and set no
    threshold.
    """
    seen = scores[np.isfinite(scores)]
    if not len(seen):
        return np.array([np.inf])
    chosen = np.quantile(seen, np.linspace(0, 1, count), method="lower")
    return np.concatenate([[np.inf], np.unique(chosen)[::-1]])


def kept(scores: Floats, thresholds: Floats) -> Bools:
    """Which drafts each threshold keeps, (n, m): score >= threshold. One that is not finite is never kept."""
    return np.isfinite(scores)[:, np.newaxis] & (scores[:, np.newaxis] >= thresholds)
