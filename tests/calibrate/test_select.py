"""Which number decides, on drafts whose truth is known."""

import numpy as np
import pytest

from gpu_cascade.calibrate.select import DEFAULT, LEARNED, P_TRUE, select

D = 20


def drawn(n, seed=0):
    """A hidden number decides which draft is right; the last tier is right nine times in ten."""
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=n)
    small = (rng.random(n) < 1 / (1 + np.exp(-2 * hidden))).astype(float)
    large = (rng.random(n) < 0.9).astype(float)
    return hidden, small, large, rng


def chosen(n=1000, signals=None, features=None, p_true=None):
    hidden, small, large, rng = drawn(n)
    blurred = {name: hidden + noise * rng.normal(size=n) for name, noise in (signals or {}).items()}
    seen = None if features is None else np.column_stack([hidden, rng.normal(size=(n, D - 1))])
    asked = None if p_true is None else hidden + p_true * rng.normal(size=n)
    return select(blurred, seen, small, large, np.arange(n), 0, asked)


def test_among_equals_the_default_is_chosen():
    """Whatever else carries the same, and the rule learned from it, is less simple."""
    found = chosen(signals={"chow_sum": 0.3, DEFAULT: 0.3}, features=True, p_true=0.3)

    assert DEFAULT == found.chosen
    assert [DEFAULT, "chow_sum", LEARNED, P_TRUE] == [entry.name for entry in found.table]


def test_a_signal_that_is_clearly_better_wins():
    """By more than one standard error."""
    found = chosen(signals={DEFAULT: 5.0, "chow_sum": 3.0, "margin_mean": 0.1})

    assert "margin_mean" == found.chosen
    means = {entry.name: entry.mean for entry in found.table}
    errors = {entry.name: entry.error for entry in found.table}
    assert means["margin_mean"] - errors["margin_mean"] > means["chow_sum"] > means[DEFAULT]


def test_the_learned_rule_wins_where_only_it_sees():
    """It is fitted on the other parts, and beats a blurred default on the part it did not see."""
    assert LEARNED == chosen(signals={DEFAULT: 4.0}, features=True).chosen


def test_another_call_is_made_only_where_nothing_else_does():
    """P(True) comes last, and wins where it is the only one that knows."""
    assert P_TRUE == chosen(signals={DEFAULT: 4.0}, p_true=0.1).chosen
    assert LEARNED == chosen(signals={DEFAULT: 4.0}, features=True, p_true=0.3).chosen


def test_the_same_seed_gives_the_same_table():
    """Parts are drawn from the seed alone."""
    assert chosen(signals={DEFAULT: 1.0}, features=True) == chosen(signals={DEFAULT: 1.0}, features=True)


def test_a_learned_rule_gains_nothing_from_its_own_group():
    """Features that only name the group look perfect to a rule that saw it; here they sort like a coin."""
    rng = np.random.default_rng(1)
    groups = np.repeat(np.arange(50), 8)
    small = np.repeat(rng.random(50) < 0.5, 8).astype(float)
    features = np.repeat(rng.normal(size=(50, D)), 8, axis=0)

    found = select({DEFAULT: np.zeros(400)}, features, small, np.ones(400), groups, 0)

    (learned,) = [entry.mean for entry in found.table if entry.name == LEARNED]
    assert abs(learned) < 0.35


@pytest.mark.parametrize(("small", "large"), [(1.0, 1.0), (0.0, 0.0), (0.0, 1.0), (1.0, 0.0)])
def test_one_kind_of_row_chooses_nothing(small, large):
    """Where every row gains the same, no confidence is better than another."""
    scores = np.full(100, small), np.full(100, large)

    assert select({DEFAULT: np.arange(100.0)}, None, *scores, np.arange(100), 0) is None


@pytest.mark.parametrize("n", [1, 5, 29])
def test_few_rows_choose_nothing(n):
    """Under 30 nobody can say."""
    assert chosen(n, signals={DEFAULT: 0.1}, features=True) is None


def test_one_group_chooses_nothing():
    """There is no second one to judge by."""
    hidden, small, large, _ = drawn(100)

    assert select({DEFAULT: hidden}, None, small, large, np.zeros(100), 0) is None


def test_equal_scores_sort_like_a_coin():
    """A signal that says the same of every draft has nAUC-DF 0."""
    _, small, large, _ = drawn(200)

    found = select({DEFAULT: np.ones(200)}, None, small, large, np.arange(200), 0)

    assert pytest.approx((0.0, 0.0), abs=1e-12) == (found.table[0].mean, found.table[0].error)


def test_a_candidate_without_numbers_has_no_mean_and_is_not_chosen():
    """No evidence is not confidence: a signal, features, a P(True) that are NaN throughout."""
    hidden, small, large, _ = drawn(200)
    nothing = np.full(200, np.nan)

    found = select(
        {DEFAULT: nothing, "chow_sum": hidden}, nothing[:, None], small, large, np.arange(200), 0, nothing
    )

    assert "chow_sum" == found.chosen
    assert [None, None, None] == [entry.mean for entry in found.table if not entry.chosen]
    assert select({DEFAULT: nothing}, None, small, large, np.arange(200), 0) is None
