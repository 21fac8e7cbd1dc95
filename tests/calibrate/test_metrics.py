"""The numbers that say how well a confidence sorts and how true a probability is."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from gpu_cascade.calibrate import metrics
from gpu_cascade.calibrate.scorers import RIGHT

examples = settings(max_examples=50)

SMALL, LARGE = np.array([1.0, 0, 1, 0, 1]), np.array([1.0, 1, 0, 1, 1])
SURE = np.array([0.9, 0.2, 0.6, 0.4, 0.6])


def columns(n, kind):
    return st.lists(kind, min_size=n, max_size=n)


scores = st.sampled_from([0.0, 0.25, 0.5, 1.0])
cases = (
    st.integers(2, 30)
    .flatmap(lambda n: st.tuples(*(columns(n, kind) for kind in (scores, scores, st.integers(-3, 3)))))
    .map(lambda lists: tuple(np.array(values, float) for values in lists))
)


def area_over_all_orders(small, large, sure):
    """AUC-DF by definition: every order of ties, defer one more draft at a time, trapezoids."""
    areas = []
    for order in itertools.permutations(range(len(small))):
        if all(sure[a] <= sure[b] for a, b in itertools.pairwise(order)):
            quality = [small.mean()]
            for row in order:
                quality.append(quality[-1] + (large[row] - small[row]) / len(small))
            areas.append(np.trapezoid(quality, dx=1 / len(small)))
    return np.mean(areas)


def prr_by_definition(quality, sure):
    """PRR by definition: every order of ties, reject one more draft at a time."""

    def area(order):
        kept = [np.mean([quality[row] for row in order[:m]]) for m in range(1, len(order) + 1)]
        return np.mean(kept)

    orders = [
        order
        for order in itertools.permutations(range(len(quality)))
        if all(sure[a] >= sure[b] for a, b in itertools.pairwise(order))
    ]
    best = sorted(range(len(quality)), key=lambda row: -quality[row])
    random = np.mean(quality)
    return (np.mean([area(order) for order in orders]) - random) / (area(best) - random)


def test_the_published_example():
    """AUC-DF 0.84, random 0.70, oracle 0.90, so 0.70 of the way."""
    assert 0.84 == pytest.approx(metrics.auc_df(SMALL, LARGE, SURE))
    assert 0.70 == pytest.approx(metrics.random_auc_df(SMALL, LARGE))
    assert 0.90 == pytest.approx(metrics.oracle_auc_df(SMALL, LARGE))
    assert 0.70 == pytest.approx(metrics.nauc_df(SMALL, LARGE, SURE))


@examples
@given(st.data())
def test_the_area_is_the_mean_over_all_orders_of_ties(data):
    """The closed form and one draft after the other agree, whatever ties."""
    n = data.draw(st.integers(1, 6))
    small, large, sure = (
        np.array(data.draw(columns(n, kind)), float) for kind in (scores, scores, st.integers(0, 2))
    )

    assert area_over_all_orders(small, large, sure) == pytest.approx(metrics.auc_df(small, large, sure))


@examples
@given(cases)
def test_the_oracle_is_one_a_constant_is_zero_and_its_opposite_minus_one(case):
    """nAUC-DF is 1 for the order of gains, 0 where all are equally sure, -1 for the worst order."""
    small, large, _ = case
    value = metrics.nauc_df(small, large, small - large)

    if len(set(large - small)) == 1:
        assert value is None
    else:
        assert 1 == pytest.approx(value)
        assert 0 == pytest.approx(metrics.nauc_df(small, large, np.zeros(len(small))), abs=1e-9)
        assert -1 == pytest.approx(metrics.nauc_df(small, large, large - small))


@examples
@given(cases)
def test_only_the_order_matters(case):
    """A monotone transform of the confidence changes no number that sorts."""
    small, large, sure = case
    wrong = small < RIGHT

    for other in (np.exp(sure), 7 * sure - 2, np.arctan(sure)):
        assert metrics.nauc_df(small, large, sure) == metrics.nauc_df(small, large, other)
        assert metrics.auroc(wrong, sure) == metrics.auroc(wrong, other)
        assert metrics.auprc(wrong, sure) == metrics.auprc(wrong, other)
        assert metrics.prr(small, sure) == metrics.prr(small, other)


@examples
@given(cases)
def test_error_areas_are_those_of_scikit_learn(case):
    """AUROC and AUPRC take the wrong drafts as positives, the least sure first."""
    small, _, sure = case
    wrong = small < RIGHT

    if 0 < wrong.sum() < len(wrong):
        assert roc_auc_score(wrong, -sure) == pytest.approx(metrics.auroc(wrong, sure))
        assert average_precision_score(wrong, -sure) == pytest.approx(metrics.auprc(wrong, sure))
    else:
        assert (None, None) == (metrics.auroc(wrong, sure), metrics.auprc(wrong, sure))


@examples
@given(st.data())
def test_the_rejection_ratio_is_its_definition(data):
    """PRR equals rejecting one draft after the other, averaged over orders of ties."""
    n = data.draw(st.integers(2, 5))
    quality = np.array(data.draw(columns(n, scores)))
    sure = np.array(data.draw(columns(n, st.integers(0, 2))), float)

    if len(set(quality)) == 1:
        assert metrics.prr(quality, sure) is None
    else:
        assert prr_by_definition(quality, sure) == pytest.approx(metrics.prr(quality, sure))


def test_no_confidence_is_the_least():
    """A draft that says nothing about itself is deferred first, never kept as if sure."""
    unknown = np.array([0.9, math.nan, 0.6, 0.4, 0.6])

    lowest = np.where(np.isnan(unknown), -9, unknown)
    assert metrics.auc_df(SMALL, LARGE, lowest) == metrics.auc_df(SMALL, LARGE, unknown)
    assert metrics.auroc(SMALL < 0.5, lowest) == metrics.auroc(SMALL < 0.5, unknown)
    assert metrics.prr(SMALL, lowest) == metrics.prr(SMALL, unknown)


def test_where_nothing_is_said_nothing_is_said_about_it():
    """Drafts that are silent throughout are not sorted like a coin: they are not sorted at all."""
    silent = np.full(5, math.nan)

    assert metrics.nauc_df(SMALL, LARGE, silent) is None
    assert (None, None) == (metrics.auroc(SMALL < 0.5, silent), metrics.auprc(SMALL < 0.5, silent))
    assert metrics.prr(SMALL, silent) is None


def test_the_calibration_error_has_bins_of_equal_count():
    """100 rows make ten bins of ten; the error is the mean distance of what was said from what came."""
    said = np.linspace(0, 1, 100) ** 3
    came = np.random.default_rng(0).random(100) < said

    by_hand = np.mean(
        [
            abs(said[start : start + 10].mean() - came[start : start + 10].mean())
            for start in range(0, 100, 10)
        ]
    )
    assert by_hand == pytest.approx(metrics.ece(said, came))
    assert [10] * 10 == [part.rows for part in metrics.reliability(said, came)]
    assert np.mean((said - came) ** 2) == pytest.approx(metrics.brier(said, came))


@examples
@given(cases, st.randoms())
def test_the_order_of_rows_does_not_matter(case, random):
    """Equal probabilities share their outcome, so shuffling changes no calibration error."""
    small, _, sure = case
    said, came = (sure + 3) / 6, small >= RIGHT
    order = list(range(len(said)))
    random.shuffle(order)

    assert metrics.ece(said, came) == pytest.approx(metrics.ece(said[order], came[order]))


def test_rows_without_a_probability_are_left_out():
    """NaN is no probability: not zero, not a half."""
    said, came = np.array([0.8, math.nan, 0.4]), np.array([True, True, False])

    assert 0.3 == pytest.approx(metrics.ece(said, came))
    assert 0.1 == pytest.approx(metrics.brier(said, came))
    assert (None, None) == (metrics.ece(said[1:2], came[1:2]), metrics.brier(said[1:2], came[1:2]))
    assert () == metrics.reliability(said[1:2], came[1:2])


def test_nothing_is_not_defined():
    """No rows have no rejection ratio."""
    assert metrics.prr(np.array([]), np.array([])) is None
