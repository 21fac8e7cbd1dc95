"""Front matter says what a document is and who may see it, or the document is not read."""

from datetime import date

import pytest

from gpu_cascade.policy_qa.documents.document import Unreadable
from gpu_cascade.policy_qa.documents.front import front

GIVEN = '---\ntitle: "Leave"\neffective_date: 2024-03-01\nversion: 1.10\ngroups: [hr]\n---\nText'


@pytest.mark.parametrize("before", ["", "\n", " \n\n"])
def test_it_is_read(before):
    """Title, day, version and groups; blank lines before it do not make a document public."""
    said, text = front(before + GIVEN)

    assert ("Leave", date(2024, 3, 1), "1.10", {"hr"}) == (
        said.title,
        said.effective,
        said.version,
        said.groups,
    )
    assert "Text" == text.strip()


def test_toml_says_the_same():
    """Between +++ it is TOML."""
    said, text = front('+++\ntitle = "Leave"\nversion = 1.10\ngroups = ["hr"]\n+++\nText')

    assert ("Leave", "1.10", {"hr"}, "\nText") == (said.title, said.version, said.groups, text)


def test_none_is_none():
    """A text without front matter says nothing about itself."""
    said, text = front("Text\n---\nmore")

    assert (None, None, None) == (said.title, said.effective, said.groups)
    assert "Text\n---\nmore" == text


def test_a_day_that_is_none_is_noted():
    """An effective date that cannot be read is told to the operator, and unknown."""
    said, _ = front("---\neffective: soon\n---\n")

    assert None is said.effective
    assert "'soon' is no date" in said.notes[0]


@pytest.mark.parametrize(
    "text",
    [
        "---\ngroups: [hr]\nText without an end",
        "---\ngroups: [hr\n---\nText",
        "---\ngroups: 5\n---\nText",
        "---\ngroup: hr\n---\nText",
        "---\nsome words\n---\nText",
        "+++\ngroups = hr\n+++\nText",
        "+++\ngroups = ['hr']\nGroups = ['it']\n+++\nText",
    ],
)
def test_broken_front_matter_is_refused(text):
    """It may be what restricts the document: never is it read as text."""
    with pytest.raises(Unreadable, match="front matter"):
        front(text)
