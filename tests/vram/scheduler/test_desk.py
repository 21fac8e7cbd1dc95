"""Who is next for a place, and how often an engine is asked for."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpu_cascade.vram.scheduler.desk import OVERTAKE_S, Desk
from gpu_cascade.vram.scheduler.words import Ticket


def desk_with(*tickets):
    desk = Desk(1)
    for ticket in tickets:
        desk.add(ticket)
    return desk


def test_escalated_requests_go_first_each_kind_in_order():
    """Who has waited for a draft already is next; among equals the first to come."""
    tickets = [Ticket("e", at, urgent) for at, urgent in ((0, False), (1, True), (2, True), (3, False))]
    desk = desk_with(*tickets)

    assert [1, 2, 0, 3] == [tickets.index(desk.next(4.0)) for _ in range(4)]
    assert (None, 0) == (desk.next(4.0), desk.waiting)


def test_nobody_is_overtaken_for_long():
    """After `OVERTAKE_S` the older one is next, escalated or not."""
    old, urgent = Ticket("e", 0.0), Ticket("e", 5.0, urgent=True)

    assert urgent is desk_with(old, urgent).next(OVERTAKE_S - 0.1)
    assert old is desk_with(old, urgent).next(OVERTAKE_S)


@given(st.lists(st.tuples(st.floats(0, 5), st.booleans()), max_size=60))
def test_overtaking_is_bounded_whoever_comes(arrivals):
    """One place a second, whoever comes: nobody is passed by a later one after `OVERTAKE_S`."""
    desk, now, waiting = Desk(1), 0.0, []
    for gap, urgent in arrivals:
        now += gap
        waiting.append(Ticket("e", now, urgent))
        desk.add(waiting[-1])
        if len(waiting) % 3 == 0:
            now += 1.0
            served = desk.next(now)
            passed = [one for one in waiting if one.arrived < served.arrived]
            assert all(now - one.arrived < OVERTAKE_S for one in passed)
            waiting.remove(served)


def test_who_leaves_is_not_served():
    """From the head or the middle; the count follows."""
    first, second, third = (Ticket("e", at) for at in range(3))
    desk = desk_with(first, second, third)
    desk.leave(second)
    desk.leave(first)

    assert (1, 2, third) == (desk.waiting, desk.oldest(), desk.next(3.0))


def test_rates_count_the_last_arrivals_and_fade():
    """Two a second for a minute is a rate of about two, a minute later nearly none; the gap stays."""
    desk = Desk(1)
    assert (0.0, math.inf) == (desk.rate(0.0), desk.gap_s)
    for tick in range(120):
        desk.came(tick / 2)

    assert pytest.approx(2.0, rel=0.1) == desk.rate(59.5)
    assert desk.rate(120.0) < 0.05
    assert pytest.approx(0.5) == desk.gap_s


def test_an_empty_desk_is_idle():
    """Somebody there or somebody waiting is not."""
    desk = Desk(1)
    assert desk.idle
    desk.taken = 1
    assert not desk.idle
    desk.left(1.0)
    desk.add(Ticket("e", 1.0))
    assert not desk.idle
