"""Which tokens count, and their numbers."""

import math
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpu_cascade.cascade.tokens import (
    RULED_OUT,
    Evidence,
    answer_tokens,
    argument_tokens,
    evidence,
    finite_logprobs,
    is_guided,
    top_of,
)
from gpu_cascade.types import Final, FunctionCall, TokenLogprob, ToolCall, TopLogprob, Use, weighed

OSLO = '{"city": "Oslo"}'
CALL = ['{"name": "find', '", "arguments": ', '{"city": "', "Oslo", '"}', "}", "<|im_end|>"]


def final(text, tokens, reason="stop", reasoning="", calls=()):
    spoken = None if tokens is None else tuple(TokenLogprob(word, -0.1) for word in tokens)
    called = tuple(ToolCall("call_0", FunctionCall("find", arguments)) for arguments in calls)
    return Final(text, reason, "small", spoken, reasoning, tool_calls=called)


def words(tokens):
    return None if tokens is None else [token.token for token in tokens]


def place(*logprobs, token="a"):
    """A token whose alternatives have these logprobs."""
    return weighed(token, -0.5, [TopLogprob(f"t{i}", value) for i, value in enumerate(logprobs)])


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


@given(st.lists(st.text("ab", max_size=3), min_size=1, max_size=12), st.data())
def test_an_answers_tokens_are_those_that_share_a_character_with_it(tokens, data):
    """However the text is cut into tokens, and wherever a stop string cuts it off."""
    whole = "".join(tokens)
    text = whole[: data.draw(st.integers(0, len(whole)))]
    ends = list(accumulate(map(len, tokens)))
    own = [
        token
        for token, end in zip(tokens, ends, strict=True)
        if (end - len(token) < len(text) if token else end < len(text))
    ]

    assert (own if text else None) == words(answer_tokens(final(text, tokens)))


def test_the_first_bytes_of_a_character_count():
    """They come as empty tokens, before the answer and after thoughts alike."""
    assert ["", "", "é"] == words(answer_tokens(final("é", ["", "", "é", "<|im_end|>"])))
    assert ["", "é"] == words(answer_tokens(final("é", ["so", "", "</think>", "", "é"], reasoning="so")))


def test_text_that_decodes_apart_from_its_tokens_keeps_all_but_the_stop_token():
    """A character split over two tokens cannot be looked up: then all but the stop token count."""
    assert ["\ufffd", "\ufffd"] == words(answer_tokens(final("é", ["\ufffd", "\ufffd", "<|im_end|>"])))
    assert answer_tokens(final("é", ["x", "\ufffd"], reasoning="x")) is None


def test_no_logprobs_and_no_text_are_no_evidence():
    """Silence is never confidence."""
    assert answer_tokens(final("It is", None)) is None
    assert answer_tokens(final("", ["<|im_end|>"])) is None
    assert evidence(final("It is", None)) is None
    assert evidence(final("", ["<|im_end|>"])) is None


def test_of_a_tool_call_the_arguments_count():
    """The wrapping that every call shares is left out."""
    assert ['{"city": "', "Oslo", '"}'] == words(argument_tokens(final("", CALL, calls=[OSLO])))


def test_calls_with_the_same_arguments_are_told_apart():
    """Each is looked up behind the one before it."""
    found = argument_tokens(final("", [*CALL[:-1], *CALL], calls=[OSLO] * 2))

    assert ['{"city": "', "Oslo", '"}'] * 2 == words(found)


def test_arguments_that_were_written_anew_are_no_evidence():
    """Whose numbers they are is unknown; nor are there any without logprobs."""
    anew = final("", CALL, calls=['{"city":"Oslo"}'])

    assert argument_tokens(anew) is None
    assert evidence(anew) is None
    assert argument_tokens(final("", None, calls=["{}"])) is None


def test_arguments_are_looked_for_after_what_was_said_and_thought():
    """Thoughts and text that spell the same arguments are not the call."""
    thought = ["So ", OSLO, "</think>", *CALL]
    said = ["I call ", OSLO, ".", *CALL]

    for spoken in (
        final("", thought, reasoning=f"So {OSLO}", calls=[OSLO]),
        final(f"I call {OSLO}.", said, calls=[OSLO]),
    ):
        assert ['{"city": "', "Oslo", '"}'] == words(argument_tokens(spoken))
    assert argument_tokens(final("Other words.", said, calls=[OSLO])) is None


def test_the_evidence_of_a_tool_call_is_its_arguments():
    """Three tokens of seven."""
    assert [-0.1] * 3 == evidence(final("", CALL, calls=[OSLO])).logprobs


def test_under_a_grammar_only_free_tokens_count():
    """What the grammar forced came at 0 and says nothing about the model."""
    tokens = (TokenLogprob("{", 0.0), TokenLogprob("yes", -0.7), TokenLogprob("}", -1e-8))
    guided = Final("{yes}", "stop", "small", tokens)

    assert [-0.7] == evidence(guided, guided=True).logprobs
    assert [0.0, -0.7, -1e-8] == evidence(guided).logprobs


def test_a_wholly_forced_answer_is_no_evidence():
    """Where nothing was chosen nothing was said."""
    assert evidence(Final("{}", "stop", "small", (TokenLogprob("{}", 0.0),)), guided=True) is None


@pytest.mark.parametrize("bad", [None, math.nan])
def test_a_missing_number_is_not_taken_for_a_forced_token(bad):
    """It spoils the evidence under a grammar as anywhere."""
    tokens = (TokenLogprob("yes", -0.7), TokenLogprob("!", bad))

    assert evidence(Final("yes!", "stop", "small", tokens), guided=True) is None


@pytest.mark.parametrize(
    ("params", "guided"),
    [
        ({"structured_outputs": {"choice": ["a"]}}, True),
        ({"response_format": {"type": "json_object"}}, True),
        ({"tools": [{}]}, True),
        ({"tools": [{}], "tool_choice": "required"}, True),
        ({"tools": [{}], "tool_choice": "none"}, False),
        ({"temperature": 0}, False),
    ],
)
def test_what_may_be_a_grammar(params, guided):
    """Structured outputs, a response format, and tools that may be called: tokens may have been forced."""
    assert guided == is_guided(params)


def test_one_number_that_is_no_logprob_spoils_all():
    """No evidence for one token is no evidence: missing, infinite, vLLM's stand-in, a raw logit."""
    good = TokenLogprob("a", -0.5)

    assert [-0.5] == finite_logprobs([good])
    for bad in (None, -math.inf, math.inf, math.nan, -9999.0, 3.2):
        assert finite_logprobs([good, TokenLogprob("b", bad)]) is None
    assert finite_logprobs([]) is None


def test_what_rounding_put_above_0_is_0():
    """No token is surer than certain."""
    assert [-0.5, 0.0] == finite_logprobs([TokenLogprob("a", -0.5), TokenLogprob("b", 1e-7)])


def test_alternatives_are_sorted():
    """VLLM puts the sampled token first, whatever its rank."""
    assert (-0.4, -1.5, -2.0) == top_of(place(-2.0, -0.4, -1.5))


def test_alternatives_without_probability_stay_and_the_rest_is_clamped():
    """A place has as many alternatives as were asked for; all below -9999 are the same."""
    assert (0.0, RULED_OUT, RULED_OUT) == top_of(place(1e-7, -1e300, -9999.0))


@pytest.mark.parametrize("bad", [None, math.nan, 3.2, math.inf])
def test_one_alternative_that_is_no_logprob_spoils_its_place(bad):
    """The place then has no alternatives, and no signal that needs them can be had."""
    assert () == top_of(place(-0.4, bad))


def test_evidence_carries_what_stands_beside_the_tokens():
    """Prompt length and whether the draft was cut are features of it."""
    draft = Final("a", "length", "small", (place(-0.4, -1.5),), uses=(Use("small", prompt_tokens=12),))

    assert Evidence([-0.5], ((-0.4, -1.5),), 12, cut=True) == evidence(draft)
    assert ((),) == evidence(final("a", ["a"])).tops


def choosing(**logprobs):
    return weighed("?", -0.1, [TopLogprob(token, value) for token, value in logprobs.items()])
