"""Whom a key can be for."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpu_cascade.errors import ConfigError
from gpu_cascade.governance import Role, Wanted
from gpu_cascade.types import ANONYMOUS


def test_as_it_is_typed():
    """Lists are words between commas; what is left out is nobody's group and everybody's cascade."""
    typed = Wanted.typed("ann", "hr, finance", "hr", "operator", "policy-qa,0-small")

    expected = Wanted(
        "ann", frozenset({"hr", "finance"}), "hr", Role.OPERATOR, frozenset({"policy-qa", "0-small"})
    )
    assert expected == typed
    assert Wanted("ann") == Wanted.typed("ann", None, None, "user", None)


@pytest.mark.parametrize("name", ["Åsa", "李雷", "ann@example.org", "a", "x" * 64])
def test_names_of_all_languages(name):
    """Letters are not only ASCII's."""
    assert name == Wanted(name, frozenset({name}), name).name


WRONG = ["", " ", "7", "-ann", "*", "ann lee", "a\n", "a\0", "x" * 65, "[b]", "e\u0301"]


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_a_name(name):
    """Nothing that reads as an id, a flag, everybody, or as two; and no letter that is spelt in two ways."""
    for given_ in ((name,), ("ann", frozenset({name})), ("ann", frozenset(), name)):
        with pytest.raises(ConfigError, match="begins with a letter"):
            Wanted(*given_)


def test_nobody_is_called_like_everybody():
    """Decisions without a name would be theirs."""
    with pytest.raises(ConfigError, match="without a key"):
        Wanted(ANONYMOUS)


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (("ann", "hr,", None, "user", None), "the group ''"),
        (("ann", None, "", "user", None), "the team ''"),
        (("ann", None, None, "root", None), "user or operator"),
        (("ann", None, None, "user", "policy-qa,"), "leave --cascades out"),
    ],
)
def test_wrong_words_are_refused_with_the_cure(typed, told):
    """An empty word is a slip of the keyboard: taken as it is, it would open nothing or everything."""
    with pytest.raises(ConfigError, match=told):
        Wanted.typed(*typed)


@given(st.text(max_size=80))
def test_any_text_is_a_name_or_a_sentence(text):
    """No other error comes out, whatever was typed."""
    with contextlib.suppress(ConfigError):
        assert text == Wanted(text).name
