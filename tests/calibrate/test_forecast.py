"""What would do where nothing could be certified."""

import numpy as np
import pytest

from gpu_cascade.calibrate.certificate import Kind
from gpu_cascade.calibrate.certify import certify
from gpu_cascade.calibrate.forecast import certifiable_loss, labels_needed
from gpu_cascade.calibrate.units import by_group


def units(rows, lost, size=1):
    """Keep-nothing, and one policy that loses `lost` rows, spread out."""
    losses = np.zeros((rows, 2))
    losses[np.linspace(0, rows - 1, lost, dtype=int), 1] = 1.0
    kept = np.ones((rows, 2), bool)
    kept[:, 0] = False
    return by_group(losses, kept, np.arange(rows) // size)


def needed(given, target=0.02, kind=Kind.PAIRED):
    return labels_needed(kind, given, target=target, confidence=0.9, start=1, index=1, seed=0)


def largest(given, target=0.02, kind=Kind.PAIRED):
    return certifiable_loss(kind, given, target=target, confidence=0.9, start=1, index=1, seed=0)


def certified(given, target, kind=Kind.PAIRED):
    return certify(kind, given, target=target, confidence=0.9, start=1, seed=0).index


def test_rows_that_lose_nothing_need_the_fewest():
    """100 faultless rows are too few for two points; 158 would do, and the ladder's next step is named."""
    found = needed(units(100, 0))

    assert 158 <= found <= 158 * 1.25


@pytest.mark.parametrize("kind", Kind)
def test_more_rows_of_the_same_kind_are_certified(kind):
    """Of collections with that many rows and the same loss, most are certified; now they are not."""
    few, share = units(300, 4), 4 / 300
    target = 0.03 if kind is Kind.PAIRED else 0.025
    rows = needed(few, target, kind)
    fresh = (np.random.default_rng(seed).random(rows) < share for seed in range(30))
    made = [
        by_group(np.c_[lost * 0, lost] * 1.0, np.ones((rows, 2), bool), np.arange(rows)) for lost in fresh
    ]

    assert None is certified(few, target, kind)
    assert 0.5 <= np.mean([certified(again, target, kind) == 1 for again in made])


def test_groups_are_drawn_whole():
    """Five rows to a document: the same losses need more rows than where each stands alone."""
    assert needed(units(400, 2)) < needed(units(400, 2, size=5))


def test_no_number_of_rows_mends_a_loss_above_the_target():
    """An observed loss at or above the target, or too near it, has no answer."""
    assert None is needed(units(1000, 20))
    assert None is needed(units(1000, 30))
    assert None is needed(units(5000, 99))


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("size", [1, 5])
def test_the_smallest_loss_that_passes(kind, size):
    """In thousandths: it would have been certified, a thousandth less would not."""
    given = units(1000, 22, size)

    found = largest(given, 0.02, kind)

    assert None is certified(given, 0.02, kind)
    assert 1 == certified(given, found, kind)
    assert None is certified(given, found - 0.001, kind)


def test_five_rows_certify_nothing_worth_having():
    """Few rows need a loss so large that it says little, or have none at all."""
    assert largest(units(5, 0)) > 0.4
    assert None is largest(units(5, 5))


def test_a_loss_above_the_target_is_named():
    """A thousandth more at least, also where 0.57 * 1000 is a hair under 570."""
    assert 0.571 == largest(units(1000, 0), 0.57)


def test_the_same_seed_forecasts_the_same():
    """A forecast can be quoted: it does not change from run to run."""
    assert needed(units(200, 1)) == needed(units(200, 1))
