"""When live answers are found to lose more than was promised, and how seldom in error."""

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpu_cascade.monitor.drift import Drift, told

from .streams import alarms, coins


def after(losses, bound=0.05, alarm=0.001, weights=None):
    drift = Drift(bound, alarm)
    for place, loss in enumerate(losses):
        drift = told(drift, loss, 1.0 if weights is None else weights[place])
    return drift


@pytest.mark.parametrize(("bound", "alarm"), [(0.01, 0.1), (0.05, 0.1), (0.3, 0.1), (0.05, 0.01)])
def test_without_drift_it_hardly_ever_alarms(bound, alarm):
    """At the bound itself, looked at after every loss: at most `alarm` of 2,000 streams ever do (+ 3 SE)."""
    rng = np.random.default_rng(7)

    ever = (alarms(coins(rng, bound, 2000, 2000), bound, alarm) > 0).mean()

    assert ever <= alarm + 3 * (alarm / 2000) ** 0.5


def test_losses_that_depend_on_the_past_do_not_help_to_fool_it():
    """The rate may change with what happened, as long as it stays at the bound or below."""
    rng, bound = np.random.default_rng(8), 0.1
    losses = np.zeros((2000, 1000))
    for n in range(1, 2000):  # after a loss nothing is lost, else at the bound
        losses[n] = rng.random(1000) < np.where(losses[n - 1] > 0, 0.0, bound)

    assert (alarms(losses, bound, 0.1) > 0).mean() <= 0.1


def test_weights_undo_a_share_that_differs():
    """Answers that lose more are asked again four times as often: weighted, the mean is what it is without.

    Unweighted, the same streams look as if they had drifted.
    """
    rng, bound = np.random.default_rng(9), 0.1
    often = rng.random((2000, 1000)) < 0.8  # of those asked again; of all answers it is half
    losses = (rng.random((2000, 1000)) < np.where(often, 0.18, 0.02)).astype(float)
    weights = np.where(often, 0.25, 1.0)

    weighted, unweighted = alarms(losses, bound, 0.1, weights), alarms(losses, bound, 0.1)

    assert (weighted > 0).mean() <= 0.1
    assert (unweighted > 0).mean() == 1.0


def test_doubled_disagreement_is_found():
    """From 5 to 10 %: after 400 comparisons on average (320 to 480), in 9 of 10 cases within 750."""
    at = alarms(coins(np.random.default_rng(3), 0.10, 4000, 1000), 0.05, 0.001)

    assert (at > 0).all()
    assert 320 <= at.mean() <= 480
    assert np.quantile(at, 0.9) <= 750


def test_a_small_excess_is_found_in_the_end():
    """5.5 where 4 % are tolerated: no excess is too small for a long enough stream."""
    at = alarms(coins(np.random.default_rng(4), 0.055, 8000, 200), 0.04, 0.01)

    assert (at > 0).mean() >= 0.95


def test_a_long_good_past_does_not_hide_later_drift():
    """After 10,000 good comparisons the same doubling takes about twice as long, not ten times."""
    rng = np.random.default_rng(5)
    losses = np.vstack([coins(rng, 0.04, 10_000, 300), coins(rng, 0.10, 3000, 300)])

    at = alarms(losses, 0.05, 0.001)

    assert (at > 10_000).all()
    assert (at - 10_000).mean() <= 1000


def test_the_streams_are_the_live_test():
    """What the simulations run is what `told` computes, to the very loss, weights included."""
    rng = np.random.default_rng(6)
    losses, weights = coins(rng, 0.2, 600, 5), rng.choice([0.3, 1.0], (600, 5))
    expected = alarms(losses, 0.05, 0.001, weights)

    actual = [after(loss, weights=weight).n for loss, weight in zip(losses.T, weights.T, strict=True)]

    assert (expected > 0).all()
    assert expected.tolist() == actual


def test_the_first_loss():
    """By hand: half the money is spread over four odds, and 1 / log(e + 1) of the other half stays out."""
    odds, bound = np.array([1.25, 1.6, 2.5, 6.0]), 0.5
    reserve = 0.5 / np.log(np.e + 1)
    stakes = (1 - reserve) / 4 * (2 * odds / (1 + odds))  # its chance of a loss over the bound's

    assert reserve + stakes.sum() == pytest.approx(after([1.0], bound).evidence)


def test_an_alarm_stays():
    """What comes after it changes nothing: good news does not take it back, and nothing overflows."""
    drift = after([1.0] * 5000)

    assert drift.alarmed
    assert drift == told(drift, 0.0)
    assert drift.evidence < 1e6


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0.001, 1)), max_size=60), st.floats(0, 1))
def test_evidence_is_never_negative(steps, bound):
    """Whatever comes, within the bounds of losses and weights, no bet loses more than was staked."""
    drift = Drift(bound, 0.001)
    for loss, weight in steps:
        drift = told(drift, loss, weight)

    assert min(drift.stakes) >= 0.0
    assert np.isfinite(drift.evidence)


def test_it_goes_on_after_a_restart():
    """To JSON and back, to the last bit."""
    drift = after([0.0, 1.0, 0.0, 0.3])

    assert drift == msgspec.json.decode(msgspec.json.encode(drift), type=Drift)
