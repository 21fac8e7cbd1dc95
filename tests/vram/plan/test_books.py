"""What stands on a device at a time."""

from gpu_cascade.vram.footprint import GIB
from gpu_cascade.vram.plan.books import booked, free_bytes
from gpu_cascade.vram.plan.want import Mode

from .made import plan, room, want


def test_everything_on_a_device_adds_up():
    """To all that it has: what is awake, what sleeps, what is free, what is kept back."""
    found = plan(
        [want("a", 40), want("b", 45), want("c", 3)], [room(80, reserve_gib=2)], Mode.AUTO, 500 * GIB
    )

    for layout in found.layouts:
        has = booked(found, 0, layout)
        parts = (has.weights, has.overhead, has.kv, has.asleep, has.free, has.reserve)
        assert 80 * GIB == sum(parts)
        assert min(parts) >= 0
        assert 0.5 * GIB == has.asleep


def test_free_is_what_is_free_at_any_time():
    """The least over all turns; nothing where too much stands on it."""
    turns = plan([want("a", 60), want("b", 30)], [room(80)], Mode.RESTART, None)
    over = plan([want("a", 90)], [room(80)], Mode.AUTO, None)

    assert free_bytes(turns, 0) < turns.rooms[0].free_bytes - turns.engines[1].resident_bytes
    assert 0 == free_bytes(over, 0)
