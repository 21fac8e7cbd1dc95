"""Texts are found by words as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpu_cascade.policy_qa.index.words import key, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Policies of the boss's buses", "policy of the boss s buse"),
        ("part-time_work (401k)", "part time work 401 k"),
        ("1,000 or 1.5", "1000 or 1.5"),
        ("ÜBERSTUNDEN Straße café", "uberstunden strasse cafe"),
        ('"AND" NEAR(*) ^: -x', "and near x"),
        ("days day's DAYS", "day day s day"),
        ("status process gas", "status process gas"),
        ("ﬁle ½", "file 1 2"),
        ("", ""),
    ],
)
def test_words(text, expected):
    """Lower case, no accents, plurals as singulars, digits without their commas; signs are no words."""
    assert expected.split() == words(text)


@given(st.text())
def test_any_text_has_words(text):
    """Nothing that can be typed is an error, and a word's key has 64 bits."""
    assert all(0 <= key(word) < 2**64 for word in words(text))
