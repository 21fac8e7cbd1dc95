"""How often cascades escalated lately."""

import pytest

from gpu_cascade.events import Failed
from gpu_cascade.recent import WINDOW_S, Rate, Recent

from .records import SURE, UNSURE, record


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def recent(clock):
    return Recent(clock)


def test_nothing_known_is_none(recent):
    """No answers, no share; and a cascade never heard of is no error."""
    assert Rate(0, None, None) == recent.rate("cascade")


def test_the_share_and_its_trend(recent, clock):
    """One of four escalated in the older half, three of four in the newer one."""
    for at, judged in ((0, UNSURE), (1, SURE), (2, SURE), (3, SURE), (200, UNSURE), (201, UNSURE)):
        clock.now = at
        recent(record(judged=(judged,)))
    recent(record(judged=(UNSURE,)))
    recent(record(judged=(SURE,)))

    assert Rate(8, 0.5, 0.5) == recent.rate("cascade")


def test_what_had_no_draft_does_not_count(recent):
    """Neither a direct answer nor a failure says anything about drafts."""
    recent(record(judged=()))
    recent(Failed("id", "cascade", 503))

    assert 0 == recent.rate("cascade").answers


def test_old_answers_are_forgotten(recent, clock):
    """After the window they count no more."""
    recent(record())
    clock.now = WINDOW_S + 1
    recent(record(judged=(SURE,)))

    assert Rate(1, 0.0, None) == recent.rate("cascade")
