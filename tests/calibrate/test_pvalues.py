"""P-values against their formulas, the exact binomial, another library, and a thousand repetitions."""

import math
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mapie.risk_control import BinaryClassificationController, BinaryRisk, control_fwer

from gpu_cascade.calibrate import pvalues
from gpu_cascade.calibrate.pvalues import (
    betting_p,
    binomial_p,
    fewest_kept,
    fewest_rows,
    fixed_sequence,
    wsr_p,
)
from gpu_cascade.errors import BadRows

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts" / "long"))
from calibrations import boundary, kept_boundary

DELTA = 0.1
examples = settings(max_examples=50)
losses = st.lists(st.floats(-1, 1, allow_subnormal=False), min_size=1, max_size=60).map(np.array)
targets = st.floats(0.001, 0.9)


def by_the_book(z, target, delta):
    """The formula, a row at a time."""
    n, m0, logs, best = len(z), (target + 1) / 2, 0.0, 0.0
    total, squares, variance = 0.5, 0.25, 0.25
    for t, x in enumerate(((value + 1) / 2 for value in z), 1):
        stake = min(math.sqrt(2 * math.log(1 / delta) / (n * variance)), 0.75 / (1 - m0))
        logs += math.log1p(-stake * (x - m0))
        best = max(best, logs)
        total += x
        squares += (x - total / (t + 1)) ** 2
        variance = squares / (t + 1)
    return math.exp(-best)


@examples
@given(losses, targets, st.floats(0.01, 0.5))
def test_the_bets_follow_the_formula(z, target, delta):
    """Vectorised over rows and columns, it is the published recursion."""
    assert by_the_book(z, target, delta) == pytest.approx(wsr_p(z, target, delta), rel=1e-9)


@examples
@given(losses, targets, targets)
def test_a_larger_target_is_easier(z, one, other):
    """p lies in [0, 1] and never rises with the target."""
    low, high = sorted((one, other))

    assert 0 <= wsr_p(z, high, DELTA) <= wsr_p(z, low, DELTA) + 1e-12 <= 1 + 1e-12


@examples
@given(losses, targets, st.integers(1, 5))
def test_columns_are_tested_apart(z, target, copies):
    """A policy's p depends on its own column alone, however many stand beside it."""
    alone = wsr_p(z, target, DELTA)
    table = np.tile((z[:, np.newaxis] + 1) / 2, copies)

    assert [alone] * copies == betting_p(table, (target + 1) / 2, DELTA).tolist()


def test_blocks_of_columns_change_nothing(monkeypatch):
    """Many rows are worked on in blocks of columns."""
    table = np.random.default_rng(0).random((50, 7))
    whole = betting_p(table, 0.6, DELTA)

    monkeypatch.setattr(pvalues, "BLOCK", 100)

    assert whole.tolist() == betting_p(table, 0.6, DELTA).tolist()


def test_nothing_seen_is_nothing_known():
    """No rows: p is 1, whatever the target; no policies: no p."""
    assert 1.0 == wsr_p(np.array([]), 0.5, DELTA)
    assert [1.0, 1.0] == betting_p(np.empty((0, 2)), 0.5, DELTA).tolist()
    assert [] == betting_p(np.empty((3, 0)), 0.5, DELTA).tolist()


@pytest.mark.parametrize("bad", [math.nan, math.inf, -1.01, 1.01])
def test_a_loss_that_is_none_is_refused(bad):
    """NaN never counts as no loss; the message says how many there are and what to do."""
    with pytest.raises(BadRows, match=r"^1 of 2 losses are missing, not finite or outside \[-1, 1\]; score"):
        wsr_p(np.array([0.0, bad]), 0.02, DELTA)


@pytest.mark.parametrize("target", [-1.0, 1.0, math.nan])
def test_a_target_outside_the_range_is_refused(target):
    """A mean outside (0, 1) cannot be tested."""
    with pytest.raises(ValueError, match="must lie inside"):
        wsr_p(np.zeros(9), target, DELTA)


@examples
@given(st.integers(0, 40), st.integers(0, 40), st.floats(0.01, 0.9))
def test_the_binomial_is_exact(one, other, target):
    """P(Bin(kept, target) <= wrong), summed by hand; nothing kept is 1."""
    wrong, kept = sorted((one, other))
    by_hand = sum(math.comb(kept, k) * target**k * (1 - target) ** (kept - k) for k in range(wrong + 1))

    assert by_hand == pytest.approx(float(binomial_p(np.array([wrong]), np.array([kept]), target)[0]))


def test_the_walk_ends_at_the_first_failure():
    """The last accepted policy; a later pass does not count, NaN fails, and no pass at all is None."""
    assert 1 == fixed_sequence(np.array([0.0, 0.1, 0.11, 0.0]), DELTA)
    assert 2 == fixed_sequence(np.array([0.0, 0.1, 0.05]), DELTA)
    assert 0 == fixed_sequence(np.array([0.0, math.nan, 0.0]), DELTA)
    assert None is fixed_sequence(np.array([0.2, 0.0]), DELTA)
    assert None is fixed_sequence(np.array([]), DELTA)


@pytest.mark.parametrize(
    ("target", "delta", "kept", "rows"),
    [(0.01, 0.1, 230, 318), (0.02, 0.1, 114, 158), (0.05, 0.1, 45, 62), (0.02, 0.05, 149, 204)],
)
def test_the_fewest_rows_without_a_failure(target, delta, kept, rows):
    """So many rows that all go well are just enough, for either test; one less is not."""
    none_wrong = binomial_p(np.array([0, 0]), np.array([kept, kept - 1]), target)

    assert (kept, rows) == (fewest_kept(target, delta), fewest_rows(target, delta))
    assert none_wrong[0] <= delta < none_wrong[1]
    assert wsr_p(np.zeros(rows), target, delta) <= delta < wsr_p(np.zeros(rows - 1), target, delta)


@pytest.mark.parametrize("differ", [0.02, 0.12, 0.5])
def test_a_loss_of_exactly_the_target_is_seldom_accepted(differ):
    """Type-I error over 1,000 tests at the boundary: at most delta and two standard errors."""
    assert boundary(500, 0.02, differ, repeats=1000, seed=1) <= DELTA + 2 * math.sqrt(DELTA * 0.9 / 1000)


def test_an_error_rate_of_exactly_the_target_is_seldom_accepted():
    """The same for errors among kept drafts."""
    assert kept_boundary(500, 0.05, repeats=1000, seed=1) <= DELTA + 2 * math.sqrt(DELTA * 0.9 / 1000)


# 40 blocks of 20 drafts, the surest first; in block b, b // 5 of them are wrong.
WRONG = np.array([place < block // 5 for block in range(40) for place in range(20)])
SCORES = np.linspace(1, 0.01, 800)
THRESHOLDS = SCORES[39::20]  # from 40 kept on: MAPIE's sequence starts at one that can pass


@pytest.mark.parametrize("target", [0.08, 0.1, 0.15])
def test_mapie_walks_as_far(target):
    """Another library's fixed sequence on the same drafts certifies the same thresholds."""
    mapie = BinaryClassificationController(
        lambda x: np.hstack([1 - x, x]),
        BinaryRisk(lambda y, shown: y != shown, lambda _, shown: shown == 1, higher_is_better=False),
        target,
        confidence_level=1 - DELTA,
        best_predict_param_choice="recall",
        list_predict_params=THRESHOLDS,
        fwer_method="fixed_sequence",
    )
    mapie.calibrate(SCORES[:, np.newaxis], (~WRONG).astype(int))
    keeps = SCORES[:, np.newaxis] >= THRESHOLDS
    wrong, kept = (keeps & WRONG[:, np.newaxis]).sum(axis=0), keeps.sum(axis=0)
    theirs = mapie.p_values[:, 0]

    ours = binomial_p(wrong, kept, target)

    # MAPIE rounds kept * (wrong / kept) up: where that product is a hair too large, it counts one wrong more.
    assert np.all(np.isclose(ours, theirs) | np.isclose(binomial_p(wrong + 1, kept, target), theirs))
    assert np.mean(np.isclose(ours, theirs)) > 0.7
    walked = fixed_sequence(theirs, DELTA)
    assert THRESHOLDS[: walked + 1].tolist() == sorted(mapie.valid_predict_params, reverse=True)
    assert list(range(fixed_sequence(ours, DELTA) + 1)) == sorted(
        control_fwer(ours, DELTA, "fixed_sequence").tolist()
    )
