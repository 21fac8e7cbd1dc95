"""Probabilities are mapped on one half and measured on the other."""

import numpy as np
import pytest

from gpu_cascade.calibrate import metrics
from gpu_cascade.evaluate.intervals import resampled
from gpu_cascade.evaluate.probabilities import cross_mapped, truth


def drafts(n, seed=0):
    rng = np.random.default_rng(seed)
    sure = rng.normal(size=n)
    return sure, rng.random(n) < 1 / (1 + np.exp(-2 * sure)), (np.arange(n // 2), np.arange(n // 2, n))


def test_no_draft_helps_to_map_itself():
    """Turning one half's outcomes around changes the other half's probabilities, and not its own."""
    sure, right, parts = drafts(400)
    _, before = cross_mapped(sure, right, parts)
    right[parts[0]] = ~right[parts[0]]

    _, after = cross_mapped(sure, right, parts)

    assert before[parts[0]].tolist() == after[parts[0]].tolist()
    assert (before[parts[1]] != after[parts[1]]).all()


@pytest.mark.parametrize(("n", "name"), [(400, "sigmoid"), (2000, "isotonic")])
def test_the_map_makes_true_probabilities(n, name):
    """A confidence in any unit becomes a probability that comes about as often as it says."""
    sure, right, parts = drafts(n)

    by, p = cross_mapped(100 * sure - 3, right, parts)

    assert name == by
    assert metrics.ece(p, right) < 0.06
    assert metrics.auroc(~right, p) == pytest.approx(metrics.auroc(~right, sure), abs=0.01)


def test_what_cannot_be_mapped_stays_unknown():
    """No probability without a confidence, nor where the other half is right throughout."""
    sure, right, parts = drafts(400)
    sure[3] = np.nan
    right[parts[0]] = True

    by, p = cross_mapped(sure, right, parts)

    assert "sigmoid" == by
    assert np.isnan(p[3])
    assert np.isnan(p[parts[1]]).all()
    assert np.isfinite(np.delete(p[parts[0]], 3)).all()
    assert (None, True) == (cross_mapped(sure, np.ones(400, bool), parts)[0], True)


def test_resampled_errors_are_those_of_the_formula():
    """Drawing every row once gives the calibration error and the Brier score themselves."""
    sure, right, _ = drafts(300)
    p = np.where(np.arange(300) % 7, 1 / (1 + np.exp(-sure)), np.nan).round(1)
    measure = truth("only", None, p, right)

    once = measure.draw(np.ones((300, 1)))[:, 0]
    found = measure.conclude(resampled(np.arange(300), [measure], 200, 0)[measure])

    assert [metrics.ece(p, right), metrics.brier(p, right)] == pytest.approx(once.tolist())
    assert (found.ece.value, found.brier.value) == (metrics.ece(p, right), metrics.brier(p, right))
    assert found.brier.ci[0] < found.brier.value < found.brier.ci[1]
    assert np.isfinite(p).sum() == found.rows


def test_nothing_said_is_not_defined():
    """A score without any probability has no error and no picture."""
    measure = truth("only", None, np.full(20, np.nan), np.ones(20, bool))

    found = measure.conclude(measure.draw(np.ones((20, 3))))

    assert (0, None, None, ()) == (found.rows, found.ece.value, found.brier.value, found.bins)
