"""What was and was not indexed, for people and programs."""

import json

from gpu_cascade.policy_qa.documents.document import Skipped
from gpu_cascade.policy_qa.index.report import SHOWN, Report

REPORT = Report(
    ("a.md",),
    2,
    ("old.md",),
    (Skipped("b.pdf", "it is broken"),),
    (Skipped("a.md", "a note"),),
    {".xls": 3},
    1234,
    0,
    1.23456,
)


def test_a_table_for_people():
    """Counts, then each file that is missing with its reason."""
    text = REPORT.as_text()

    assert "passages         1,234\n" in text
    assert "Not in the index:\n  b.pdf: it is broken\n" in text
    assert "Read with doubts:\n  a.md: a note\n" in text
    assert text.endswith("No reader for: 3 .xls")


def test_long_lists_are_cut():
    """A person gets 50 lines and the number of the others; a program gets all."""
    skipped = tuple(Skipped(f"{n}.pdf", "why") for n in range(SHOWN + 7))
    report = Report((), 0, (), skipped, (), {}, 0, 0, 0.0)

    assert "  and 7 more" in report.as_text()
    assert SHOWN + 7 == len(json.loads(report.as_json())["skipped"])


def test_json_says_everything():
    """One object, seconds to the millisecond."""
    said = json.loads(REPORT.as_json())

    assert {"path": "b.pdf", "why": "it is broken"} == said["skipped"][0]
    assert (["a.md"], 2, ["old.md"], {".xls": 3}, 1234, 0, 1.235) == (
        said["indexed"],
        said["unchanged"],
        said["removed"],
        said["others"],
        said["passages"],
        said["embedded"],
        said["seconds"],
    )
