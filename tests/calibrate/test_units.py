"""Rows to what is drawn at random."""

import math

import numpy as np
import pytest

from gpu_cascade.calibrate.units import by_group
from gpu_cascade.errors import BadRows

LOSSES = np.array([[0.0, 1.0], [0.0, -1.0], [0.5, 0.5]])
KEPT = np.array([[False, True], [False, True], [True, True]])


def test_a_group_is_the_mean_of_its_rows():
    """Groups come sorted by label; losses and keep shares are means, sizes count rows."""
    units = by_group(LOSSES, KEPT, np.array(["b", "a", "b"]))

    assert [[0.0, -1.0], [0.25, 0.75]] == units.losses.tolist()
    assert [[0.0, 1.0], [0.5, 1.0]] == units.kept.tolist()
    assert [1, 2] == units.sizes.tolist()
    assert (3, True) == (units.rows, units.repeat)


def test_rows_that_stand_alone_are_their_own_groups():
    """The matrix itself, in the order of the labels."""
    units = by_group(LOSSES, KEPT, np.array([3, 1, 2]))

    assert LOSSES[[1, 2, 0]].tolist() == units.losses.tolist()
    assert (3, False) == (units.rows, units.repeat)


def test_some_policies_alone():
    """Columns are cut, rows stay."""
    units = by_group(LOSSES, KEPT, np.array([0, 0, 1])).only(1, 2)

    assert [[0.0], [0.5]] == units.losses.tolist()
    assert [[1.0], [1.0]] == units.kept.tolist()
    assert [2, 1] == units.sizes.tolist()


def test_no_rows_are_no_groups():
    """An empty file has zero rows, and no group repeats."""
    units = by_group(LOSSES[:0], KEPT[:0], np.array([]))

    assert (0, False, (0, 2)) == (units.rows, units.repeat, units.losses.shape)


def test_a_missing_loss_is_refused():
    """One NaN among the losses is an error, not a zero."""
    with pytest.raises(BadRows, match="1 of 6 losses"):
        by_group(np.where(LOSSES == 0.5, [math.nan, 0.5], LOSSES), KEPT, np.arange(3))
