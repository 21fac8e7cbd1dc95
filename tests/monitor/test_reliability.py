"""Whether predicted probabilities came true, as one number."""

import math

import numpy as np
import pytest

from gpu_cascade.monitor.reliability import Reliability, seen


def of(predicted, outcomes, weights=None):
    found = Reliability()
    for place, (p, y) in enumerate(zip(predicted, outcomes, strict=True)):
        found = seen(found, p, bool(y), 1.0 if weights is None else weights[place])
    return found


def test_z_is_the_brier_score_against_its_own_expectation():
    """The other way to write it: (Brier - E Brier) / sd(Brier), under the predicted chances."""
    rng = np.random.default_rng(1)
    p = rng.random(300)
    y = rng.random(300) < p
    expected = (((y - p) ** 2).sum() - (p * (1 - p)).sum()) / math.sqrt(
        ((1 - 2 * p) ** 2 * p * (1 - p)).sum()
    )

    assert expected == pytest.approx(of(p, y).z)


def test_z_is_standard_normal_where_predictions_are_true():
    """Over 400 streams: mean 0, deviation 1, 5 % beyond 1.96; also weighted."""
    rng = np.random.default_rng(2)
    found = []
    for _ in range(400):
        p = rng.uniform(0.5, 1, 200)
        found.append(of(p, rng.random(200) < p, rng.choice([0.2, 1.0], 200)).z)

    assert abs(np.mean(found)) < 0.15
    assert 0.9 < np.std(found) < 1.1
    assert np.mean(np.abs(found) > 1.96) < 0.09


def test_overconfidence_is_positive():
    """Nine of ten were to agree and seven did; the other way round it is negative."""
    assert of([0.9] * 100, [1] * 70 + [0] * 30).z > 3
    assert of([0.7] * 100, [1] * 90 + [0] * 10).z < -3


def test_weights_that_are_alike_change_nothing():
    """One share for all: the weighted z is the unweighted one."""
    p, y = [0.9, 0.6, 0.7], [1, 0, 1]

    assert of(p, y).z == pytest.approx(of(p, y, [0.3] * 3).z)


@pytest.mark.parametrize("p", [0.0, 0.5, 1.0])
def test_nothing_to_measure_by(p):
    """Certain or undecided predictions have no z, whatever came of them; nor has no prediction at all."""
    assert of([p] * 3, [1, 0, 1]).z is None
    assert Reliability().z is None
