"""Which number of a draft counts, what it is worth, and whether it lies in its bounds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpu_cascade.cascade.checks.numbers import look, value, values

from .texts import ANY_TEXT, draft, request

ASK = request("How many?")


def score(text, low=None, high=None, unit=None):
    return look(ASK, draft(text), low=low, high=high, unit=unit)[0]


@pytest.mark.parametrize(
    ("word", "worth"),
    [
        ("7", 7.0),
        ("007", 7.0),
        ("-7.5", -7.5),
        ("−7", -7.0),
        ("+.5", 0.5),
        ("1,234", 1234.0),
        ("1,234,567.8", 1234567.8),
        ("1e3", 1000.0),
        ("1,23", None),
        ("1.234,5", None),
        ("1.2.3", None),
        ("12,3456", None),
        ("9" * 400, None),
        ("1e999", None),
    ],
)
def test_a_number_is_read_as_english_writes_it(word, worth):
    """Commas group thousands and a point is decimal; any other form is not guessed at."""
    assert worth == value(word)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It is 40.", 1.0),
        ("40", 1.0),
        ("First 500, then 40", 1.0),
        ("First 40, then 500", 0.0),
        ("3-40", 1.0),
        ("-40", 0.0),
        ("It is 40 for CO2", 1.0),
        ("no number", 0.0),
        ("", 0.0),
        ("40,5", None),
        ("10.0.0.1", None),
        ("forty", 0.0),
    ],
)
def test_the_last_number_counts(text, expected):
    """A sum is told at the end; a text without a number fails, and an ambiguous one is unknown."""
    assert expected == score(text, low=0, high=100)


@pytest.mark.parametrize(
    ("text", "unit", "expected"),
    [
        ("40 km in 300 minutes", "km", 1.0),
        ("40km in 300 minutes", "km", 1.0),
        ("40 kmh", "km", 0.0),
        ("€40 for 300 people", "€", 1.0),
        ("EUR 40 for 300 people", "EUR", 1.0),
        ("40 % of 300", "%", 1.0),
        ("40", "km", 0.0),
        ("40 Km", "km", 0.0),
    ],
)
def test_only_a_number_beside_its_unit_counts(text, unit, expected):
    """Right behind it or right before it, as a whole word."""
    assert expected == score(text, low=0, high=100, unit=unit)


@pytest.mark.parametrize(
    ("low", "high", "expected"), [(40, None, 1.0), (41, None, 0.0), (None, 40, 1.0), (None, 39, 0.0)]
)
def test_a_bound_that_is_not_given_does_not_bind(low, high, expected):
    """Bounds are inclusive, and each may be left out."""
    assert expected == score("40", low=low, high=high)


def test_the_evidence_does_not_repeat_the_number():
    """What the model wrote stays out of traces."""
    assert "the last number lies outside the bounds" == look(ASK, draft("4711"), low=0, high=1, unit=None)[1]


@given(ANY_TEXT, st.none() | st.text(min_size=1, max_size=3))
def test_any_text_has_a_score(text, unit):
    """Whatever stands in the text, nothing is raised."""
    assert score(text, low=0, high=10, unit=unit) in {0.0, 1.0, None}


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_is_read_back(number):
    """What Python writes of a number is worth that number."""
    assert {number} == values(f"x {number!r} y")
