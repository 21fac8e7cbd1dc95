"""Bounds when whole groups are drawn anew."""

import math

import numpy as np
import pytest

from gpu_cascade.calibrate.bootstrap import cluster_upper
from gpu_cascade.calibrate.units import Units, by_group


def upper(losses, groups, kept=None, per_kept=False, seed=0):
    kept = np.ones(losses.shape, bool) if kept is None else kept
    return cluster_upper(by_group(losses, kept, groups), per_kept, 0.9, seed)


def test_many_rows_follow_the_normal_bound():
    """Rows that stand alone: mean + 1.28 standard errors."""
    losses = np.random.default_rng(0).normal(0.05, 0.2, size=(3000, 2)).clip(-1, 1)
    normal = losses.mean(axis=0) + 1.2816 * losses.std(axis=0) / math.sqrt(3000)

    assert normal.tolist() == pytest.approx(upper(losses, np.arange(3000)).tolist(), abs=0.0006)


def test_copies_inside_a_group_are_no_news():
    """The same rows ten times over, in groups of ten: the bound stays where it was."""
    losses = np.random.default_rng(0).choice([-1.0, 0.0, 1.0], p=[0.05, 0.8, 0.15], size=(200, 1))
    groups = np.arange(200)

    once = upper(losses, groups)
    copied = upper(np.repeat(losses, 10, axis=0), np.repeat(groups, 10))

    assert once.tolist() == pytest.approx(copied.tolist())


def test_rows_count_and_not_groups():
    """The bound is of the mean over rows: ninety of a hundred lie in the group that loses."""
    losses = np.repeat([[1.0], [0.0]], [90, 10], axis=0)

    assert [1.0] == upper(losses, np.repeat([0, 1], [90, 10])).tolist()
    assert 0.9 == losses.mean()


def test_errors_among_kept_are_per_kept_row():
    """Rows that are not kept do not thin the error rate; where nothing is kept there is no bound."""
    kept = np.zeros((400, 2), bool)
    kept[:200, 0] = True
    losses = np.zeros((400, 2))
    losses[:20, 0] = 1.0

    bound = upper(losses, np.arange(400), kept, per_kept=True)

    assert bound[0] == pytest.approx(0.1 + 1.2816 * math.sqrt(0.1 * 0.9 / 200), abs=0.01)
    assert math.inf == bound[1]


def test_the_seed_decides():
    """The same seed draws the same groups."""
    units = Units(np.random.default_rng(0).random((30, 1)), np.ones((30, 1)), np.full(30, 4))
    one, again, other = (cluster_upper(units, False, 0.9, seed)[0] for seed in (1, 1, 2))

    assert one == again != other
