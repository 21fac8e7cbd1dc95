"""What counts as an answer that rests on the sentences it names."""

import pytest
from hypothesis import given

from gpu_cascade.cascade.checks.cited import LONGEST_SAID, Cited, look, read, sentences

from .texts import ANY_MARKUP, draft, request

PROMPT = """Travel › Cancelling
[1] Trips booked through Concur may be cancelled within 30 days.
[2] The fee is 1,000 EUR, from 3 March 2024 on.
[3] Ask the Travel Desk.

Question: What does it cost to cancel a trip in Berlin?"""
ASK = request("An example.", PROMPT)


def score(text):
    return look(ASK, draft(text))[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[2] 1000 EUR", 1.0),
        ("[1, 2] within 30 days it costs 1,000 EUR", 1.0),
        ("[2] a fee of 1,000 EUR in Berlin", 1.0),  # Berlin is the question's
        ("[1] 1,000 EUR", 0.0),  # another sentence says so
        ("[2] 1,000 EUR within 30 days", 2 / 3),
        ("[2] the fee, from 4 March 2024 on", 2 / 3),
        ("[3] ask the Travel Office", 0.5),
        ("[3] You ask the desk", 1.0),  # a sentence begins with a capital letter
        ("[none] the policies do not say", 1.0),
    ],
)
def test_what_an_answer_says_must_stand_in_what_it_names(text, expected):
    """Numbers, dates and names, wherever they stand in those sentences; what was asked may be said again."""
    assert expected == pytest.approx(score(text))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1,000 EUR",
        "[] 1,000 EUR",
        "[2]",
        "[2] ",
        "[2] , ",
        "[4] a fee",
        "[2] What does it cost to cancel a trip in Berlin",
        "[2] a fee\nof 1,000 EUR",
        "[2] " + "a" * (LONGEST_SAID + 1),
        "[none]",
    ],
)
def test_what_is_not_an_answer_scores_nothing(text):
    """Another form, a sentence that is not there, the question again, or nothing."""
    assert 0.0 == score(text)


def test_an_answer_is_taken_apart():
    """Each number once, in the order named."""
    assert Cited((3, 1), "as it says") == read("[3,1, 3] as it says\n")
    assert Cited((), "not there") == read("[none] not there")
    assert read("[0x2] as it says") is None


def test_sentences_are_those_of_the_last_message():
    """Examples before it number theirs as well."""
    numbered = request("[1] Of an example.", PROMPT).messages

    assert {1, 2, 3} == set(sentences(numbered))
    assert "Ask the Travel Desk." == sentences(numbered)[3]
    assert {} == sentences([])


@given(ANY_MARKUP)
def test_any_text_has_a_score(text):
    """Between 0 and 1, and nothing of the text in the evidence."""
    found, evidence = look(ASK, draft(f"[2] {text}"))

    assert 0.0 <= found <= 1.0
    assert len(text) < 30 or text not in evidence
