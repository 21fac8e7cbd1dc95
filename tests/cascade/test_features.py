"""The row of numbers that the learned rule sees."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpu_cascade.cascade.features import NAMES, TOPS, features
from gpu_cascade.cascade.signals import SIGNALS, entropy
from gpu_cascade.cascade.tokens import RULED_OUT, Evidence

from .drafts import draft, fastest_us

CERTAIN = (0.0, RULED_OUT, RULED_OUT, RULED_OUT)
EVEN = (math.log(0.5), math.log(0.5), RULED_OUT, RULED_OUT)
examples = settings(max_examples=200)


def named(found):
    return dict(zip(NAMES, found, strict=True))


def test_every_number_of_a_draft():
    """Five tokens: four certain places and an even one."""
    tops = [EVEN, CERTAIN, CERTAIN, CERTAIN, CERTAIN]

    found = named(features(Evidence([-4.0, -3.0, 0.0, -2.0, -1.0], tops, prompt_tokens=9, cut=True)))

    assert (
        pytest.approx(
            {
                "logprob_q0": -4.0,
                "logprob_q05": -4.0,
                "logprob_q10": -4.0,
                "logprob_q25": -3.0,
                "logprob_q50": -2.0,
                "logprob_q75": -1.0,
                "logprob_mean": -2.0,
                "logprob_second": -3.0,
                "logprob_third": -2.0,
                "margin_q0": 0.0,
                "margin_q10": 0.0,
                "margin_q25": 1.0,
                "margin_q50": 1.0,
                "margin_mean": 0.8,
                "margin_first": 0.0,
                "entropy_mean": math.log(2) / 5,
                "entropy_max": math.log(2),
                "log_tokens": math.log(6),
                "log_prompt_tokens": math.log(10),
                "cut": 1.0,
            }
        )
        == found
    )


def test_short_drafts_have_every_number():
    """A single token is its own second and third smallest."""
    found = named(features(Evidence([-1.5], [EVEN])))

    assert (-1.5, -1.5) == (found["logprob_second"], found["logprob_third"])


def test_a_place_with_too_few_alternatives_spoils_the_row():
    """No evidence for one place is no evidence."""
    assert features(Evidence([-0.1, -0.2], [CERTAIN, CERTAIN[: TOPS - 1]])) is None
    assert features(Evidence([-0.1], [()])) is None


@examples
@given(st.binary(min_size=1, max_size=60))
def test_features_agree_with_the_signals(code):
    """Where a signal has the same meaning it has the same value; every number is finite."""
    one = draft(code)
    row = features(one)
    if row is None:
        assert min(map(len, one.tops)) < TOPS
        return
    found = named(row)

    assert all(map(math.isfinite, row))
    for name, signal in {
        "logprob_q0": "min_logprob",
        "logprob_q10": "chow_quantile",
        "logprob_mean": "chow_average",
        "margin_q10": "margin_q10",
        "margin_mean": "margin_mean",
        "margin_first": "margin_first",
    }.items():
        assert pytest.approx(SIGNALS[signal].score(one), abs=1e-12) == found[name]
    assert pytest.approx(max(entropy(top, TOPS) for top in one.tops), abs=1e-12) == found["entropy_max"]


def test_the_row_takes_300_microseconds():
    """Of 512 tokens with ten alternatives each."""
    long = draft(bytes(i % 254 for i in range(512)))

    assert fastest_us(lambda: features(long), 300) <= 300
