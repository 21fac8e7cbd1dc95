"""When it is worth to change who is awake."""

import pytest

from gpu_cascade.vram.scheduler.desk import Desk
from gpu_cascade.vram.scheduler.policy import EARLY, LOOK_S, STAY, Lru, Static, Turns, View
from gpu_cascade.vram.scheduler.standing import Standing
from gpu_cascade.vram.scheduler.words import State, Ticket

from .world import BY_TURNS, PROFILES

CHANGE_S = 30 + 10  # large goes to sleep, huge wakes


@pytest.fixture
def engines():
    found = {name: Standing(name, one, Desk(one.places), State.READY) for name, one in PROFILES.items()}
    found["huge"].state = State.ASLEEP
    return found


def view(engines, since=0.0):
    return View(BY_TURNS, 0, since, engines)


def wait_for(engines, name, now, count=1):
    for _ in range(count):
        engines[name].desk.came(now)
        engines[name].desk.add(Ticket(name, now))


def test_without_a_claim_nothing_changes(engines):
    """Also where an awake engine has a queue."""
    wait_for(engines, "large", 0.0)

    assert {STAY} == {policy.choose(view(engines), 1e6) for policy in (Static(), Lru(), Turns())}


def test_an_idle_engine_goes_at_once_where_few_are_expected_for_it(engines):
    """Unused or seldom used: the wait for the other would be in vain."""
    wait_for(engines, "huge", 0.0)

    choice = Turns().choose(view(engines), 0.0)

    assert (1, "huge is asked for, large is idle") == (choice.layout, choice.why)


def test_a_busy_pause_is_not_an_end(engines):
    """Between two requests a second the engine stays; after three gaps without one it goes."""
    desk = engines["large"].desk
    for second in range(100):
        desk.came(float(second))
    wait_for(engines, "huge", 99.0)

    stays = Turns(patience_s=1e6).choose(view(engines, since=99.0), 99.5)

    assert (None, 100.5) == (stays.layout, stays.look_at)  # rates are looked at every second
    assert 1 == Turns(patience_s=1e6).choose(view(engines, since=99.0), 102.0).layout


def test_more_asked_for_pays_after_one_change(engines):
    """The sleeper is wanted more often, and the turn has lasted as long as the change takes."""
    for second in range(100):
        engines["large"].desk.came(float(second))
        wait_for(engines, "huge", float(second), count=2)
    engines["large"].desk.taken = 1  # never idle
    policy = Turns(patience_s=1e6, least_turns=1e6)

    assert policy.choose(view(engines, since=100.0 - CHANGE_S + 1), 100.0).layout is None
    assert 1 == policy.choose(view(engines, since=100.0 - CHANGE_S), 100.0).layout


def test_a_claim_settles_before_it_counts(engines):
    """Of many who come together two to the sleeper may be the first: nobody goes for these."""
    engines["large"].desk.taken = 1  # never idle
    engines["large"].desk.came(0.0)
    wait_for(engines, "huge", 0.0, count=2)
    policy = Turns(patience_s=1e6, least_turns=1e6)

    early = policy.choose(view(engines, since=-1e6), 0.0)
    assert (None, LOOK_S) == (early.layout, early.look_at)
    assert policy.choose(view(engines, since=-1e6), EARLY * CHANGE_S - 0.1).layout is None
    assert 1 == policy.choose(view(engines, since=-1e6), EARLY * CHANGE_S).layout


def test_patience_ends_but_not_before_the_least_turn(engines):
    """Whatever is asked of the others; the overhead of changing stays bounded."""
    engines["large"].desk.taken = 1
    for second in range(100):
        engines["large"].desk.came(second / 10)
    wait_for(engines, "huge", 10.0)
    policy = Turns(patience_s=30, least_turns=2)

    early = policy.choose(view(engines, since=0.0), 39.0)
    assert (None, 40.0) == (early.layout, early.look_at)
    assert policy.choose(view(engines, since=0.0), 79.0).layout is None
    late = policy.choose(view(engines, since=0.0), 80.0)
    assert (1, "somebody has waited 70 s for huge") == (late.layout, late.why)


def test_lru_changes_for_every_claim(engines):
    """Also in the middle of work."""
    engines["large"].desk.taken = 1
    wait_for(engines, "huge", 0.0)

    assert 1 == Lru().choose(view(engines), 0.0).layout


def test_one_that_cannot_be_used_makes_no_claim(engines):
    """Given up or lost: it is not in the view."""
    wait_for(engines, "huge", 0.0)
    del engines["huge"]

    assert STAY == Turns().choose(view(engines), 0.0)
