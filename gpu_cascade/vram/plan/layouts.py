"""Who can be awake together, and how the others rest meanwhile. Pure."""

from collections.abc import Iterable, Sequence
from itertools import combinations

from ..scheduler.words import State
from .place import Places, Tenant
from .rooms import Room
from .share import Pool

Scene = frozenset[int]  # the engines that are awake, by their place in the list


def scenes(tenants: Sequence[Tenant], places: Places, rooms: Sequence[Room]) -> list[Scene]:
    """The sets that can be awake together and to which nobody can be added.

    The first has those that always stay, and as many others as fit in their order. Then one for each engine
    and each pair of engines that is in none yet. A larger set that no pair leads to is not looked for.
    """
    staying = frozenset(index for index, tenant in enumerate(tenants) if tenant.stays)
    others = [index for index, tenant in enumerate(tenants) if not tenant.stays]
    seeds = [frozenset(seed) for size in range(3) for seed in combinations(others, size)]
    found: list[Scene] = []
    for seed in seeds:
        wanted = staying | seed
        if any(wanted <= scene for scene in found) or not _fits(wanted, tenants, places, rooms):
            continue
        found.append(_extended(wanted, tenants, places, rooms))
    return found


def _extended(scene: Scene, tenants: Sequence[Tenant], places: Places, rooms: Sequence[Room]) -> Scene:
    for index in range(len(tenants)):
        if _fits(scene | {index}, tenants, places, rooms):
            scene |= {index}
    return scene


def _fits(scene: Scene, tenants: Sequence[Tenant], places: Places, rooms: Sequence[Room]) -> bool:
    taken = [0] * len(rooms)
    for index, tenant in enumerate(tenants):
        bytes_each = tenant.base + tenant.claim.floor if index in scene else tenant.rest
        for device in places[index]:
            taken[device] += bytes_each
    return all(size <= room.free_bytes for size, room in zip(taken, rooms, strict=True))


def rests(resting: Iterable[tuple[str, int]], host_ram_bytes: int) -> dict[str, State]:
    """How those rest that take turns (a name, and host RAM while asleep): asleep as long as host RAM lasts.

    All of them at once: in the midst of a change everybody may be asleep. The smallest come first, so that as
    few as can be must boot for their turn.
    """
    found: dict[str, State] = {}
    for name, size in sorted(resting, key=lambda one: one[1]):
        found[name] = State.ASLEEP if size <= host_ram_bytes else State.ABSENT
        host_ram_bytes -= size if found[name] is State.ASLEEP else 0
    return found


def pools(
    found: Sequence[Scene],
    names: Sequence[str],
    tenants: Sequence[Tenant],
    places: Places,
    rooms: Sequence[Room],
) -> list[Pool]:
    """What is left for KV caches on each device in each scene, where anybody is awake."""
    made: dict[Pool, None] = {}
    for scene in found:
        for device, room in enumerate(rooms):
            here = [index for index, on in enumerate(places) if device in on]
            awake = tuple(index for index in here if index in scene)
            taken = sum(tenants[index].base if index in scene else tenants[index].rest for index in here)
            if awake:
                made[Pool(room.free_bytes - taken, tuple(names[index] for index in awake))] = None
    return list(made)
