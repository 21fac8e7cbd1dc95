"""What a plan books on each device at a time: by kind, in bytes. Pure."""

from dataclasses import dataclass, replace

from ..scheduler.words import Layout, State
from .plan import Plan


@dataclass(frozen=True, slots=True)
class Booked:
    """What stands on one device; `free` is below 0 where that is more than engines may take."""

    weights: int = 0
    overhead: int = 0
    kv: int = 0
    asleep: int = 0
    free: int = 0
    reserve: int = 0


def booked(plan: Plan, device: int, layout: Layout) -> Booked:
    """The device in that layout."""
    room = plan.rooms[device]
    here = [engine for engine in plan.engines if device in engine.devices]
    awake = [engine for engine in here if engine.name in layout.awake]
    loaded = [*awake, *(engine for engine in here if layout.rest.get(engine.name) is State.KV_RELEASED)]
    found = Booked(
        weights=sum(engine.weights_bytes for engine in loaded),
        overhead=sum(engine.overhead_bytes for engine in loaded),
        kv=sum(layout.awake[engine.name] for engine in awake),
        asleep=sum(engine.asleep_bytes for engine in here if layout.rest.get(engine.name) is State.ASLEEP),
        reserve=room.reserve_bytes,
    )
    taken = found.weights + found.overhead + found.kv + found.asleep
    return replace(found, free=room.free_bytes - taken)


def free_bytes(plan: Plan, device: int) -> int:
    """What engines leave free there at any time; 0 where too much stands on it."""
    return max(0, min(booked(plan, device, layout).free for layout in shown_layouts(plan)))


def shown_layouts(plan: Plan) -> tuple[Layout, ...]:
    """Those there are, else the one that does not fit; with nobody in it where nobody could be placed."""
    return plan.layouts or (plan.tightest or Layout({}, {}),)
