"""A threshold on its way up, from keeping every draft to keeping none: what it defers, reaches and costs."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import csr_array

from ..calibrate.arrays import Floats
from ..calibrate.metrics import ordered
from .intervals import Counts
from .sheet import Places, Sheet

# Places on a curve at most, equal confidences always at the same: above so many drafts a step is 0.05 % of
# them, and a thousand resamples of 100,000 rows take half a minute instead of many.
STEPS = 2048
MATCHES = 1e-6  # qualities no further apart than this are the same: resamples are summed in single precision


@dataclass(frozen=True, slots=True, eq=False)
class Stairs:
    """M steps; after j of them the drafts with a confidence of at least `thresholds[j]` stand.

    thresholds (M + 1,): ascending, the last infinite. masses (k M, n): what step j changes for each row, in
    lines k j to k j + k - 1: answered by the last tier (0 or 1), quality, and (k = 3) engine-seconds. start
    (n, k): each row's own where every draft stands; None where only changes matter. first: 1 where some
    drafts may never stand (step 0 defers them), else 0.
    """

    thresholds: Floats
    masses: csr_array
    start: Counts | None
    first: int

    def light(self) -> "Stairs":
        """The same in single precision, for resamples: twice as fast."""
        start = None if self.start is None else self.start.astype(np.float32)
        return replace(self, start=start, masses=self.masses.astype(np.float32))


def ranked(gain: Floats, sure: Floats) -> Stairs:
    """Drafts of one tier, (n,), and what quality gains where each is deferred; without costs, from 0."""
    return _stairs(ordered(sure)[:, None], np.column_stack([np.ones(len(gain)), gain])[:, None, :], None)


def sequential(sheet: Sheet, sure: Floats, asked_s: Floats | None = None) -> Stairs:
    """One threshold for all drafting tiers; who is not sure enough climbs, and every draft is paid for.

    `sure`, `asked_s` (n, K - 1): confidences, and engine-seconds of asking the judge about each draft.
    """
    paid = sheet.paid(asked_s)
    reached = np.zeros_like(sure)
    reached[:, -1] = 1
    changes = np.stack([reached, np.diff(sheet.score, axis=1), paid[:, 1:]], axis=2)
    start = np.column_stack([np.zeros(len(sure)), sheet.score[:, 0], paid[:, 0]])
    # Leaving tier t takes that none of the tiers up to t was sure enough: the surest of them decides.
    return _stairs(np.maximum.accumulate(ordered(sure), axis=1), changes, start)


def routed(sheet: Sheet, router: Floats) -> Stairs:
    """The router sends a question to the first tier or to the last, and only that one is paid for."""
    first, last = (np.column_stack([sheet.score[:, tier], sheet.seconds[:, tier]]) for tier in (0, -1))
    changes = np.column_stack([np.ones(len(router)), last - first])[:, None, :]
    return _stairs(ordered(router)[:, None], changes, np.column_stack([np.zeros(len(router)), first]))


def levels(sure: Floats, fit: Places) -> Floats:
    """Confidences (n, K - 1) that one threshold can be put to.

    Those of one drafting tier as they are. Of several, each by the share of its own tier's drafts among
    `fit` that are no surer, as `calibrate` sets thresholds: numbers of two models do not compare.
    """
    if sure.shape[1] == 1:
        return sure
    return np.stack([_level(column, column[fit]) for column in sure.T], axis=1)


def _level(values: Floats, among: Floats) -> Floats:
    among = np.sort(among[~np.isnan(among)])
    share = np.searchsorted(among, values, side="right") / max(len(among), 1)
    return np.where(np.isnan(values), np.nan, share)


def _stairs(at: Floats, changes: Floats, start: Floats | None) -> Stairs:
    """From where each change happens, `at` (n, E), and what changes there, (n, E, k)."""
    n, events, kinds = changes.shape
    order = np.argsort(at, axis=None, kind="stable")
    at = at.ravel()[order]
    begins = _begins(at)
    sizes = np.diff([*begins, len(at)])
    # A step's lines beside each other: the weights of its rows are fetched once.
    first_of_step, size = (np.repeat(values, sizes)[:, None] for values in (begins, sizes))
    kind = np.arange(kinds)
    place = (kinds - 1) * first_of_step + kind * size + np.arange(len(at))[:, None]
    data, rows = np.empty(kinds * len(at)), np.empty(kinds * len(at), np.intp)
    data[place] = changes.reshape(-1, kinds)[order]
    rows[place] = (order // events)[:, None]
    pointers = np.concatenate([[0], np.cumsum(np.repeat(sizes, kinds))])
    masses = csr_array((data, rows, pointers), shape=(kinds * len(sizes), n))
    return Stairs(np.append(at[begins], np.inf), masses, start, int(at[0] == -np.inf))


def _begins(at: Floats) -> Places:
    """Where the steps begin among ascending places: equal ones together, at most STEPS, -inf alone."""
    ties = np.flatnonzero(np.append(True, at[1:] != at[:-1]))
    share = ties * STEPS // len(at)
    new = np.diff(share, prepend=-1) > 0
    if at[0] == -np.inf and len(ties) > 1:
        new[1] = True
    return ties[new]


def walk(stairs: Stairs, weights: Counts) -> Floats:
    """Means after each step, (k, M + 1, B): answered by the last tier, quality, engine-seconds.

    `weights` (n, B): how often each row counts, in B resamples.
    """
    lines, resamples = stairs.masses.shape[0], weights.shape[1]
    kinds = lines // (len(stairs.thresholds) - 1)
    sums = np.zeros((len(stairs.thresholds), kinds, resamples))
    if stairs.start is not None:
        sums[0] = stairs.start.T @ weights
    sums[1:] = (stairs.masses @ weights).reshape(-1, kinds, resamples)
    np.cumsum(sums, axis=0, out=sums)
    return np.asarray(sums.transpose(1, 0, 2) / sums[-1, 0])  # in the end the last tier answers everything


def area(path: Floats) -> Floats:
    """AUC-DF of each resample, (B,): quality over the share deferred. For two tiers."""
    return np.asarray(np.trapezoid(path[1], path[0], axis=0))


def cheapest(path: Floats, first: int, target: Floats) -> Places:
    """The step (B,) with the least engine-seconds among those whose quality reaches `target` (B,).

    Where seconds are not defined, the one that asks the last tier least. Of equals the lowest threshold.
    The last step always counts: nobody can do more than escalate everything.
    """
    reached, quality, seconds = path
    cost = np.where(np.isnan(seconds), reached, seconds)
    feasible = quality >= target - MATCHES
    feasible[:first] = False
    feasible[-1] = True
    return np.asarray(np.argmin(np.where(feasible, cost, np.inf), axis=0))


def envelope(cost: Floats, quality: Floats) -> list[tuple[float, float]]:
    """The upper concave envelope of points, from the cheapest to the best; [] without costs.

    What mixing two policies at random can reach.
    """
    hull: list[tuple[float, float]] = []
    for x, y in sorted((float(x), float(y)) for x, y in zip(cost, quality, strict=True) if np.isfinite(x)):
        if hull and y <= hull[-1][1]:
            continue
        while hull and (hull[-1][0] == x or (len(hull) > 1 and _below(hull[-2], hull[-1], (x, y)))):
            hull.pop()
        hull.append((x, y))
    return hull


def _below(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> bool:
    """Whether b lies on or below the line from a to c."""
    return (b[1] - a[1]) * (c[0] - a[0]) <= (c[1] - a[1]) * (b[0] - a[0])
