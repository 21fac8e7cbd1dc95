"""What number the tokens make, and that it means the same as elsewhere."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpu_cascade.cascade.signals import SIGNALS, TOPS, WINDOW, entropy, logprob_quantile, margin
from gpu_cascade.cascade.tokens import RULED_OUT, Evidence
from gpu_cascade.config import fields

from .drafts import draft, fastest_us, normal

GOLDEN = json.loads(Path(__file__).with_name("golden_signals.json").read_text())
HALF, QUARTER = math.log(0.5), math.log(0.25)
examples = settings(max_examples=200)


def score(name, logprobs, tops=()):
    return SIGNALS[name].score(Evidence(logprobs, tops or [()] * len(logprobs)))


def of_tops(name, *tops):
    return score(name, [-0.1] * len(tops), tops)


def padded(*logprobs):
    """A place where a grammar allowed these alternatives only."""
    return (*logprobs, *[RULED_OUT] * (10 - len(logprobs)))


def test_short_drafts_are_judged_by_their_worst_token():
    """Up to 41 tokens the default signal is the smallest logprob."""
    assert -3.0 == score("logprob_quantile", [-0.1] * 40 + [-3.0])


def test_long_drafts_are_judged_by_the_kth_smallest():
    """k = 1 + max(0, T - 32) // 10: 42 tokens forgive one, 132 forgive ten."""
    assert -0.1 == logprob_quantile([-0.1] * 41 + [-3.0])
    assert -2.0 == logprob_quantile([-0.1] * 121 + [-2.0] + [-3.0] * 10)
    assert -math.inf == logprob_quantile([])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("chow_sum", -8.0),
        ("chow_average", -1.6),
        ("chow_quantile", -4.0),
        ("min_logprob", -4.0),
        ("second_smallest", -2.0),
        ("third_smallest", -1.5),
        ("count_below", -3.0),
    ],
)
def test_signals_of_the_sampled_tokens(name, value):
    """Of five logprobs; exactly -1 is not below -1."""
    assert value == score(name, [-0.5, -4.0, 0.0, -1.5, -2.0])


def test_a_token_at_the_mark_is_not_below_it():
    """Below -1 nat means less than -1."""
    assert -1.0 == score("count_below", [-1.0, -1.0000001])


def test_a_rank_beyond_the_draft_cannot_be_said():
    """One token has no second smallest, two no third."""
    assert score("second_smallest", [-0.1]) is None
    assert score("third_smallest", [-0.1, -0.2]) is None


def test_margins():
    """UCCI's own example: u = .616667 for (.9, .05), (.6, .3), (.5, .5)."""
    tops = [tuple(map(math.log, pair)) for pair in ((0.9, 0.05), (0.6, 0.3), (0.5, 0.5))]

    assert pytest.approx(1 - 0.616667, abs=1e-6) == of_tops("margin_mean", *tops)
    assert pytest.approx(0.85) == of_tops("margin_first", *tops)
    assert pytest.approx(0.0) == of_tops("margin_q10", *tops)


def test_entropy_lumps_what_it_does_not_see():
    """Half and a quarter seen: the last quarter counts as one outcome, so H = 1.5 bits."""
    assert pytest.approx(1.5 * math.log(2)) == entropy((HALF, QUARTER))
    assert pytest.approx(math.log(2)) == entropy((HALF, QUARTER), k=1)


def test_the_entropies_of_a_draft():
    """Mean and largest over its places, negated: an even choice of two and a certain token."""
    tops = [padded(HALF, HALF), padded(0.0)]

    assert pytest.approx(-math.log(2) / 2) == of_tops("entropy_mean", *tops)
    assert pytest.approx(-math.log(2)) == of_tops("entropy_max", *tops)


def test_a_certain_token_and_a_sum_above_1_are_no_trouble():
    """0 ln 0 is 0, and rounding above 1 leaves nothing over."""
    assert 0.0 == entropy(padded(0.0))
    assert 0.0 <= entropy((0.0, -1e-9)) < 1e-8


def test_group_confidence_is_that_of_the_weakest_stretch():
    """Two weak tokens between strong ones pull down the 16 around them; a short draft is one stretch."""
    strong, weak = (-0.1, *[-9.0] * (TOPS - 1)), (-0.5, *[-3.0] * (TOPS - 1))
    high, low = (9 * (TOPS - 1) + 0.1) / TOPS, (3 * (TOPS - 1) + 0.5) / TOPS

    found = of_tops("group_confidence", *[strong] * 20, weak, weak, *[strong] * 20)

    assert pytest.approx((2 * low + (WINDOW - 2) * high) / WINDOW) == found
    assert pytest.approx((low + high) / 2) == of_tops("group_confidence", strong, weak)


def test_what_a_grammar_ruled_out_is_no_confidence():
    """C_t is taken over the alternatives that there were."""
    assert pytest.approx((0.1 + 2.4) / 2) == of_tops("group_confidence", padded(-0.1, -2.4))


def test_a_constrained_choice():
    """Over the options that the grammar left: the chance of the first, and how far they are from even."""
    place = padded(math.log(0.6), math.log(0.2), math.log(0.2))
    bits = -(0.6 * math.log(0.6) + 0.4 * math.log(0.2))

    assert pytest.approx(0.6) == of_tops("max_prob", place)
    assert pytest.approx(math.log(3) - bits) == of_tops("distance_to_uniform", place)
    assert pytest.approx(0.0) == of_tops("distance_to_uniform", padded(HALF, HALF))


def test_chances_are_those_among_the_alternatives():
    """Those that hold little of the probability are scaled up, however little it is."""
    assert pytest.approx(1 / TOPS) == of_tops("max_prob", (-800.0,) * TOPS)


def test_a_choice_of_one_is_no_choice():
    """Nothing is said by taking the only option."""
    assert of_tops("max_prob", padded(0.0)) is None
    assert of_tops("distance_to_uniform", padded(0.0)) is None


@pytest.mark.parametrize("name", [name for name, signal in SIGNALS.items() if signal.tops])
def test_missing_alternatives_are_no_evidence(name):
    """One place with too few spoils what looks at all places; the first place spoils all that look at it."""
    needs = SIGNALS[name].tops
    full, short = (-0.1, *[-4.0] * 9), (-0.1, *[-4.0] * (needs - 2))

    assert of_tops(name, full, full) is not None
    assert of_tops(name, short, full) is None
    assert of_tops(name, (), full) is None
    looks_at_all = name not in {"margin_first", "max_prob", "distance_to_uniform"}
    assert looks_at_all is (of_tops(name, full, short) is None)


@pytest.mark.parametrize("name", SIGNALS)
def test_more_alternatives_than_needed_change_nothing(name):
    """What a client asked for beside must not move the number that decides."""
    rich = [normal([-j * spread for j in range(20)]) for spread in (0.2, 1.0, 3.0)]
    lean = [top[: SIGNALS[name].tops] for top in rich]

    assert of_tops(name, *lean) == of_tops(name, *rich)


@examples
@given(st.binary(min_size=1, max_size=60))
def test_a_signal_is_a_finite_number_or_none(code):
    """Whatever comes: no error, no NaN, no infinity."""
    found = [signal.score(draft(code)) for signal in SIGNALS.values()]

    assert all(value is None or math.isfinite(value) for value in found)


@pytest.mark.parametrize("name", SIGNALS)
def test_surer_tokens_score_higher(name):
    """Higher is surer for every signal: the same draft from a sharper model."""
    blunt, sharp = ([normal([-j * spread for j in range(12)])] * 3 for spread in (0.2, 3.0))

    low, high = (score(name, [tops[0][0]] * 3, tops) for tops in (blunt, sharp))

    assert low < high


@examples
@given(st.lists(st.sampled_from([-3.0, -1.0, -0.2, 0.0]), min_size=1, max_size=150))
def test_the_quantile_is_numpys_lower_one(logprobs):
    """An observed value, not a mixture of two."""
    assert np.quantile(logprobs, 0.1, method="lower") == score("chow_quantile", logprobs)


@pytest.mark.parametrize(
    ("name", "theirs", "of"),
    [
        ("chow_sum", "MaximumSequenceProbability", lambda u: -u),
        ("chow_average", "Perplexity", lambda u: -u),
        ("margin_mean", "ucci", lambda u: 1 - u),
    ],
)
def test_others_compute_the_same(name, theirs, of):
    """lm-polygraph 0.7 and ucci-router 0.1.1 on the same tokens (scripts/long/golden_signals.py)."""
    ours = [SIGNALS[name].score(Evidence(one["logprobs"], one["tops"])) for one in GOLDEN["drafts"]]

    assert pytest.approx([of(one["uncertainty"][theirs]) for one in GOLDEN["drafts"]], abs=1e-6) == ours


def test_entropies_are_the_same_where_nothing_is_lumped():
    """Over all ten words of the vocabulary, as lm-polygraph has them; the signal lumps beyond five."""
    for one in GOLDEN["drafts"]:
        ours = sum(entropy(top, k=len(top)) for top in one["tops"]) / len(one["tops"])
        assert pytest.approx(one["uncertainty"]["MeanTokenEntropy"], abs=1e-6) == ours
        assert SIGNALS["entropy_mean"].score(Evidence(one["logprobs"], one["tops"])) >= -ours


def test_margins_are_probabilities():
    """The likelier of two certain extremes."""
    assert 1.0 == margin((0.0, RULED_OUT))


def test_the_default_signal_takes_10_microseconds():
    """Of a draft of 64 tokens: it stands in the way of every kept answer."""
    default, long = SIGNALS["logprob_quantile"], draft(bytes(range(64)))

    assert fastest_us(lambda: default.score(long), 10) <= 10


def test_models_yaml_knows_every_signal():
    """The configuration lies on a lower floor and has its own list."""
    assert set(SIGNALS) == set(fields.SIGNALS)
