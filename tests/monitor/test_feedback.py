"""The true loss, where somebody says what would have been right."""

import math

import numpy as np
import pytest

from gpu_cascade.monitor.feedback import against, scored


def of(pairs, target=0.02, alarm=0.001):
    feedback = against(target, alarm)
    for kept, large in pairs:
        feedback = scored(feedback, kept, large)
    return feedback


def pairs(lost, won, count, seed=1):
    """Pairs of right and wrong answers: the share in which only the large one, only the kept one is right."""
    drawn = np.random.default_rng(seed).choice(3, count, p=[lost, won, 1 - lost - won])
    return [[(0.0, 1.0), (1.0, 0.0), (1.0, 1.0)][place] for place in drawn]


def test_the_mean_loss_in_points():
    """Large minus kept, between -1 and 1, with an interval around it."""
    feedback = of([(0.0, 1.0), (1.0, 1.0), (1.0, 0.0), (0.5, 1.0)])
    low, high = feedback.interval

    assert 0.125 == pytest.approx(feedback.value)
    assert -1 <= low < 0.125 < high <= 1


@pytest.mark.parametrize("pair", [(1.0, None), (math.nan, 1.0), (1.0, math.inf)])
def test_half_a_pair_says_nothing(pair):
    """Unknown and not finite scores leave everything as it was; without feedback there is no mean."""
    assert against(0.02, 0.001) == of([pair])
    assert of([pair]).value is None


def test_a_loss_beyond_the_target_alarms():
    """Ten points lost where two were promised: found within 1,000 pairs; two points are not in 3,000."""
    assert of(pairs(0.12, 0.02, 1000)).alarmed
    assert not of(pairs(0.05, 0.03, 3000)).alarmed
