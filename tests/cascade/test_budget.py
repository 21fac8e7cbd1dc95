"""Whether an answer still fits: what recent ones took, who is ahead, and what nobody knows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpu_cascade.cascade.budget import KEPT, OLD_S, SHARE, Load, Pace, quantile
from gpu_cascade.types import Use

from .clock import Clock

FREE = Load()


def paced(clock, *seconds, load=FREE):
    pace = Pace(lambda _: load, clock)
    for took_s in seconds:
        pace.took("large", clock() - took_s, [])
    return pace


def test_nothing_is_expected_of_a_tier_that_nobody_has_timed():
    """Unknown is no reason to refuse: it pays."""
    pace = paced(Clock())

    assert pace.expected_s("large") is None
    assert pace.pays("large", due=0.001)


def test_what_nine_of_ten_took_is_expected():
    """Not the mean: one that is twice as slow every other time would be late every other time."""
    assert 9.0 == paced(Clock(), *range(1, 11)).expected_s("large")


def test_an_answer_pays_to_the_very_moment():
    """Expected at the limit is in time; without a limit everything is."""
    clock = Clock()
    pace = paced(clock, 2.0)

    assert pace.pays("large", clock() + 2.0)
    assert not pace.pays("large", clock() + 1.99)
    assert pace.pays("large", None)


def test_waiting_for_a_place_is_not_the_answers_own_time():
    """The queue of then says nothing of the queue of now."""
    clock = Clock()
    pace = paced(clock)
    pace.took("large", clock() - 5.0, [Use("large", queue_s=3.0)])

    assert 2.0 == pace.expected_s("large")


def test_who_is_ahead_and_an_engine_that_is_away_take_their_time():
    """Half a round ahead is half an answer more; waking comes before everything."""
    assert 4.0 + 1.5 * 2.0 == paced(Clock(), 2.0, load=Load(0.5, 4.0)).expected_s("large")


def test_a_slow_minute_is_forgotten():
    """Else a tier once too slow for everybody would never be measured again."""
    clock = Clock()
    pace = paced(clock, 30.0)

    clock.now += OLD_S + 1

    assert pace.expected_s("large") is None


def test_the_newest_answers_count():
    """Memory is bounded, and the pace follows."""
    assert 1.0 == paced(Clock(), *[9.0] * KEPT, *[1.0] * KEPT).expected_s("large")


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=70))
def test_the_quantile_is_one_that_was_seen_and_covers_its_share(values):
    """It is a value of the list, at least so many lie at or below it, and no smaller one has that."""
    found = quantile(values, SHARE)

    assert found in values
    assert sum(value <= found for value in values) >= SHARE * len(values)
    assert sum(value < found for value in values) < SHARE * len(values)


@pytest.mark.parametrize("took_s", [0.0, -0.001])
def test_an_answer_takes_no_less_than_nothing(took_s):
    """Clocks of two places may disagree by a little."""
    assert 0.0 == paced(Clock(), took_s).expected_s("large")
