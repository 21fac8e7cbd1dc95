"""Which policy is promised, what it takes, and how often such promises are broken."""

import math
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpu_cascade.calibrate.certificate import Kind
from gpu_cascade.calibrate.certify import PAIRED_START, certify, first_testable, p_values
from gpu_cascade.calibrate.pvalues import betting_p, binomial_p, wsr_p
from gpu_cascade.calibrate.splits import UNTRAINED, grid, kept, split
from gpu_cascade.calibrate.units import by_group
from gpu_cascade.errors import BadRows

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts" / "long"))
from calibrations import (
    Population,
    as_if_independent,
    measured,
    naive,
    ours,
    walk_boundary,
)

DELTA = 0.1
AT_MOST = DELTA + 2 * math.sqrt(DELTA * (1 - DELTA) / 1000)


def policies(rows, *lose, keep=None, groups=None):
    """Units under keep-nothing, then one policy per number: so many of its first rows lose everything."""
    losses = np.zeros((rows, 1 + len(lose)))
    for column, count in enumerate(lose, 1):
        losses[:count, column] = 1.0
    kept = np.ones(losses.shape, bool)
    kept[rows if keep is None else keep :], kept[:, 0] = False, False
    return by_group(losses, kept, np.arange(rows) if groups is None else groups)


def paired(units, target=0.02, start=PAIRED_START, seed=0):
    return certify(Kind.PAIRED, units, target=target, confidence=0.9, start=start, seed=seed)


def among_kept(units, target=0.05, start=1):
    return certify(Kind.KEPT_ERROR, units, target=target, confidence=0.9, start=start, seed=0)


def test_the_last_policy_before_the_first_failure_is_certified():
    """Policies that lose 0, 5, 60 and 0 of 1,000 rows: the third fails at two points and ends the walk."""
    found = paired(policies(1000, 0, 5, 60, 0))

    assert (2, 0.005, 1000, 0.0) == (found.index, found.observed_loss, found.kept, found.escalation)
    assert found.p_value <= DELTA
    assert (1000, 1000, None) == (found.rows, found.groups, found.cluster_upper)


def test_what_cannot_be_certified_is_none():
    """Nothing passes: no index, nothing kept, all escalates, and the p that was too large."""
    found = paired(policies(1000, 60, 0))

    assert (None, 0, 1.0, 0.0) == (found.index, found.kept, found.escalation, found.observed_loss)
    assert found.p_value > DELTA
    assert not found.certified


def test_keep_nothing_needs_no_test_and_the_strictest_no_luck():
    """A policy that keeps two rows and loses one of them passes: 998 of 1,000 rows lose nothing."""
    found = paired(policies(1000, 1, keep=2))

    assert (1, 2, 0.998) == (found.index, found.kept, found.escalation)


@pytest.mark.parametrize("rows", [0, 5, 157])
def test_too_few_rows_certify_nothing(rows):
    """Under 158 rows not even a policy that never loses is within two points with 90 %."""
    assert None is paired(policies(rows, 0)).index


def test_158_rows_without_a_loss_are_enough():
    """From there on one is."""
    assert 1 == paired(policies(158, 0)).index


def test_nothing_to_start_from_certifies_nothing():
    """No policy keeps enough, or there is none but keep-nothing: p is 1."""
    for found in (paired(policies(1000, 0), start=None), paired(policies(1000))):
        assert (None, 1.0, 1.0) == (found.index, found.p_value, found.escalation)


def test_a_win_makes_up_for_a_loss():
    """The loss is a mean: 40 rows lost and 40 won of 1,000 lose nothing together."""
    losses = np.zeros((1000, 2))
    losses[:40, 1], losses[40:80, 1] = 1.0, -1.0
    found = paired(by_group(losses, losses > 2, np.arange(1000)))

    assert (1, 0.0) == (found.index, found.observed_loss)


def test_policies_need_not_be_nested():
    """A chain of tiers or a band of verification may keep here what a safer policy did not."""
    kept = np.zeros((1000, 3), bool)
    kept[:300, 1], kept[200:900, 2] = True, True

    found = paired(by_group(np.zeros((1000, 3)), kept, np.arange(1000)))

    assert (2, 700) == (found.index, found.kept)


def test_the_seed_orders_the_bets():
    """The same seed gives the same p, another order another."""
    units = policies(500, 5)
    one, again, other = (paired(units, seed=seed).p_value for seed in (1, 1, 2))

    assert one == again != other


def test_errors_among_kept_are_counted_exactly():
    """Rows that stand alone: the binomial of the wrong among the kept."""
    found = among_kept(policies(500, 4, 8, 40, keep=300))

    assert (2, 8 / 300, 300, 0.4) == (found.index, found.observed_loss, found.kept, found.escalation)
    assert found.p_value == pytest.approx(float(binomial_p(np.array([8]), np.array([300]), 0.05)[0]))


def test_half_an_error_is_not_counted():
    """Fractional scores must become right or wrong first."""
    with pytest.raises(BadRows, match="9 losses lie in between"):
        among_kept(by_group(np.full((9, 2), 0.5), np.ones((9, 2), bool), np.arange(9)))


def test_error_rates_start_where_enough_is_kept():
    """Twice the 45 (at .05) or 30 (at .5) rows expected; nowhere, where no policy keeps so many."""
    shares = np.array([0.0, 0.05, 0.08, 0.09, 0.5])

    assert 3 == first_testable(shares, 1000, 0.05, DELTA)
    assert 2 == first_testable(shares, 1000, 0.5, DELTA)
    assert None is first_testable(shares, 100, 0.05, DELTA)


@pytest.mark.parametrize("target", [0.01, 0.02, 0.05, 0.2])
def test_one_wrong_row_does_not_end_the_walk_at_its_start(target):
    """At the start as expected, one wrong row passes."""
    rows = next(n for n in range(10_000) if first_testable(np.array([1.0]), n, target, DELTA) == 0)

    assert binomial_p(np.array([1]), np.array([rows]), target)[0] <= DELTA


@given(st.integers(2, 6), st.integers(0, 99), st.sampled_from([Kind.PAIRED, Kind.KEPT_ERROR]))
def test_a_group_is_one_bet(size, seed, kind):
    """Groups of copies are worth no more than one row each, whatever their size."""
    rng = np.random.default_rng(seed)
    kept = rng.random((80, 3)) < 0.8
    losses = kept * (rng.random((80, 3)) < 0.05).astype(float)
    grouped = by_group(losses.repeat(size, axis=0), kept.repeat(size, axis=0), np.arange(80).repeat(size))
    order = np.arange(80)

    found = p_values(kind, grouped, order, 0.1, DELTA)

    if kind is Kind.PAIRED:
        alone = [wsr_p(losses[:, column], 0.1, DELTA) for column in range(3)]
    else:
        alone = betting_p(losses - 0.1 * kept + 0.1, 0.1, DELTA).tolist()
    assert alone == pytest.approx(found.tolist())


def test_the_more_careful_of_two_decides_where_groups_repeat():
    """300 groups of one row lose nothing, one of 100 rows loses all: .3 points per group, 25 per row.

    The bets on groups alone would certify two points; the bootstrap of rows does not.
    """
    losses = np.zeros((400, 2))
    losses[300:, 1] = 1.0
    units = by_group(losses, losses > -1, np.minimum(np.arange(400), 300))

    found = paired(units)

    assert p_values(Kind.PAIRED, units, np.arange(301), 0.02, DELTA)[1] <= DELTA
    assert None is found.index
    assert found.p_value <= DELTA
    assert found.cluster_upper > 0.2


def test_a_certificate_over_groups_carries_both_bounds():
    """200 documents of five rows, two rows lost: certified, with the bootstrap's bound beside it."""
    found = paired(policies(1000, 2, groups=np.arange(1000) // 5))

    assert (1, 1000, 200, 0.002) == (found.index, found.rows, found.groups, found.observed_loss)
    assert found.observed_loss < found.cluster_upper <= 0.02


@pytest.mark.parametrize("kind", [Kind.KEPT_ERROR, Kind.AGREEMENT])
def test_errors_among_kept_over_groups(kind):
    """Groups repeat: bets on their means instead of the binomial, and the rate is still per kept row."""
    units = policies(2000, 8, 200, keep=1000, groups=np.arange(2000) // 5)

    found = certify(kind, units, target=0.05, confidence=0.9, start=1, seed=0)

    assert (1, 0.008, 1000) == (found.index, found.observed_loss, found.kept)
    assert 0.008 < found.cluster_upper <= 0.05


def test_a_policy_of_exactly_the_target_is_seldom_certified():
    """Of 1,000 calibrations at most delta and two standard errors accept a loss of exactly the target."""
    assert walk_boundary(Population(), 500, 0.05, repeats=1000, steps=10) <= AT_MOST


def test_the_cheapest_feasible_threshold_breaks_its_promise():
    """Whole calibrations of 500 rows, grid and all: the certified misses seldom, the naive often."""
    (missed, escalated), (naive_missed, _) = measured(Population(), 500, 0.05, 100, ours, naive)

    assert missed <= DELTA
    assert 0.34 < escalated < 0.6
    assert naive_missed > 0.3


@pytest.mark.parametrize("documents", [Population(), Population((5,), shared=0.9)])
def test_error_rates_among_kept_are_seldom_above_the_target(documents):
    """Whole calibrations with small-only labels: .24 (1 - threshold) is the true rate, .1 the target."""
    found = [certified_rate(documents.draw(1500, np.random.default_rng(seed)), seed) for seed in range(40)]

    assert np.mean(np.array(found) > 0.1) <= DELTA
    assert 0.02 < np.mean(found)


def certified_rate(record, seed):
    """The true error rate of what is certified; 0 where nothing is."""
    sets, certifies = split(record.groups, UNTRAINED, seed)
    thresholds, rows = grid(record.scores[sets]), record.only(certifies)
    keeps = kept(rows.scores, thresholds)
    units = by_group(keeps * (1 - rows.small)[:, np.newaxis], keeps, rows.groups)
    share = kept(record.scores[sets], thresholds).mean(axis=0)
    start = first_testable(share, len(units.sizes), 0.1, DELTA)
    found = certify(Kind.KEPT_ERROR, units, target=0.1, confidence=0.9, start=start, seed=seed)
    return 0.0 if found.index is None else 0.24 * (1 - thresholds[found.index])


def test_documents_are_not_rows():
    """Twelve like rows to a document: as groups they keep the promise, as independent rows they do not."""
    documents = Population((12,), shared=0.95)

    (missed, escalated), (as_rows, _) = measured(documents, 1800, 0.1, 40, ours, as_if_independent)

    assert missed <= DELTA
    assert escalated < 0.6
    assert as_rows > DELTA
