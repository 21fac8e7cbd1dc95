"""Which rows set thresholds, which rows judge, and which thresholds are tried."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpu_cascade.calibrate.splits import LEARNED, UNTRAINED, grid, kept, split
from gpu_cascade.errors import BadRows

examples = settings(max_examples=50)
sizes = st.lists(st.integers(1, 9), min_size=40, max_size=120)
scores = st.lists(st.floats(-20, 0) | st.just(math.nan) | st.just(-math.inf), max_size=80).map(np.array)


@examples
@given(sizes, st.sampled_from([UNTRAINED, LEARNED]), st.integers(0, 99))
def test_a_group_stays_whole(sizes, shares, seed):
    """Every row is in one part, no group is in two, and each part has its share to within a group."""
    groups = np.repeat([f"doc-{number}" for number in range(len(sizes))], sizes)

    parts = split(groups, shares, seed)

    assert list(range(len(groups))) == sorted(np.concatenate(parts).tolist())
    names = [set(groups[rows]) for rows in parts]
    assert len(set(groups)) == sum(len(part) for part in names)
    for rows, share in zip(parts, shares, strict=True):
        assert abs(len(rows) - share * len(groups)) <= max(sizes)


def test_the_seed_decides_and_the_order_of_rows_does_not():
    """The same seed parts the same groups, in whatever order the rows come; another seed others."""
    groups = np.array([f"doc-{number % 50}" for number in range(200)])
    shuffled = np.random.default_rng(7).permutation(groups)

    def certifying(labels, seed):
        return set(labels[split(labels, UNTRAINED, seed)[1]])

    assert certifying(groups, 1) == certifying(groups, 1) == certifying(shuffled, 1)
    assert certifying(groups, 1) != certifying(groups, 2)


def test_rows_of_a_part_keep_their_order():
    """Indices come sorted, so nothing downstream depends on how they were drawn."""
    for rows in split(np.arange(100), LEARNED, 3):
        assert sorted(rows) == rows.tolist()


@pytest.mark.parametrize("groups", [["a"] * 12, ["a", "b"], []])
def test_too_few_groups_are_a_sentence(groups):
    """A part without rows is refused with the numbers and what to do."""
    sentence = (
        rf"^{len(groups)} rows in {len(set(groups))} groups cannot be parted into 10, 90 %: .* label more"
    )

    with pytest.raises(BadRows, match=sentence):
        split(np.array(groups), UNTRAINED, 0)


def test_the_grid_walks_outward_from_keep_nothing():
    """+inf, then observed scores, the largest first; ties come once, and scores that say nothing do not."""
    seen = np.array([-1.0, -3.0, math.nan, -1.0, -2.0, -math.inf])

    assert [math.inf, -1.0, -2.0, -3.0] == grid(seen).tolist()
    assert [math.inf, -1.0, -3.0] == grid(seen, 2).tolist()
    assert [math.inf] == grid(np.array([math.nan])).tolist()


def test_the_grid_has_a_hundred_and_one_quantiles():
    """On many scores: every percent of them, each a score that was seen."""
    seen = np.random.default_rng(0).random(5000)

    thresholds = grid(seen)

    assert 102 == len(thresholds)
    assert set(thresholds[1:]) <= set(seen)
    shares = kept(seen, thresholds).mean(axis=0)
    assert np.linspace(0, 1, 101).tolist() == pytest.approx(shares[1:].tolist(), abs=0.001)


@examples
@given(scores, scores)
def test_no_evidence_is_kept_by_no_threshold(scores, others):
    """Keep-nothing keeps nothing, keep-sets grow along the grid, and a score that is none is never in one."""
    keeps = kept(scores, grid(others))

    assert not keeps[:, 0].any()
    assert np.all(keeps[:, :-1] <= keeps[:, 1:])
    assert not keeps[~np.isfinite(scores)].any()
    assert not kept(np.array([math.nan, math.inf]), np.array([math.inf, -math.inf])).any()
