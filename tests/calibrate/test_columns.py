"""By columns as one by one: calibration judges by the numbers that serving will see."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpu_cascade.calibrate.columns import SCORES, Columns, features, scores
from gpu_cascade.cascade import features as live
from gpu_cascade.cascade.signals import SIGNALS

from ..cascade.drafts import draft

examples = settings(max_examples=150)
EXACT = (
    "logprob_quantile",
    "chow_sum",
    "chow_average",
    "chow_quantile",
    "min_logprob",
    "second_smallest",
    "third_smallest",
    "count_below",
)
one = st.builds(draft, st.binary(min_size=1, max_size=70), st.integers(0, 5000), st.booleans())
many = st.lists(st.none() | one, max_size=8)


def or_nan(value):
    return math.nan if value is None else value


def one_by_one(name, drafts):
    return [math.nan if each is None else or_nan(SIGNALS[name].score(each)) for each in drafts]


@examples
@given(many)
def test_signals_are_those_of_the_live_path(drafts):
    """Every signal to 1e-9, NaN for None; those of the sampled tokens alone to the last bit."""
    found = scores(Columns.of(drafts))

    for name, column in found.items():
        np.testing.assert_allclose(column, one_by_one(name, drafts), rtol=0, atol=1e-9, err_msg=name)
    for name in EXACT:
        np.testing.assert_array_equal(found[name], one_by_one(name, drafts), err_msg=name)


@examples
@given(many)
def test_features_are_those_of_the_live_path(drafts):
    """The whole matrix to 1e-9; a row of NaN where there is no vector."""
    nothing = (math.nan,) * len(live.NAMES)
    rows = [nothing if each is None else live.features(each) or nothing for each in drafts]

    found = features(Columns.of(drafts))

    np.testing.assert_allclose(found, np.reshape(rows, found.shape), rtol=0, atol=1e-9)


def test_every_signal_has_its_column():
    """A new signal is added to both, or calibration could not see it."""
    assert list(SIGNALS) == list(SCORES)


@pytest.mark.parametrize("drafts", [[], [None], [None, None]])
def test_without_any_evidence_all_is_nan(drafts):
    """No drafts make empty columns, unknown ones NaN; neither is an error."""
    columns = Columns.of(drafts)

    assert all(
        np.isnan(column).all() and column.shape == (len(drafts),) for column in scores(columns).values()
    )
    assert (len(drafts), len(live.NAMES)) == features(columns).shape
    assert np.isnan(features(columns)).all()


def test_a_draft_without_evidence_takes_nothing_from_its_neighbours():
    """Between two others it is NaN, and they are what they are alone."""
    left, right = draft(bytes(range(20))), draft(bytes(range(20, 60)))

    apart = [scores(Columns.of([each]))["group_confidence"][0] for each in (left, right)]
    together = scores(Columns.of([left, None, right]))["group_confidence"]

    np.testing.assert_array_equal(together, [apart[0], math.nan, apart[1]])
