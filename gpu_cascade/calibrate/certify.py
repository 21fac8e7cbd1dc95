"""Which policy can be promised: a fixed sequence of tests over labelled rows nobody fitted anything on. Pure.

Policies are the columns of a matrix, the safest first. For one threshold that is `splits.grid`, from
keep-nothing outward; a chain of tiers or keep/verify/regenerate is numbered the same way by one parameter.
Nothing else about a policy matters: neither nested keep-sets nor losses that rise are needed, only an order
that was fixed without these rows.
"""

import numpy as np

from ..errors import BadRows
from .arrays import Floats, Ints
from .bootstrap import cluster_upper
from .certificate import Certificate, Kind
from .pvalues import (
    FEWEST_KEPT,
    betting_p,
    binomial_p,
    fewest_kept,
    fixed_sequence,
)
from .units import Units

# Keep-nothing loses exactly nothing against always-large, so it needs no test. The strictest thresholds keep
# little, so nearly every row loses 0 and p is small there: they do not end the walk early, as they would for
# an error rate among the few they keep.
PAIRED_START = 1


def first_testable(kept_share: Floats, rows: int, target: float, delta: float) -> int | None:
    """Where the walk over error rates starts: the first policy expected to keep enough; None where none does.

    `kept_share` (m,) comes from the rows that set the grid, never from those that certify: a start chosen on
    the counts under test would be one more look at them. Enough is twice max(30, ln d / ln(1 - a)) of `rows`:
    at the bare minimum one wrong row ends the walk (at twice it does not), and chance takes some rows away.
    `rows` counts groups where they repeat.
    """
    enough = np.flatnonzero(kept_share * rows >= 2 * max(FEWEST_KEPT, fewest_kept(target, delta)))
    return int(enough[0]) if len(enough) else None


def p_values(kind: Kind, units: Units, order: Ints, target: float, delta: float) -> Floats:
    """The p-value (m,) of each policy on the units in this order (indices; a forecast may repeat them).

    Where rows stand alone: `betting_p` on the paired losses, the exact binomial on kept errors; both hold in
    finite samples for independent rows. Where groups have several rows: `betting_p` on the groups' means,
    which holds in finite samples for independent groups whatever the dependence inside them. Each group then
    counts once, so it speaks of rows only as far as large groups lose what small ones do; `cluster_upper` is
    asked beside it. For errors among kept, a group's value is the mean of kept * (wrong - target): above 0 on
    average exactly where the error rate is above the target.
    """
    losses = units.losses[order]
    if kind is Kind.PAIRED:
        return betting_p((losses + 1) / 2, (target + 1) / 2, delta)
    kept = units.kept[order]
    if units.repeat:
        return betting_p(losses - target * kept + target, target, delta)
    return binomial_p(_count(losses), _count(kept), target)


def _count(values: Floats) -> Ints:
    between = int(np.sum(~np.isin(values, (0.0, 1.0))))
    if between:
        raise BadRows(f"a kept answer counts as wrong (1) or right (0); {between:,} losses lie in between")
    return np.asarray(values.sum(axis=0), dtype=np.int64)


def certify(
    kind: Kind, units: Units, *, target: float, confidence: float, start: int | None, seed: int
) -> Certificate:
    """The last policy that passes every test up to it, from `start` on; `start` None: too few rows for any.

    `units.losses` are, per row, `paired`: score of the last tier minus score of what the policy answers, in
    [-1, 1]; otherwise: kept and wrong (or unlike the last tier's answer), 0 or 1. `seed` is stored: it orders
    the units for the bets and draws the bootstrap. A policy passes where its p is at most 1 - confidence and,
    where groups repeat, its bootstrap bound is within the target too: the more careful of both decides.
    """
    delta = 1 - confidence
    if start is None or start >= units.losses.shape[1]:
        return _certificate(kind, units, target, confidence, None, 1.0, None)
    tested = units.only(start, units.losses.shape[1])
    order = np.random.default_rng(seed).permutation(len(units.sizes))
    p = p_values(kind, tested, order, target, delta)
    last = fixed_sequence(p, delta)
    if not units.repeat:
        return _certificate(kind, units, target, confidence, _from(start, last), float(p[last or 0]), None)
    upper = cluster_upper(tested.only(0, (last or 0) + 1), kind is not Kind.PAIRED, confidence, seed)
    both = fixed_sequence(np.where(upper <= target, p[: len(upper)], 1.0), delta)
    at = both or 0
    return _certificate(kind, units, target, confidence, _from(start, both), float(p[at]), float(upper[at]))


def _from(start: int, steps: int | None) -> int | None:
    return None if steps is None else start + steps


def _certificate(
    kind: Kind,
    units: Units,
    target: float,
    confidence: float,
    index: int | None,
    p_value: float,
    upper: float | None,
) -> Certificate:
    """The certificate with what was observed of its policy; without one, nothing is kept and nothing lost."""
    lost, kept = 0.0, 0.0
    if index is not None:
        lost, kept = (float(column[:, index] @ units.sizes) for column in (units.losses, units.kept))
    of = units.rows if kind is Kind.PAIRED else kept
    return Certificate(
        kind=kind,
        target_loss=target,
        confidence=confidence,
        rows=units.rows,
        groups=len(units.sizes),
        index=index,
        p_value=p_value,
        observed_loss=lost / of if of else 0.0,
        kept=round(kept),
        escalation=1 - kept / units.rows if units.rows else 1.0,
        cluster_upper=upper,
    )
