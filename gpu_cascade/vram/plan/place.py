"""Which engine goes on which devices: a branch and bound that stops after a fixed amount of work. Pure.

A device's level says for how many requests in flight its KV caches have room (`share.level`) in the worst of
its scenes: those that always stay, and one of those that take turns. An engine's level is that of its worst
device.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, islice

from .rooms import Room
from .share import Claim, level

STEPS = 4000  # places for one engine that are looked at
WIDTH = 1000  # ways to choose the devices of one engine that are looked at

Places = tuple[tuple[int, ...], ...]  # for each engine its devices, by their place in the list of rooms


@dataclass(frozen=True, slots=True)
class Tenant:
    """An engine as it is placed: on each of `count` devices it takes `base` bytes and its KV cache.

    `rest` is what it keeps there while it is not awake. `stays`: it is always awake.
    """

    count: int
    base: int
    rest: int
    claim: Claim
    stays: bool

    @property
    def turn_bytes(self) -> int:
        """What it takes at least while awake, beyond what it keeps at rest."""
        return self.base + self.claim.floor - self.rest


# The better, the greater: 0, or minus the bytes missing on the worst device; minus the pairs that cannot be
# awake together; the engines' levels, lowest first.
Rank = tuple[float, int, tuple[float, ...]]


@dataclass(frozen=True, slots=True)
class Placement:
    """Where everybody is. `missing` bytes for the floors on each device: all 0 where it fits."""

    places: Places
    rank: Rank
    missing: tuple[int, ...]

    @property
    def fits(self) -> bool:
        """Whether every engine has its least KV cache, at least in its turn."""
        return not any(self.missing)


def place(tenants: Sequence[Tenant], rooms: Sequence[Room], steps: int = STEPS) -> Placement | None:
    """The placement with the fewest pairs that must take turns, then the highest lowest level, and so on.

    Where nothing fits: the one that misses least on its worst device. None where an engine wants more devices
    of one kind than there are: ranks of an engine are alike, and a MIG instance never is one of several.
    """
    if not tenants:
        return Placement((), (0.0, 0, ()), (0,) * len(rooms))
    return _Search(tenants, rooms).run(steps)


class _Search:
    """A device holds a set of tenants, written as the bits of a number; what that comes to is remembered."""

    def __init__(self, tenants: Sequence[Tenant], rooms: Sequence[Room]) -> None:
        self._tenants = tenants
        self._free = [room.free_bytes for room in rooms]
        self._kinds = _kinds(rooms, range(len(rooms)))
        self._whole = _kinds(rooms, [device for device, room in enumerate(rooms) if not room.sliced])
        self._order = sorted(range(len(tenants)), key=lambda index: -_size(tenants[index]))
        self._views: dict[tuple[int, int], tuple[float, int]] = {}
        self._sums: dict[int, int] = {}
        self._best: Rank | None = None
        self._found: dict[int, tuple[int, ...]] = {}  # where everybody is at best
        self._places: dict[int, tuple[int, ...]] = {}
        self._left = 0

    def run(self, steps: int) -> Placement | None:
        """Greedily; then one or two engines anew, as long as that helps; then all of them anew."""
        self._anew(self._order)
        if self._best is None:
            return None
        self._left = steps
        while any(self._anew(some) for size in (1, 2) for some in combinations(self._order, size)):
            pass
        self._anew(self._order)
        masks = self._masks(self._found)
        levels = [self._view(free, mask)[0] for free, mask in zip(self._free, masks, strict=True)]
        places = tuple(self._found[index] for index in range(len(self._tenants)))
        return Placement(places, self._best, tuple(max(0, -int(min(one, 0.0))) for one in levels))

    def _anew(self, some: Sequence[int]) -> bool:
        """Place these anew, the others stay where they are; whether that is better. Greedy without steps."""
        self._places = {index: on for index, on in self._found.items() if index not in some}
        masks, clashes = self._masks(self._places), 0
        levels = [math.inf] * len(self._tenants)
        for free, mask in zip(self._free, masks, strict=True):
            clashes |= self._join(levels, free, mask)
        before = self._best
        self._descend(some, masks, levels, clashes)
        return self._best != before

    def _descend(self, some: Sequence[int], masks: list[int], levels: list[float], clashes: int) -> None:
        """Place the first of these everywhere it may go, the most promising place first, then the others."""
        if not some:
            self._best, self._found = _rank(levels, clashes), dict(self._places)
            return
        levels = self._hoped(some, masks, levels)
        if self._best is not None and _rank(levels, clashes) <= self._best:
            return
        tenant, *others = some
        tried = [self._tried(tenant, on, masks, levels, clashes) for on in self._choices(tenant, masks)]
        self._left -= len(tried)
        tried.sort(key=lambda one: one[0], reverse=True)
        for rank, on, new_levels, new_clashes in tried:
            if self._best is not None and (rank <= self._best or self._left <= 0):
                return  # no level rises where somebody moves in, so none below this is better
            self._places[tenant] = on
            moved = [mask | 1 << tenant if d in on else mask for d, mask in enumerate(masks)]
            self._descend(others, moved, new_levels, new_clashes)

    def _hoped(self, some: Sequence[int], masks: list[int], levels: list[float]) -> list[float]:
        """The levels that those not placed yet may still reach: each with the best devices for itself."""
        levels = levels.copy()
        for tenant in some:
            count = self._tenants[tenant].count
            reached = [
                sorted(self._view(self._free[device], masks[device] | 1 << tenant)[0] for device in kind)
                for kind in self._fitting(count)
            ]
            levels[tenant] = max((each[-count] for each in reached), default=-math.inf)
        return levels

    def _fitting(self, count: int) -> list[list[int]]:
        """The kinds of devices that have enough for so many ranks."""
        return [kind for kind in (self._kinds if count == 1 else self._whole) if len(kind) >= count]

    def _tried(
        self, tenant: int, on: tuple[int, ...], masks: list[int], levels: list[float], clashes: int
    ) -> tuple[Rank, tuple[int, ...], list[float], int]:
        """What it comes to when `tenant` moves in there; who is not placed yet may still reach its best."""
        levels = levels.copy()
        for device in on:
            clashes |= self._join(levels, self._free[device], masks[device] | 1 << tenant)
        return _rank(levels, clashes), on, levels, clashes

    def _join(self, levels: list[float], free_bytes: int, mask: int) -> int:
        """Lower the levels of those on one device to what it has for them; which pairs clash there."""
        found, clashes = self._view(free_bytes, mask)
        for index in _members(mask):
            levels[index] = min(levels[index], found)
        return clashes

    def _masks(self, places: Mapping[int, tuple[int, ...]]) -> list[int]:
        """Who is on each device."""
        masks = [0] * len(self._free)
        for index, on in places.items():
            for device in on:
                masks[device] |= 1 << index
        return masks

    def _choices(self, tenant: int, masks: list[int]) -> Iterator[tuple[int, ...]]:
        """Devices for it, the roomiest first, once for each way that makes a difference."""
        count = self._tenants[tenant].count
        for kind in self._fitting(count):
            alike: dict[tuple[int, int], list[int]] = {}
            for device in kind:
                alike.setdefault((self._free[device], masks[device]), []).append(device)
            roomy = sorted(alike.items(), key=lambda item: self._taken(item[0][1]) - item[0][0])
            classes = [devices[:count] for _, devices in roomy]
            labels = [label for label, devices in enumerate(classes) for _ in devices]
            for chosen in dict.fromkeys(islice(combinations(labels, count), WIDTH)):
                yield tuple(classes[label][chosen[:place].count(label)] for place, label in enumerate(chosen))

    def _taken(self, mask: int) -> int:
        if mask not in self._sums:
            self._sums[mask] = sum(_size_on_each(self._tenants[index]) for index in _members(mask))
        return self._sums[mask]

    def _view(self, free_bytes: int, mask: int) -> tuple[float, int]:
        """The level of a device with these tenants, and which pairs of them clash."""
        key = (free_bytes, mask)
        if key not in self._views:
            self._views[key] = self._look(free_bytes, mask)
        return self._views[key]

    def _look(self, free_bytes: int, mask: int) -> tuple[float, int]:
        members = [(index, self._tenants[index]) for index in _members(mask)]
        staying = [tenant for _, tenant in members if tenant.stays]
        turns = [(index, tenant) for index, tenant in members if not tenant.stays]
        free = free_bytes - sum(t.base for t in staying) - sum(t.rest for _, t in turns)
        scenes: list[list[Tenant]] = [[tenant] for _, tenant in turns] or [[]]
        clashes = 0
        for (one, first), (other, second) in combinations(turns, 2):
            if _level(free, staying, [first, second]) < 0:
                clashes |= 1 << (one * len(self._tenants) + other)
        return min(_level(free, staying, awake) for awake in scenes), clashes


def _level(free: int, staying: list[Tenant], awake: list[Tenant]) -> float:
    """`free` is what there is beside those that stay and what the others keep at rest."""
    for tenant in awake:
        free -= tenant.base - tenant.rest
    return level(free, [tenant.claim for tenant in (*staying, *awake)])


def _rank(levels: Sequence[float], clashes: int) -> Rank:
    ordered = sorted(levels)
    return min(0.0, ordered[0]), -clashes.bit_count(), tuple(ordered)


def _members(mask: int) -> Iterator[int]:
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest


def _kinds(rooms: Sequence[Room], devices: Iterable[int]) -> list[list[int]]:
    """These devices, those of one name together."""
    kinds: dict[str, list[int]] = {}
    for device in devices:
        kinds.setdefault(rooms[device].name, []).append(device)
    return list(kinds.values())


def _size_on_each(tenant: Tenant) -> int:
    return tenant.base + tenant.claim.floor


def _size(tenant: Tenant) -> int:
    """What is hard to place comes first: bytes over all its devices."""
    return tenant.count * _size_on_each(tenant)
