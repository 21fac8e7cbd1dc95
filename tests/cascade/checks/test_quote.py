"""What counts as quoted, and what counts as found in the prompt."""

import pytest
from hypothesis import given

from gpu_cascade.cascade.checks.quote import LONGEST_SOURCE, MOST_PIECES, look
from gpu_cascade.types import Request

from .texts import ANY_MARKUP, draft, request

POLICY = (
    "Travel is refundable within 13 days  of the\nbooking, for a fee of 1,000 EUR. “Late” claims don’t count."
)
ASK = request(POLICY, "Is travel refundable?")


def score(text, words=3, numbers=False, ask=ASK):
    return look(ask, draft(text), words=words, with_numbers=numbers)[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('It says "Travel is refundable within 13 days".', 1.0),
        ('It says "refundable within 13 days of the booking,"', 1.0),
        ("It says “is refundable within”.", 1.0),
        ("It says „is refundable within“.", 1.0),
        ("It says « is refundable within ».", 1.0),
        ("It says »is refundable within«.", 1.0),
        ("""It says "claims don't count".""", 1.0),
        ("It says \"'Late' claims don't\".", 0.0),
        ('It says "Travel is … for a fee".', 1.0),
        ('It says "Travel is [...] for no fee".', 0.0),
        ('It says "3 days of the booking".', 0.0),
        ('It says "travel is refundable".', 0.0),
        ('"Travel is refundable" and "travel is free".', 0.5),
        ('"Is travel refundable?" was asked.', 1.0),
        ('"count. Is travel refundable?"', 0.0),
        ('It says "refundable".', None),
        ("It says so.", None),
        ('An open " mark of many words', None),
        ('"... ... ..."', None),
        ("", None),
    ],
)
def test_a_quotation_stands_in_the_prompt(text, expected):
    """Word for word and within one message; its share is the score, and without any it is unknown."""
    assert expected == score(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The fee is 1000 EUR within 13 days.", 1.0),
        ("The fee is 100 EUR within 13 days.", 0.5),
        ("1. The fee\n2. The days: 13 [3]", 1.0),
        ("No fee.", None),
        ('"Travel is refundable" within 30 days', 0.5),
    ],
)
def test_numbers_stand_in_the_prompt(text, expected):
    """Each different number is looked up by its worth; list numbers and references are none."""
    assert expected == score(text, numbers=True)


def test_numbers_count_only_where_they_are_asked_for():
    """Without `numbers` there is nothing to look up in a text without quotations."""
    assert score("The fee is 100 EUR.") is None


def test_the_assistant_is_no_source():
    """What a model said earlier proves nothing."""
    earlier = Request([{"role": "assistant", "content": POLICY}, {"role": "user", "content": "Sure?"}])

    assert 0.0 == score('"Travel is refundable"', ask=earlier)


def test_the_system_message_and_parts_of_text_are_sources():
    """Content may come as a list of parts; what has no text is passed over."""
    parts = [{"type": "image_url"}, {"type": "text", "text": POLICY}, "x"]
    ask = Request([{"role": "system", "content": parts}, {"role": "user"}, {"role": "tool", "content": None}])

    assert 1.0 == score('"Travel is refundable"', ask=ask)


def test_too_much_to_look_up_is_unknown():
    """A huge prompt, or very many quotations, is not searched in the way of other requests."""
    assert score('"Travel is refundable"', ask=request("x" * (LONGEST_SOURCE + 1))) is None
    assert score('"Travel is refundable" ' * (MOST_PIECES + 1)) is None


def test_the_evidence_repeats_nothing():
    """It counts, and that is all."""
    evidence = look(ASK, draft('"Travel is refundable" within 30 days'), words=3, with_numbers=True)[1]

    assert "1 of 1 quotations and 0 of 1 numbers are in the prompt" == evidence


@given(ANY_MARKUP, ANY_MARKUP)
def test_any_text_has_a_score(text, prompt):
    """Whatever stands in draft and prompt, nothing is raised."""
    found = score(text, words=1, numbers=True, ask=request(prompt))

    assert found is None or 0.0 <= found <= 1.0


@given(ANY_MARKUP)
def test_what_is_copied_is_found(prompt):
    """A quotation of the whole prompt is always found in it."""
    copied = prompt.translate({ord(mark): None for mark in '"“”„«»…'}).replace("...", "")
    found = score(f'"{copied}"', words=1, ask=request(copied))

    assert found in {1.0, None}
