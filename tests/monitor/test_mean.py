"""A running mean, and an interval that may be looked at all the time."""

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpu_cascade.monitor.mean import Mean, added


def of(losses, weights=None):
    mean = Mean()
    for place, loss in enumerate(losses):
        mean = added(mean, loss, 1.0 if weights is None else weights[place])
    return mean


def test_without_a_loss_nothing_is_known():
    """No number, and an interval that excludes nothing."""
    assert (None, None, (0.0, 1.0)) == (Mean().value, Mean().lately, Mean().interval)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=50))
def test_the_interval_stays_where_losses_can_be(losses):
    """Within [0, 1], its lower end first."""
    low, high = of(losses).interval

    assert 0 <= low < high <= 1


def test_the_mean_is_weighted():
    """By inverse probability, as handed in."""
    assert 0.25 == pytest.approx(of([1.0, 0.0, 0.0], [0.5, 1.0, 0.5]).value)


def test_lately_follows_the_present():
    """After 500 of another kind the past has faded, while the mean still remembers it."""
    mean = of([0.0] * 500 + [1.0] * 500)

    assert 0.5 == mean.value
    assert mean.lately > 0.99


def test_the_interval_is_the_papers():
    """Waudby-Smith & Ramdas 2024, theorem 2, written out over the whole stream."""
    x = np.random.default_rng(1).random(50)
    t, log = np.arange(1, 51), np.log(2 / 0.05)
    mean = (0.5 + np.cumsum(x)) / (t + 1)
    variance = (0.25 + np.cumsum((x - mean) ** 2)) / (t + 1)
    mean, variance = np.r_[0.5, mean[:-1]], np.r_[0.25, variance[:-1]]
    bets = np.minimum(0.5, np.sqrt(2 * log / (variance * t * np.log(1 + t))))
    spread = (4 * (x - mean) ** 2 * (-np.log(1 - bets) - bets) / 4).sum()
    centre, radius = (bets * x).sum() / bets.sum(), (log + spread) / bets.sum()

    assert (centre - radius, centre + radius) == pytest.approx(of(x).interval)


@pytest.mark.parametrize("rate", [0.05, 0.5])
def test_the_interval_holds_at_all_times(rate):
    """Looked at after each of 300 losses: in at most 5 % of 200 streams it ever misses the mean (+ 3 SE)."""
    streams = np.random.default_rng(2).random((200, 300)) < rate
    missed = 0
    for stream in streams.astype(float):
        mean, wrong = Mean(), False
        for loss in stream:
            mean = added(mean, loss)
            wrong |= not mean.interval[0] <= rate <= mean.interval[1]
        missed += wrong

    assert missed / 200 <= 0.05 + 3 * (0.05 * 0.95 / 200) ** 0.5


def test_the_interval_narrows():
    """1,000 losses at a rate of 5 % pin it down to within 3 points."""
    low, high = of((np.random.default_rng(3).random(1000) < 0.05).astype(float)).interval

    assert 0.02 < low < 0.05 < high < 0.08


def test_it_goes_on_after_a_restart():
    """To JSON and back, to the last bit."""
    mean = of([0.1, 0.7, 1.0])

    assert mean == msgspec.json.decode(msgspec.json.encode(mean), type=Mean)
