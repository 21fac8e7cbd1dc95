"""Which tokens count, and what number they make."""

import math

from gpu_cascade.cascade.signals import answer_tokens, finite_logprobs, logprob_quantile
from gpu_cascade.types import Final, TokenLogprob


def final(text, tokens, reason="stop", reasoning=""):
    spoken = None if tokens is None else tuple(TokenLogprob(word, -0.1) for word in tokens)
    return Final(text, reason, "small", spoken, reasoning)


def words(tokens):
    return None if tokens is None else [token.token for token in tokens]


def test_the_stop_token_is_left_out():
    """An end-of-turn token is generated but not part of the answer."""
    assert ["It", " is"] == words(answer_tokens(final("It is", ["It", " is", "<|im_end|>"])))


def test_a_stop_string_is_left_out():
    """Tokens that only made up the client's stop string do not count."""
    assert ["It", " is "] == words(answer_tokens(final("It is ", ["It", " is ", "Paris"])))


def test_a_token_that_the_text_ends_in_counts():
    """A token is the answer's own as soon as one of its characters is."""
    assert ["It", " is."] == words(answer_tokens(final("It i", ["It", " is."])))


def test_reasoning_is_left_out():
    """Only what stands after the thoughts is judged, even if the thoughts say the same."""
    tokens = ["42", "?", " yes", "</think>", "42", "<|im_end|>"]

    found = answer_tokens(final("42", tokens, reasoning="42? yes"))

    assert ["42"] == words(found)


def test_an_answer_that_occurs_in_the_stop_token_is_not_found_there():
    """The answer "end" is not looked for inside "<|im_end|>"."""
    tokens = ["so", "</think>", "end", "<|im_end|>"]

    found = answer_tokens(final("end", tokens, reasoning="so"))

    assert ["end"] == words(found)


def test_text_that_decodes_apart_from_its_tokens_keeps_all_but_the_stop_token():
    """A character split over two tokens cannot be looked up: then all but the stop token count."""
    assert ["\ufffd", "\ufffd"] == words(answer_tokens(final("é", ["\ufffd", "\ufffd", "<|im_end|>"])))
    assert answer_tokens(final("é", ["x", "\ufffd"], reasoning="x")) is None


def test_no_logprobs_and_no_text_are_no_evidence():
    """Silence is never confidence."""
    assert answer_tokens(final("It is", None)) is None
    assert answer_tokens(final("", ["<|im_end|>"])) is None


def test_one_missing_or_infinite_logprob_spoils_all():
    """No evidence for one token means no evidence."""
    good = TokenLogprob("a", -0.5)

    assert [-0.5] == finite_logprobs([good])
    for bad in (None, -math.inf, math.nan):
        assert finite_logprobs([good, TokenLogprob("b", bad)]) is None
    assert finite_logprobs([]) is None


def test_short_drafts_are_judged_by_their_worst_token():
    """Up to 41 tokens the signal is the smallest logprob."""
    assert -3.0 == logprob_quantile([-0.1] * 40 + [-3.0])


def test_long_drafts_are_judged_by_the_kth_smallest():
    """k = 1 + max(0, T - 32) // 10: 42 tokens forgive one, 132 forgive ten."""
    assert -0.1 == logprob_quantile([-0.1] * 41 + [-3.0])
    assert -2.0 == logprob_quantile([-0.1] * 121 + [-2.0] + [-3.0] * 10)
    assert -math.inf == logprob_quantile([])
