"""A draft that can no longer be kept is known as such before its end, and no other is."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpu_cascade.cascade.running import running
from gpu_cascade.cascade.signals import SIGNALS, WINDOW
from gpu_cascade.cascade.tokens import evidence, finite_logprobs
from gpu_cascade.types import Final, TokenLogprob

from .drafts import KINDS, draft

LOST = 253  # the kind of token that came without a logprob
PLACES = [*KINDS[:LOST], (None, KINDS[LOST][1]), *KINDS[LOST + 1 :]]
FALLING = [name for name, signal in SIGNALS.items() if signal.falls]
LIMITED = [name for name, signal in SIGNALS.items() if not signal.falls]
thorough = settings(max_examples=625)  # of 16 signals: 10,000 drafts in all
codes = st.binary(min_size=1, max_size=120)


def bounds(name, places, max_tokens):
    """The bound after each token."""
    follow = running(name, max_tokens)
    return [follow.add(logprob, top) for logprob, top in places]


def at_the_end(name, code):
    """The whole draft's signal; None without evidence, and such a draft escalates."""
    return None if LOST in code else SIGNALS[name].score(draft(code))


@pytest.mark.parametrize("name", SIGNALS)
@thorough
@given(codes, st.integers(0, 200))
def test_early_and_late_verdict_are_the_same(name, code, left):
    """Whenever the bound is below a threshold, any threshold, the whole draft is below it or has no evidence.

    Signals that fall end at the very value of the whole draft.
    """
    found = bounds(name, [PLACES[byte] for byte in code], len(code) + left)
    final = at_the_end(name, code)

    least = -math.inf if final is None else final
    assert all(bound is None or bound >= least for bound in found)
    if SIGNALS[name].falls and final is not None and (name != "group_confidence" or len(code) >= WINDOW):
        assert final == found[-1]


@pytest.mark.parametrize("name", FALLING)
@settings(max_examples=50)
@given(codes)
def test_signals_that_fall_need_no_limit(name, code):
    """Their bounds never rise, whatever the draft may still bring."""
    found = bounds(name, [PLACES[byte] for byte in code], None)

    known = [bound for bound in found if bound is not None]
    assert sorted(known, reverse=True) == known


@pytest.mark.parametrize("name", LIMITED)
def test_without_a_limit_some_have_no_bound(name):
    """A mean may rise with every token; at the limit itself it is what it is."""
    code = bytes(range(50))

    assert running(name, None) is None
    assert at_the_end(name, code) == bounds(name, [PLACES[byte] for byte in code], 50)[-1]


@pytest.mark.parametrize("name", SIGNALS)
@pytest.mark.parametrize("bad", [None, math.nan, -math.inf, -9999.0, 3.2])
def test_a_number_that_is_no_logprob_ends_all_hope(name, bad):
    """What is no evidence at the end is less than any threshold from there on."""
    found = bounds(name, [PLACES[1], (bad, PLACES[1][1]), PLACES[2]], 10)

    assert [-math.inf, -math.inf] == found[1:]
    assert finite_logprobs([TokenLogprob("a", bad)]) is None


def test_what_rounding_put_above_0_is_0():
    """The running sum and the whole draft's agree there too."""
    whole = evidence(Final("aa", "stop", "small", (TokenLogprob("a", 1e-7), TokenLogprob("a", -0.5))))

    assert SIGNALS["chow_sum"].score(whole) == bounds("chow_sum", [(1e-7, ()), (-0.5, ())], None)[-1]


@pytest.mark.parametrize("name", ["margin_mean", "entropy_max", "group_confidence"])
def test_missing_alternatives_end_all_hope_where_they_are_needed(name):
    """A signal of the first place alone does not look at the others."""
    assert -math.inf == bounds(name, [PLACES[1], PLACES[255]], 10)[-1]
    assert -math.inf < bounds("margin_first", [PLACES[1], PLACES[255]], 10)[-1]


def test_a_long_limit_forgives_more():
    """With room for 132 tokens ten may be bad: the eleventh smallest decides."""
    found = bounds("logprob_quantile", [(-5.0, ())] * 10 + [(-0.1, ()), (-5.0, ())], 132)

    assert [*[None] * 10, -0.1, -5.0] == found


def test_a_window_that_is_not_whole_says_nothing():
    """A shorter draft is judged by all it has, which no one knows before its end."""
    found = bounds("group_confidence", [PLACES[20]] * WINDOW, None)

    assert [None] * (WINDOW - 1) == found[:-1]
    assert found[-1] is not None
