"""What matches, and that a pattern cannot stall the gateway."""

import time

import pytest
import regex

from gpu_cascade.cascade.checks.patterns import LIMIT_S, look, matches

from .texts import draft, request

ASK = request("Which ticket?")
CATASTROPHE = regex.compile(r"(x+x+)+y")


@pytest.mark.parametrize(
    ("text", "whole", "score"),
    [
        ("A-12", True, 1.0),
        (" A-12\n", True, 1.0),
        ("It is A-12.", True, 0.0),
        ("It is A-12.", False, 1.0),
        ("", True, 0.0),
        ("A-\ud800", False, 0.0),
    ],
)
def test_a_draft_matches_as_a_whole_or_somewhere(text, whole, score):
    """Blanks around the draft do not count."""
    seen = look(ASK, draft(text), pattern=regex.compile(r"[A-Z]-\d+"), whole=whole)

    assert score == seen[0]


@pytest.mark.parametrize("whole", [True, False])
def test_a_catastrophic_pattern_is_stopped(whole):
    """A search that would go on for years ends within its limit, and its outcome is unknown."""
    began = time.process_time()

    assert matches(CATASTROPHE, "x" * 5000, whole=whole) is None
    assert time.process_time() - began < 10 * LIMIT_S


def test_a_stopped_search_scores_nothing():
    """Out of time is unknown: neither a match nor none."""
    seen = look(ASK, draft("x" * 5000), pattern=CATASTROPHE, whole=False)

    assert (None, "the pattern was not done after 10 ms") == seen
