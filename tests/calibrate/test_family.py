"""What a cascade would have answered on recorded rows, held against asking row by row."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpu_cascade.calibrate.family import Family, Table, family, losses, outcomes

SCORE = st.one_of(st.floats(-5, 0), st.just(float("nan")))
SHARE = st.floats(0, 1)


def by_hand(table, thresholds, width, least):
    """The loop, one row at a time: who answers, what it scored, what was spent."""
    found = []
    for row in range(table.rows):
        spent = 0.0
        for tier, threshold in enumerate(thresholds):
            spent += table.engine_s[row, tier]
            score = table.scores[row, tier]
            keeps = score >= threshold
            if not keeps and width > 0 and np.isfinite(threshold) and score >= threshold - width:
                spent += table.judged_s[row, tier]
                keeps = table.p_true[row, tier] >= least
            if keeps:
                found.append((tier, table.quality[row, tier], spent))
                break
        else:
            last = len(thresholds)
            found.append((last, table.quality[row, last], spent + table.engine_s[row, last]))
    return found


@given(st.data(), st.integers(1, 3), st.integers(1, 12), st.sampled_from([0.0, 0.7]))
def test_a_family_answers_as_the_loop_does(data, tiers, rows, width):
    """Every policy of a family, on every row: the same tier, quality and cost."""

    def draw(kind, shape):
        flat = data.draw(st.lists(kind, min_size=shape[0] * shape[1], max_size=shape[0] * shape[1]))
        return np.array(flat, float).reshape(shape)

    table = Table(
        draw(SCORE, (rows, tiers)),
        draw(SHARE, (rows, tiers + 1)),
        draw(SHARE, (rows, tiers + 1)),
        draw(SHARE, (rows, tiers)),
        draw(SHARE, (rows, tiers)),
        np.array([str(row) for row in range(rows)]),
    )
    thresholds = np.vstack([np.full((1, tiers), np.inf), draw(st.floats(-5, 0), (3, tiers))])
    found = outcomes(table, Family(thresholds, width, 0.6))

    for place, policy in enumerate(thresholds):
        expected = by_hand(table, policy, width, 0.6)
        assert [one[0] for one in expected] == found.answered[:, place].tolist()
        assert [one[1] for one in expected] == found.quality[:, place].tolist()
        assert [one[2] for one in expected] == pytest.approx(found.engine_s[:, place].tolist())


def test_a_family_begins_with_keeping_nothing_and_keeps_more_and_more():
    """The order in which it is certified: from the safest outward, for several tiers as for one."""
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(500, 2))
    scores[::7, 0] = np.nan

    thresholds = family(scores).thresholds

    assert np.isinf(thresholds[0]).all()
    assert (np.diff(thresholds[1:], axis=0) <= 0).all()
    kept = (scores[:, 0, None] >= thresholds[:, 0]).mean(axis=0)
    assert kept[0] == 0
    assert kept[-1] == np.isfinite(scores[:, 0]).mean()


def test_a_tier_without_evidence_is_never_kept():
    """NaN throughout sets no threshold that keeps anything."""
    scores = np.column_stack([np.full(50, np.nan), np.linspace(-1, 0, 50)])

    assert np.isinf(family(scores).thresholds[:, 0]).all()


def test_losses_are_against_the_last_tier():
    """Below 0 where the kept draft was the better answer."""
    table = Table(
        np.array([[0.0], [0.0]]),
        np.array([[1.0, 0.0], [0.0, 1.0]]),
        np.ones((2, 2)),
        np.full((2, 1), np.nan),
        np.zeros((2, 1)),
        np.array(["a", "b"]),
    )
    policies = Family(np.array([[np.inf], [-1.0]]))

    assert [[0.0, -1.0], [0.0, 1.0]] == losses(table, outcomes(table, policies)).tolist()
