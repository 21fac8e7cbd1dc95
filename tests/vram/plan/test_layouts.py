"""Who can be awake together."""

from gpu_cascade.vram.plan.layouts import pools, rests, scenes
from gpu_cascade.vram.plan.place import Tenant
from gpu_cascade.vram.plan.share import Claim, Pool
from gpu_cascade.vram.scheduler.words import State

from .made import room


def tenant(base, stays=False, rest=0, count=1):
    """Bytes, not GiB; a KV cache of one byte at least."""
    return Tenant(count, base, rest, Claim(1, 100, 1.0), stays)


def bytes_room(size):
    """A device of so many bytes."""
    return room(size / 2**30)


def test_everybody_is_one_layout_where_all_fit():
    """Nobody takes turns."""
    assert [{0, 1}] == scenes([tenant(10), tenant(10)], ((0,), (0,)), [bytes_room(22)])


def test_two_that_do_not_fit_take_turns_beside_the_one_that_stays():
    """One layout for each of them, the one that stays in both."""
    engines = [tenant(10, stays=True), tenant(50), tenant(60)]

    assert [{0, 1}, {0, 2}] == scenes(engines, ((0,),) * 3, [bytes_room(80)])


def test_nobody_can_be_added_to_a_layout():
    """Each pair that fits is found, and what fits beside it."""
    engines = [tenant(40), tenant(40), tenant(15), tenant(60)]

    found = scenes(engines, ((0,),) * 4, [bytes_room(100)])

    assert [{0, 1, 2}, {2, 3}] == found


def test_two_that_only_meet_without_a_third_are_found():
    """Each of them alone would be joined by the first; together they leave no room for it."""
    engines = [tenant(40), tenant(30), tenant(30)]

    assert [{0, 1}, {0, 2}, {1, 2}] == scenes(engines, ((0,),) * 3, [bytes_room(80)])


def test_who_sleeps_leaves_a_residue():
    """Two that would just fit do not beside what the third leaves."""
    free = [bytes_room(42)]
    places = ((0,),) * 3

    assert {0, 1} in scenes([tenant(20), tenant(20), tenant(30)], places, free)
    assert {0, 1} not in scenes([tenant(20), tenant(20), tenant(30, rest=5)], places, free)


def test_all_devices_of_an_engine_count():
    """An engine on two GPUs clashes with whoever fills one of them."""
    engines = [tenant(50, count=2), tenant(50), tenant(50)]

    found = scenes(engines, ((0, 1), (0,), (2,)), [bytes_room(80)] * 3)

    assert [{0, 2}, {1, 2}] == found


def test_host_ram_holds_the_smallest_first():
    """All may be asleep at once in the midst of a change; who finds no room in host RAM is stopped."""
    asleep = rests([("large", 61), ("huge", 68), ("small", 3)], 128)

    assert {"small": State.ASLEEP, "large": State.ASLEEP, "huge": State.ABSENT} == asleep


def test_sleep_of_level_2_takes_no_host_ram():
    """Weights are dropped and read anew."""
    assert {"a": State.ASLEEP, "b": State.ABSENT} == rests([("a", 0), ("b", 1)], 0)


def test_pools_are_what_others_leave():
    """On each device in each layout, less what is awake and what rests; not where nobody is awake."""
    engines = [tenant(10, stays=True), tenant(50, rest=5), tenant(60, rest=7)]
    rooms = [bytes_room(100), bytes_room(100)]

    found = pools([frozenset({0, 1}), frozenset({0, 2})], ["a", "b", "c"], engines, ((0,),) * 3, rooms)

    assert [Pool(33, ("a", "b")), Pool(25, ("a", "c"))] == found
