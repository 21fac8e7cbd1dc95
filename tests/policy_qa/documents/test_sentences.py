"""Sentences end where a reader sees them end."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpu_cascade.policy_qa.documents.sentences import LONGEST, lines, spans


def cut(text):
    """The sentences as texts."""
    return [text[start:end] for start, end in spans(text)]


@pytest.mark.parametrize(
    "text",
    [
        "You get 13 days.| Ask HR!| Why?| Because.",
        "See Dr. Smith, e.g. on Monday.| He knows.",
        "It costs $1,000.50 a year.| No. 5 is free.| The answer is no.| It stays.",
        "Leave at 5 p.m. on Friday.| The office closes at 6 p.m.| The rest is free.",
        "The U.S. Government pays.| We do not.",
        'He said "Go."| She went.| (See below.)| End',
        "Apply by Sec. 4 of the Act.| Done… and over.| Wait... what?",
        "Acme Inc. Holdings pays.| So does Acme Inc.| The rest is free.",
        "1. First do this.| Then that.",
        "Since 2019.| Before that, 12 days.",
        "J. P. Morgan wrote it.| OK.",
        "Das gilt z. B. für Dr. Müller.| Am 3. März nicht.| Ab dem 5. Tag gilt § 5 Abs. 2.| Nr. 3 nicht.",
        "Die Frist beträgt ca. 14 Tage.| Sie beginnt am 1. Jänner bzw. mit dem 2. Quartal.| Danach: nichts.",
        "«Nein.»| „Doch.“| Gut.",
        "Street 1\n|1010 Wien",
        "no full stop",
    ],
)
def test_where_sentences_end(text):
    """English and German, with abbreviations, numbers, initials, quotes and line breaks."""
    assert [part.strip() for part in text.split("|")] == cut(text.replace("|", ""))


@given(st.text(alphabet=st.sampled_from("ab Z.!?\n5, ;„“"), max_size=300) | st.text())
def test_nothing_is_lost_or_twice(text):
    """Sentences come in order, touch no other, have no blanks around them, and hold all that is no blank."""
    found = spans(text)

    assert "".join(text.split()) == "".join("".join(text[start:end] for start, end in found).split())
    assert all(start < end and text[start:end] == text[start:end].strip() for start, end in found)
    assert all(left.end <= right.start for left, right in pairwise(found))


def test_endless_sentences_are_cut():
    """Beyond 1,000 characters after a comma, else between words, else anywhere."""
    listed, plain, solid = "word, " * 300, "word " * 300, "w" * 2500

    assert all(text.endswith(",") for text in cut(listed)[:-1])
    assert {"word"} == {word for text in cut(plain) for word in text.split()}
    assert [LONGEST, LONGEST, 500] == [len(text) for text in cut(solid)]


def test_lines_are_whole():
    """Rows and code are quoted by lines."""
    text = "Dr. No | 5 days. Not more.\n\n  indented"

    assert ["Dr. No | 5 days. Not more.", "indented"] == [text[start:end] for start, end in lines(text)]
