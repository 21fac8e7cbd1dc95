"""Whether a draft's Python parses."""

import warnings

import pytest
from hypothesis import given

from gpu_cascade.cascade.checks.python_ast import look

from .texts import ANY_MARKUP, draft, hostile, request

ASK = request("Write it.")


@pytest.mark.parametrize(
    ("text", "score", "evidence"),
    [
        ("def f():\n    return 1", 1.0, "1 of 1 blocks parse"),
        ("def f(:\n    return 1", 0.0, "a syntax error in line 1 of its block"),
        ("Here it is:\n```python\nx = 1\n```", 1.0, "1 of 1 blocks parse"),
        ("```\nx = 1\n```\nand\n```py\n\ny = = 2\n```", 0.0, "a syntax error in line 2 of its block"),
        ("```bash\nls -l /\n```\n```python3\nx = 1\n```", 1.0, "1 of 1 blocks parse"),
        ("```bash\nls -l /\n```", None, "no Python in 1 code blocks"),
        ("```python\n\n```", None, "no Python in 1 code blocks"),
        (" \n", None, "no Python in 0 code blocks"),
        ("x = '\ud800'", 0.0, "a character that no source may hold"),
        ("-" * 10_000 + "1", None, "nested deeper than the parser goes"),
        ("a" + "()" * 9_000, None, "nested deeper than the parser goes"),
    ],
)
def test_code_parses_or_does_not(text, score, evidence):
    """The code of every Python fence, or the whole draft; no code and bottomless code are unknown."""
    assert (score, evidence) == look(ASK, draft(text))


def test_a_character_that_no_source_may_hold_fails():
    """A NUL is a syntax error in some versions of Python and a bad value in others."""
    assert 0.0 == look(ASK, draft("x = 1\0"))[0]


def test_warnings_stay_silent():
    """A warning would print a line of the answer to standard error."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert 1.0 == look(ASK, draft(r"x = '\d' is 5"))[0]

    assert [] == caught


@given(ANY_MARKUP)
def test_any_text_has_a_score(text):
    """Whatever a model calls Python, nothing is raised."""
    assert look(ASK, draft(text))[0] in {0.0, 1.0, None}


@pytest.mark.parametrize("text", hostile(20_000).values(), ids=hostile(1))
def test_hostile_texts_have_a_score(text):
    """Long, deep and unreadable code too."""
    assert look(ASK, draft(text))[0] in {0.0, 1.0, None}
