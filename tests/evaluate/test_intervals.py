"""The paired bootstrap."""

import numpy as np
import pytest

from gpu_cascade.evaluate.intervals import Measure, blocks, estimate, resampled
from gpu_cascade.evaluate.results import Estimate


def mean_of(values):
    """The weighted mean as a measure that hands back its samples."""
    return Measure(lambda counts: values @ counts / counts.sum(axis=0), lambda samples: samples)


def test_groups_are_drawn_whole_and_as_many_as_there_are():
    """All rows of a group count equally often, and each resample draws G groups."""
    group = np.array([0, 0, 0, 1, 2, 2])

    counts = np.concatenate(list(blocks(group, 150, seed=3)), axis=1)

    assert (6, 150) == counts.shape
    assert (counts[0] == counts[2]).all()
    assert (counts[4] == counts[5]).all()
    assert (3 == counts[[0, 3, 4]].sum(axis=0)).all()
    assert len(np.unique(counts, axis=1).T) > 5


def test_the_interval_of_a_mean_is_that_of_theory():
    """95 % of resampled means lie within 1.96 standard errors."""
    values = np.random.default_rng(0).normal(size=400)
    measure = mean_of(values)

    found = estimate(values.mean(), resampled(np.arange(400), [measure], 4000, 0)[measure])

    half = 1.96 * values.std() / 20
    assert (values.mean() - half, values.mean() + half) == pytest.approx(found.ci, abs=0.006)


def test_rows_that_belong_together_widen_it():
    """Ten copies of each row say no more than one."""
    values = np.repeat(np.random.default_rng(1).normal(size=40), 10)
    measure = mean_of(values)

    def width(group):
        low, high = np.percentile(resampled(group, [measure], 1000, 0)[measure], (2.5, 97.5))
        return high - low

    assert np.sqrt(10) == pytest.approx(width(np.arange(400) // 10) / width(np.arange(400)), rel=0.1)


def test_everything_sees_the_same_draws():
    """Two measures of one thing never differ, so differences are paired; the same seed draws the same."""
    values = np.random.default_rng(2).random(50)
    one, other = mean_of(values), mean_of(values)

    drawn = resampled(np.arange(50), [one, other], 100, 7)

    assert drawn[one].tolist() == drawn[other].tolist()
    assert drawn[one].tolist() == resampled(np.arange(50), [one], 100, 7)[one].tolist()
    assert drawn[one].tolist() != resampled(np.arange(50), [one], 100, 8)[one].tolist()


def test_what_is_not_defined_has_no_interval():
    """A value that is not defined is None; one undefined in more than 1 of 20 resamples stands alone."""
    steady, gappy = np.linspace(0, 1, 100), np.append(np.full(6, np.nan), np.linspace(0, 1, 94))

    assert Estimate(None) == estimate(None, steady)
    assert Estimate(None) == estimate(float("nan"), steady)
    assert Estimate(0.5) == estimate(0.5, gappy)
    assert (0.025, 0.975) == pytest.approx(estimate(0.5, steady).ci)
