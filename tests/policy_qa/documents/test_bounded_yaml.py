"""YAML of other hands is a small mapping or a sentence."""

from datetime import date

import pytest

from gpu_cascade.policy_qa.documents.bounded_yaml import day, mapping
from gpu_cascade.policy_qa.documents.document import Unreadable


def test_a_mapping_is_read():
    """Keys come in lower case; numbers with a point stay as written."""
    said = mapping("Title: A\nversion: 1.10\nGROUPS: [hr]\neffective: 2024-03-01\n")

    assert {"title": "A", "version": "1.10", "groups": ["hr"], "effective": date(2024, 3, 1)} == said


def test_blank_is_empty():
    """Nothing said is no error."""
    assert {} == mapping(" \n# only a remark\n")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a: &x [1,1]\nb: *x", "repeats another value"),
        ("[" * 50 + "]" * 50, "levels"),
        ("a: [" + "1," * 6000 + "]", "5,000 values"),
        ("a: " + "x" * 70_000, "characters"),
        ("just words", "no `key: value` lines"),
        ("- a\n- b", "no `key: value` lines"),
        ("a: [1", "line 1"),
        ("a: 1\nA: 2", "`a` is given twice"),
        ("a: !!python/object:os.system x", "line 1"),
        ("a: 2024-13-45", "ValueError"),
        ("a: \x01", "ReaderError"),
    ],
)
def test_what_is_refused(text, why):
    """Bombs, code, doubles and broken YAML are refused by what is wrong with them."""
    with pytest.raises(Unreadable, match=why):
        mapping(text)


@pytest.mark.parametrize(
    "said", ["2024-03-01", "1.3.2024", "March 1, 2024", "1 March 2024", date(2024, 3, 1)]
)
def test_days_are_read_as_people_write_them(said):
    """ISO, German and English dates."""
    assert date(2024, 3, 1) == day(said)


@pytest.mark.parametrize("said", ["soon", "", None, 2024, "2024-02-31"])
def test_what_is_no_day(said):
    """Anything else is None, never some other day."""
    assert None is day(said)
