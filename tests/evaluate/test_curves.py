"""A threshold on its way up, against climbing row by row."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpu_cascade.calibrate import metrics
from gpu_cascade.evaluate import curves
from tests.evaluate.made import sheet

examples = settings(max_examples=60)
confidences = st.sampled_from([-2.0, -1.0, -0.5, 0.0, np.nan])


def tables(tiers):
    """Scores, confidences and how often each row counts."""
    line = st.tuples(
        st.lists(st.sampled_from([0.0, 0.4, 1.0]), min_size=tiers, max_size=tiers),
        st.lists(confidences, min_size=tiers - 1, max_size=tiers - 1),
        st.integers(0, 3),
    )
    return st.lists(line, min_size=1, max_size=12).filter(lambda lines: any(line[2] for line in lines))


def climbed(score, sure, seconds, asked, theta):
    """One row, tier by tier: answered by the last tier, quality, engine-seconds."""
    spent = 0.0
    for tier, confidence in enumerate(sure):
        spent += seconds[tier] + asked[tier]
        if confidence >= theta:
            return 0.0, score[tier], spent
    return 1.0, score[-1], spent + seconds[-1]


@pytest.mark.parametrize("tiers", [2, 3])
@examples
@given(data=st.data())
def test_each_step_is_the_cascade_at_its_threshold(tiers, data):
    """Walking the threshold gives what asking row by row gives, weighted, for two tiers and three."""
    lines = data.draw(tables(tiers))
    made = sheet(
        *zip(*[line[:2] for line in lines], strict=True), asked_s=[[0.25] * (tiers - 1)] * len(lines)
    )
    weights = np.array([line[2] for line in lines], float)

    stairs = curves.sequential(made, made.sure["only"], made.asked_s)
    path = curves.walk(stairs, weights[:, None])[:, :, 0]

    for step in range(stairs.first, len(stairs.thresholds)):
        theta = stairs.thresholds[step]
        by_row = [
            climbed(*one, theta)
            for one in zip(made.score, made.sure["only"], made.seconds, made.asked_s, strict=True)
        ]
        assert np.average(by_row, axis=0, weights=weights) == pytest.approx(path[:, step])


@examples
@given(tables(2))
def test_the_area_is_that_of_the_rows_written_out(lines):
    """Weights of a resample and rows that stand as often give the same AUC-DF, ties and silence included."""
    score, sure = (np.array(part) for part in zip(*[line[:2] for line in lines], strict=True))
    weights = np.array([line[2] for line in lines])
    small, large, sure = score[:, 0], score[:, 1], sure[:, 0]

    gained = curves.area(curves.walk(curves.ranked(large - small, sure), weights[:, None].astype(float)))[0]

    written_out = (np.repeat(column, weights) for column in (small, large, sure))
    assert metrics.auc_df(*written_out) == pytest.approx(np.average(small, weights=weights) + gained)


def test_silence_has_a_step_of_its_own_that_nothing_undoes():
    """Drafts without evidence are deferred before the first threshold, however many drafts there are."""
    rng = np.random.default_rng(0)
    sure = np.where(rng.random(20_000) < 0.0001, np.nan, rng.random(20_000))
    silent = np.isnan(sure).sum()
    assert silent > 0

    stairs = curves.ranked(np.ones(20_000), sure)
    path = curves.walk(stairs, np.ones((20_000, 1)))[:, :, 0]

    assert 1 == stairs.first
    assert silent / 20_000 == pytest.approx(path[0, stairs.first])


def test_many_drafts_take_few_steps_and_lose_nothing_that_shows():
    """100,000 different confidences are walked in at most 2,048 steps, equal ones never apart."""
    rng = np.random.default_rng(1)
    small, large = (rng.random(100_000) < 0.6).astype(float), (rng.random(100_000) < 0.8).astype(float)
    sure = small + rng.normal(size=100_000)
    sure[:30_000] = 0.5

    stairs = curves.ranked(large - small, sure)
    area = small.mean() + curves.area(curves.walk(stairs, np.ones((100_000, 1))))[0]

    assert len(stairs.thresholds) <= curves.STEPS + 2
    assert metrics.auc_df(small, large, sure) == pytest.approx(area, abs=1e-5)


def test_the_cheapest_step_reaches_the_target():
    """Of the steps whose quality reaches the target the one with the least engine-seconds."""
    path = np.array([[0.0, 0.4, 0.7, 1.0], [0.5, 0.9, 0.7, 0.8], [1.0, 3.0, 2.0, 5.0]])[:, :, None]

    assert [2] == curves.cheapest(path, 0, np.array([0.7])).tolist()
    assert [1] == curves.cheapest(path, 0, np.array([0.85])).tolist()
    assert [0] == curves.cheapest(path, 0, np.array([0.5])).tolist()
    assert [2] == curves.cheapest(path, 1, np.array([0.5])).tolist()  # the first step does not exist
    assert [3] == curves.cheapest(path, 0, np.array([0.95])).tolist()  # nobody can do more


def test_without_seconds_the_cheapest_step_escalates_least():
    """Where no cost is defined the last tier is asked as little as possible."""
    path = np.array([[0.0, 0.4, 1.0], [0.5, 0.9, 0.95], [np.nan] * 3])[:, :, None]

    assert [1] == curves.cheapest(path, 0, np.array([0.9])).tolist()


@examples
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=20))
def test_nothing_lies_above_the_envelope(points):
    """It rises, bends down only, starts at the cheapest point and no point lies above it."""
    cost, quality = (np.array(part, float) for part in zip(*points, strict=True))
    hull = np.array(curves.envelope(cost, quality))

    slopes = np.diff(hull[:, 1]) / np.diff(hull[:, 0])
    assert cost.min() == hull[0, 0]
    assert (slopes > 0).all()
    assert (np.diff(slopes) < 1e-9).all()
    assert (quality <= np.interp(cost, hull[:, 0], hull[:, 1]) + 1e-9).all()


def test_an_envelope_of_nothing_is_empty():
    """Without engine-seconds there is no cost and no envelope."""
    assert [] == curves.envelope(np.array([np.nan]), np.array([0.5]))


def test_two_models_confidences_are_made_to_compare():
    """With several drafting tiers a confidence becomes its share among the tier's own; one stays as it is."""
    sure = np.array([[-3.0, 0.1], [-1.0, 0.3], [-2.0, np.nan], [-1.0, 0.2]])

    found = curves.levels(sure, np.arange(4))

    assert [0.25, 1.0, 0.5, 1.0] == found[:, 0].tolist()
    assert [1 / 3, 1.0, 2 / 3] == pytest.approx(found[[0, 1, 3], 1].tolist())
    assert np.isnan(found[2, 1])
    assert (sure[:, :1] == curves.levels(sure[:, :1], np.arange(4))).all()
