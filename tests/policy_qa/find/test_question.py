"""What a question is about, without how it asks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpu_cascade.policy_qa.find.question import content
from gpu_cascade.policy_qa.index.words import words


@pytest.mark.parametrize(
    ("question", "left"),
    [
        ("What is the annual leave carryover limit?", "annual leave carryover limit"),
        ("I don't know who's on call; can't we've the list?", "know call list"),
        ("When I leave in May, may GitHub's 1,000 files stay?", "leave may may github s 1000 file stay"),
        ("Who in IT helps US citizens?", "it help us citizen"),
        ("Wie viele Urlaubstage habe ich im ersten Jahr?", "urlaubstage ersten jahr"),
        ("Does the man die in the war?", "man die war"),
        ("leave before probation", "leave before probation"),
        ("Was gilt fu\u0308r U\u0308berstunden?", "gilt uberstunden"),  # as some keyboards send it
        ("I\u0300A\u0300 and x\u0300I", "ia xi"),
        ("9I9", "9 9"),
    ],
)
def test_function_words_go(question, left):
    """Of the question's own language; names in capitals, numbers and contracted names stay."""
    assert left == " ".join(words(content(question)))


@pytest.mark.parametrize("question", ["What is it?", "", "?!", "Who are we"])
def test_nothing_else(question):
    """Words that ask are looked for where there are no others."""
    assert question == content(question)


@given(st.text())
def test_nothing_is_made_up(question):
    """Whatever the text: what is left stood in it, and something is left where there was something."""
    left = words(content(question))

    assert set(left) <= set(words(question))
    assert bool(left) == bool(words(question))
