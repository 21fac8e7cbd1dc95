"""What counts as right."""

import pytest

from gpu_cascade.calibrate.scorers import score
from gpu_cascade.errors import BadRows

NUMBER_SCHEMA = '{"type": "object", "required": ["days"], "properties": {"days": {"type": "integer"}}}'


@pytest.mark.parametrize(
    ("scorer", "answer", "gold", "expected"),
    [
        ("exact", "The  Paris.", ["paris"], 1.0),
        ("exact", "Paris, France", ["Paris"], 0.0),
        ("exact", "", ["Paris"], 0.0),
        ("f1", "in the year 1990", ["1990"], 0.5),
        ("f1", "Denver Broncos", ["the Denver Broncos", "Broncos"], 1.0),
        ("f1", "", [""], 1.0),
        ("f1", "x", [""], 0.0),
        ("number", "3 + 4 = 7 apples", ["7"], 1.0),
        ("number", "The answer is 1,234.50", ["1234.5"], 1.0),
        ("number", "The answer is 12.", ["21"], 0.0),
        ("number", "none", ["7"], 0.0),
        ("choice", "up", ["up"], 1.0),
        ("choice", "Up, because it rose.", ["up"], 1.0),
        ("choice", "upward", ["up"], 0.0),
        ("choice", "\nup\ndown", ["up"], 1.0),
        ("choice", "transfer money", ["transfer money"], 1.0),
        ("json_schema", '```json\n{"days": 30}\n```', [NUMBER_SCHEMA], 1.0),
        ("json_schema", '{"days": "30"}', [NUMBER_SCHEMA], 0.0),
        ("json_schema", "thirty", [NUMBER_SCHEMA], 0.0),
        ("exact", "anything", [], 0.0),
    ],
)
def test_scores(scorer, answer, gold, expected):
    """The best over everything that would be right."""
    assert expected == pytest.approx(score(answer, gold, scorer))


def test_a_label_that_is_no_schema_is_the_labels_fault():
    """It is said, not counted against the answer."""
    with pytest.raises(BadRows, match="gold of a json_schema row must be a JSON Schema"):
        score("{}", ["{"], "json_schema")
