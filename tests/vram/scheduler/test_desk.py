"""Who is next for a place, and how often an engine is asked for."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpu_cascade.vram.scheduler.desk import LATE_S, OVERTAKE_S, Desk
from gpu_cascade.vram.scheduler.words import Ticket


def desk_with(*tickets):
    desk = Desk(1)
    for ticket in tickets:
        desk.add(ticket)
    return desk


def test_escalated_requests_go_first_each_kind_in_order():
    """While nobody is late: who has waited for a draft already is next; among equals the first to come."""
    tickets = [Ticket("e", at, urgent) for at, urgent in ((0, False), (0.1, True), (0.2, True), (0.3, False))]
    desk = desk_with(*tickets)

    assert [1, 2, 0, 3] == [tickets.index(desk.next(LATE_S)) for _ in range(4)]
    assert (None, 0) == (desk.next(LATE_S), desk.waiting)


def test_who_may_still_be_in_time_goes_before_the_late():
    """The newest first, an escalated one before any other; then the late ones in order."""
    arrivals = ((0, False), (0.1, True), (5.0, False), (5.1, True), (5.2, False))
    tickets = [Ticket("e", at, urgent) for at, urgent in arrivals]
    desk = desk_with(*tickets)

    assert [3, 4, 2, 1, 0] == [tickets.index(desk.next(5.5)) for _ in range(5)]


def test_the_late_leave_a_place_to_who_comes_next():
    """Of four they take three; one who comes in time takes the fourth, as does one overtaken for long."""
    desk = Desk(4)
    desk.taken = 3
    desk.add(Ticket("e", 0.0))

    assert None is desk.next(5.0)
    desk.add(timely := Ticket("e", 5.0))
    assert timely is desk.next(5.0)
    assert (None, 1) == (desk.next(5.0), desk.waiting)
    assert 0.0 == desk.next(5.0 + OVERTAKE_S).arrived


def test_nobody_is_overtaken_for_long():
    """After `OVERTAKE_S` of younger ones going first the oldest is next, however new the others are."""
    desk, served = desk_with(Ticket("e", 0.0)), []
    for at in (10.0, 9.9 + OVERTAKE_S, 10.0 + OVERTAKE_S):
        desk.add(Ticket("e", at))
        served.append(desk.next(at).arrived)

    assert [10.0, 9.9 + OVERTAKE_S, 0.0] == served


@given(st.lists(st.tuples(st.floats(0, 40), st.booleans()), max_size=60))
def test_overtaking_is_bounded_whoever_comes(arrivals):
    """Whoever comes and however few are served: a younger one goes first for `OVERTAKE_S` and no longer."""
    desk, now, waiting, passed_since = Desk(4), 0.0, [], {}
    for gap, urgent in arrivals:
        now += gap
        waiting.append(Ticket("e", now, urgent))
        desk.add(waiting[-1])
        served = desk.next(now) if len(waiting) % 3 == 0 else None
        if served is None:
            continue
        waiting.remove(served)
        for one in waiting:
            if one.arrived < served.arrived:
                assert now - passed_since.setdefault(one, now) < OVERTAKE_S


def test_everybody_can_be_sent_away():
    """Late or not, whatever places are free; who has left is not among them."""
    stays, leaves = [Ticket("e", 0.0), Ticket("e", 90.0, urgent=True)], Ticket("e", 1.0)
    desk = desk_with(stays[0], leaves, stays[1])
    desk.leave(leaves)
    desk.taken = 1

    assert {*stays} == {*desk.send_away()}
    assert (0, None, None) == (desk.waiting, desk.oldest(), desk.next(91.0))


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
