"""Who is awake, who waits, and that nothing is ever lost, over-committed or stuck."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpu_cascade.errors import Busy, ConfigError, TierDown
from gpu_cascade.vram.scheduler.policy import Choice, Lru, Static, Turns
from gpu_cascade.vram.scheduler.words import HOST, Kind, Layout, Profile, State

from .chance import Chance
from .world import BY_TURNS, CAPACITY, GPU, LEAN, LEAN_LAYOUTS, PROFILES, World


@settings(max_examples=300)
@given(st.integers(0, 2**32))
def test_whatever_happens_memory_fits_and_nobody_is_lost(seed):
    """After any events books and memory fit, and each request is granted, refused or gone, once.

    When nothing more goes wrong, everybody who waits is served or refused, and everything comes to rest.
    """
    chance = Chance(seed)

    chance.run()

    assert 0 == chance.world.core.waiting
    assert all(one.desk.idle for one in chance.world.core.engines.values())


def up(world):
    """Everything that is under way ends well."""
    world.run(0.0001)
    while world.moves:
        world.end(next(iter(world.moves)))
    return world


@pytest.fixture
def world():
    return up(World())


def kinds(world, since=0):
    return [(engine, kind) for _, engine, kind in world.history[since:]]


def test_the_first_layout_is_brought_up(world):
    """Its engines boot, the others stay away until somebody asks."""
    assert {"draft": State.READY, "large": State.READY, "huge": State.ABSENT} == world.states()


def test_engines_change_places_for_who_waits(world):
    """An idle one goes to sleep, and when its memory is back the other boots; from then on they wake."""
    world.ask("huge")
    assert [("large", Kind.SLEEP)] == kinds(world, 2)
    world.end("large")
    assert [("huge", Kind.BOOT)] == kinds(world, 3)
    world.end("huge")
    assert ["huge"] == [ticket.engine for ticket in world.granted]

    world.give_back(world.granted[0])
    world.ask("large")
    up(world)

    assert [("huge", Kind.SLEEP), ("large", Kind.WAKE)] == kinds(world, 4)
    assert ["large"] == [ticket.engine for ticket in world.granted]


def test_who_is_being_answered_is_not_disturbed(world):
    """Draining takes nobody new and waits for those it has; who comes late waits for the next turn."""
    running = world.ask("large")
    world.ask("huge")
    world.wait(200)
    assert (State.DRAINING, []) == (world.states()["large"], kinds(world, 2))
    late = world.ask("large")

    world.give_back(running)

    assert [("large", Kind.SLEEP)] == kinds(world, 2)
    assert late in world.waiting


def test_host_ram_bounds_who_may_sleep():
    """Where it is short, an engine ends instead of sleeping."""
    world = up(World(capacity={GPU: 100, HOST: 40}))

    world.ask("huge")

    assert [("large", Kind.STOP)] == kinds(world, 2)


def test_a_failed_boot_gives_up_and_tells_those_who_wait(world):
    """Nobody waits for what will not come; the others go on."""
    world.ask("huge")
    world.end("large")
    world.end("huge", ok=False)

    assert [(TierDown, "engine huge is not ready: failed, boot failed")] == [
        (type(error), error.message) for _, error in world.refused
    ]
    world.ask("large")
    up(world)
    assert ["large"] == [ticket.engine for ticket in world.granted]


def test_a_failed_wake_is_tried_once_more_then_booted(world):
    """First again, then ended and booted anew: nobody who waits is lost."""
    world.ask("huge")
    up(world)
    world.give_back(world.granted[0])
    world.ask("large")
    world.end("huge")
    since = len(world.history)

    world.end("large", ok=False)
    world.end("large", ok=False)
    up(world)

    expected = [Kind.WAKE, Kind.STOP, Kind.BOOT]
    assert expected == [kind for engine, kind in kinds(world, since) if engine == "large"]
    assert ["large"] == [ticket.engine for ticket in world.granted]


def test_room_for_a_failed_wake_is_made_elsewhere():
    """An engine that only lent its KV cache goes to sleep before the second try."""
    world = up(World(LEAN, LEAN_LAYOUTS))
    world.ask("b")
    up(world)
    world.give_back(world.granted[0])
    world.ask("a")
    world.end("b")
    since = len(world.history)

    world.end("a", ok=False)

    assert [("b", Kind.SLEEP)] == kinds(world, since)
    up(world)
    assert ("a", Kind.WAKE) == kinds(world, since)[1]


def test_one_that_keeps_its_memory_is_ended(world):
    """A sleep that gave nothing back has failed, and nobody boots until the memory is seen to be free."""
    world.ask("huge")

    world.end("large", ok=False)

    assert [("large", Kind.SLEEP), ("large", Kind.STOP)] == kinds(world, 2)
    up(world)
    assert ["huge"] == [ticket.engine for ticket in world.granted]


def test_one_that_keeps_too_much_asleep_is_ended_for_who_waits(world):
    """A residue larger than planned is booked as seen; where it leaves no room, the sleeper ends."""
    world.ask("huge")

    world.end("large", residue=25)

    assert [("large", Kind.SLEEP), ("large", Kind.STOP)] == kinds(world, 2)
    up(world)
    assert ["huge"] == [ticket.engine for ticket in world.granted]


def test_what_cannot_be_ended_keeps_its_memory_in_the_books(world):
    """Who needs that room is told how much is missing and who has it; the rest goes on."""
    world.ask("huge")
    world.end("large", ok=False)
    world.end("large", ok=False)

    assert State.FAILED is world.states()["large"]
    why = "its room is not free, gpu0 has 0.0 of 0.0 GiB; large could not be ended"
    assert [f"engine huge is not ready: absent, {why}"] == [error.message for _, error in world.refused]
    world.ask("draft")
    assert ["draft"] == [ticket.engine for ticket in world.granted]


def test_a_lost_engine_keeps_nobody_waiting(world):
    """Those who wait for it are told, until it is back."""
    held = [world.ask("large") for _ in range(3)][:2]
    world.lose("large")
    assert [1, 2] == [len(world.refused), len(world.granted)]
    assert isinstance(world.refused[0][1], TierDown)
    for ticket in held:
        world.give_back(ticket)

    world.back("large")
    world.ask("large")

    assert State.READY is world.states()["large"]
    assert ["large"] == [ticket.engine for ticket in world.granted]


def test_one_that_breaks_off_asleep_is_not_started_over_the_capacity(world):
    """Whoever keeps engines alive would boot it where its memory is lent: it is ended instead."""
    world.ask("huge")
    up(world)

    world.lose("large")

    assert ("large", Kind.STOP) == kinds(world)[-1]


def test_a_full_queue_says_so():
    """`max_queue` counts over all engines."""
    world = up(World(max_queue=3))
    for _ in range(6):
        world.ask("large")

    assert [Busy] == [type(error) for _, error in world.refused]


def test_nobody_waits_where_nothing_ever_moves():
    """With the static policy an engine that is not awake is down, not queued for."""
    world = up(World(policy=Static()))
    world.ask("huge")

    assert [TierDown] == [type(error) for _, error in world.refused]


def test_a_layout_that_does_not_fit_is_refused():
    """Before anything is started, with numbers."""
    big = (Layout({"large": 60 * 2**30}, {}),)
    profiles = {"large": Profile((GPU,), 50 * 2**30)}
    with pytest.raises(ConfigError, match=r"large awake take 110.0 GiB of gpu0, which has 100.0"):
        World(profiles, big, {GPU: 100 * 2**30, HOST: 0})


def test_other_kv_bytes_need_a_restart():
    """A layout with another split: drained, ended, booted with the new size."""
    layouts = (Layout({"draft": 10, "large": 20}, {}), Layout({"draft": 10, "large": 30}, {}))

    class Second(Static):
        def choose(self, _view, _now):
            return Choice(1, "more room for large")

    world = World({name: PROFILES[name] for name in ("draft", "large")}, layouts, policy=Second())
    up(world)

    assert [("large", Kind.STOP), ("large", Kind.BOOT)] == kinds(world, 2)
    assert 30 == world.core.engines["large"].kv_bytes


@pytest.mark.parametrize("policy", [Turns(patience_s=30, least_turns=1), Lru()])
def test_everybody_has_a_turn_in_time(policy):
    """With all engines asked for all the time, nobody waits longer than is stated.

    The change under way, then patience or the least turn, the longest request, and one change.
    """
    world = World(policy=policy)
    request_s, move_s, least_turn_s = 5, 40, 40 + 60  # the last by the profiles: huge sleeps, large boots
    change_s = 2 * move_s
    bound_s = request_s + change_s + max(30, least_turn_s) + request_s + change_s
    waits, since = [], {}
    for second in range(3000):
        world.wait(1.0)
        for engine in ("large", "huge", "draft"):
            if not any(ticket.engine == engine for ticket in world.waiting):
                since[world.ask(engine)] = world.now
        for ticket in [ticket for ticket in world.granted if second % request_s == 0]:
            waits.append(world.now - since.pop(ticket, world.now))
            world.give_back(ticket)
        for engine in list(world.moves):
            if world.now - next(at for at, name, _ in reversed(world.history) if name == engine) >= move_s:
                world.end(engine)
    assert 100 < len(waits)
    assert max(waits) <= bound_s
    assert {"large", "huge"} <= {engine for _, engine, kind in world.history if kind is Kind.SLEEP}


def test_engines_elsewhere_are_always_ready():
    """One at a URL takes nothing here and is never moved."""
    world = World({**PROFILES, "remote": Profile((), places=8)}, BY_TURNS, CAPACITY)
    world.ask("remote")

    assert ["remote"] == [ticket.engine for ticket in world.granted]
