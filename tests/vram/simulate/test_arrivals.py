"""Requests that are drawn: as many, as long and as often escalated as the load says."""

from itertools import pairwise
from statistics import fmean, pvariance

import pytest

from gpu_cascade.vram.simulate.arrivals import drawn
from gpu_cascade.vram.simulate.load import Load, Phase

from .toy import example

LOADS = example()


def made(*phases, seconds=20_000.0, seed=1, tiers=("small", "large")):
    return drawn(Load(tiers, phases), LOADS.requests, seconds, seed)


def per_second(arrivals, start, end):
    return sum(start <= at < end for at in arrivals.at) / (end - start)


def test_a_seed_says_everything():
    """The same seed draws the same requests, another one others."""
    phase = Phase(100, 5, 0.3)

    assert made(phase, seconds=200) == made(phase, seconds=200)
    assert made(phase, seconds=200) != made(phase, seconds=200, seed=2)


def test_requests_are_as_the_file_says():
    """100,000 requests: rate, share escalated and mean lengths within 2 %, over five standard errors."""
    found = made(Phase(20_000, 5, 0.25))

    assert pytest.approx(5, rel=0.02) == len(found) / 20_000
    assert pytest.approx(0.25, rel=0.02) == sum(map(bool, found.tops)) / len(found)
    assert pytest.approx(700, rel=0.02) == fmean(found.prompts)
    assert pytest.approx(180, rel=0.02) == fmean(found.tokens)
    assert 1 <= min(found.tokens)


def test_gaps_are_exponential():
    """A Poisson process: the standard deviation of the gaps is their mean."""
    gaps = [later - sooner for sooner, later in pairwise(made(Phase(20_000, 5, 0)).at)]

    assert pytest.approx(fmean(gaps), rel=0.02) == pvariance(gaps) ** 0.5


def test_phases_repeat_and_name_their_top():
    """Each phase begins where the last one ended; who escalates goes to its engine."""
    tiers = ("small", "large", "huge")
    found = made(Phase(50, 2, 1, top="large"), Phase(50, 20, 1, top="huge"), seconds=400, tiers=tiers)

    assert sorted(found.at) == list(found.at)
    for at, top in zip(found.at, found.tops, strict=True):
        assert (1 if at % 100 < 50 else 2) == top
    assert per_second(found, 350, 400) > 3 * per_second(found, 300, 350)


def test_the_load_ends_on_time():
    """A phase that would last longer is cut off."""
    found = made(Phase(100, 5, 0), seconds=150)

    assert 140 < found.at[-1] < 150


def test_batches_come_together_at_the_same_rate():
    """Ten at a time in the mean: as many requests, at a tenth of the moments."""
    found = made(Phase(20_000, 5, 0, batch=10))

    assert pytest.approx(5, rel=0.05) == len(found) / 20_000
    assert pytest.approx(10, rel=0.05) == len(found) / len(set(found.at))


def test_a_swing_is_a_sine_around_the_rate():
    """The first half of the phase has more, the second less, the whole the rate."""
    found = made(Phase(20_000, 5, 0, swing=0.8))

    # The mean of a half sine is 2 / pi of its height.
    assert pytest.approx(5 * (1 + 0.8 * 0.6366), rel=0.03) == per_second(found, 0, 10_000)
    assert pytest.approx(5 * (1 - 0.8 * 0.6366), rel=0.05) == per_second(found, 10_000, 20_000)
