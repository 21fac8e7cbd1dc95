"""What is shown of what the model wrote."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpu_cascade.policy_qa.answer.cite import NOT_ANSWERED, answer, as_text
from gpu_cascade.policy_qa.answer.prompt import compose

from ...cascade.checks.texts import draft
from .made import excerpt

FOUND = [
    excerpt("Trips", "Cancel within  30 days. A fee of 5 EUR is due.", "Ask the desk.", page=4),
    excerpt("Pay", "Pay day is the 28th."),
]
PROMPT = compose("When may I cancel?", FOUND)


def test_an_answer_has_its_sentences_word_for_word():
    """With document, heading, page and place, in the order named."""
    found = answer(PROMPT, draft("[2, 1] within 30 days, for 5 EUR"))

    assert (True, "within 30 days, for 5 EUR") == (found.answered, found.text)
    assert ["A fee of 5 EUR is due.", "Cancel within  30 days."] == [one.quote for one in found.citations]
    first = found.citations[0]
    assert ("trips.md", "Basics", 4, 0, 2) == (
        first.document,
        first.heading,
        first.page,
        first.passage,
        first.sentence,
    )


@pytest.mark.parametrize(
    ("text", "finish_reason"),
    [
        ("[none] not in the policies", "stop"),
        ("[1] within 60 days", "stop"),
        ("[9] within 30 days", "stop"),
        ("within 30 days", "stop"),
        ("[1] within 30 days", "length"),
        ("", "stop"),
    ],
)
def test_what_is_not_borne_is_not_shown(text, finish_reason):
    """Instead it says that the policies do not answer, and what comes nearest."""
    found = answer(PROMPT, draft(text, finish_reason))

    assert (False, NOT_ANSWERED) == (found.answered, found.text)
    assert ["Cancel within  30 days.", "Ask the desk.", "Pay day is the 28th."] == [
        one.quote for one in found.citations
    ]


def test_plain_clients_see_the_places_too():
    """As lines under the answer."""
    text = as_text(answer(PROMPT, draft("[4] on the 28th")))

    assert "on the 28th\n\n[1] pay.md › Basics: “Pay day is the 28th.”" == text
    nothing = as_text(answer(compose("Why?", []), draft("[none] not in the policies")))
    assert NOT_ANSWERED == nothing


@given(st.text(max_size=80), st.lists(st.integers(-1, 12), max_size=5))
def test_no_quote_is_made_up(said, numbers):
    """Whatever the model writes, each citation is a sentence of what was found."""
    known = {sentence.quote for sentence in PROMPT.sentences}

    found = answer(PROMPT, draft(f"[{', '.join(map(str, numbers))}] {said}"))

    assert {one.quote for one in found.citations} <= known
