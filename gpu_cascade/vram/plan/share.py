"""How the free bytes of devices become KV caches: as level as they can be, and every byte of it. Pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# Levels are floats. Each is lowered by so much that rounding can never take a byte that is not there
# (0.1 bytes of 100 GiB; the error of a sum of doubles is a thousand times smaller).
_SAFE = 1 - 1e-12


@dataclass(frozen=True, slots=True)
class Claim:
    """An engine's KV cache on each of its devices, in bytes: at least `floor`, of use up to `full`.

    `demand` is what it needs for its share of one request in flight; `page` is what it is made of.
    """

    floor: int
    full: int
    demand: float
    page: int = 1

    def at(self, level: float) -> int:
        """Its KV bytes where `level` requests are in flight, in whole pages."""
        if level * self.demand >= self.full:
            return self.full
        pages = int(level * self.demand) // self.page
        return max(self.floor, pages * self.page)


@dataclass(frozen=True, slots=True)
class Pool:
    """A device at a time: the KV caches of `engines` must fit into `bytes` together."""

    bytes: int
    engines: tuple[str, ...]


def level(free_bytes: int, claims: Sequence[Claim]) -> float:
    """For how many requests in flight all claims have room within `free_bytes` at once.

    Infinite where all are full; negative where not even the floors fit: minus the bytes that are missing.
    """
    spare = free_bytes - sum(claim.floor for claim in claims)
    if spare < 0:
        return float(spare)
    if free_bytes >= sum(claim.full for claim in claims):
        return math.inf
    return _SAFE * _rise(spare, claims)


def _rise(spare: float, claims: Sequence[Claim]) -> float:
    """Water rises: from its floor on, up to where it is full, each claim takes `demand` bytes per level."""
    steps = [(claim.floor / claim.demand, claim.demand) for claim in claims if claim.full > claim.floor]
    steps += [(claim.full / claim.demand, -claim.demand) for claim in claims if claim.full > claim.floor]
    height = width = 0.0
    for point, change in sorted(steps):
        if width * (point - height) > spare:
            return height + spare / width
        spare, height, width = spare - width * (point - height), point, width + change
    return height


def fill(claims: Mapping[str, Claim], pools: Sequence[Pool]) -> dict[str, int]:
    """KV bytes for each engine: the lowest level over all pools is as high as can be, then the next lowest.

    Every engine has one size in all pools. The floors must fit into each pool.
    """
    sizes: dict[str, int] = {}
    while len(sizes) < len(claims):
        lowest, engines = min(_levels(claims, pools, sizes))
        for name in engines:
            sizes[name] = claims[name].at(lowest)
    return sizes


def _levels(
    claims: Mapping[str, Claim], pools: Sequence[Pool], sizes: Mapping[str, int]
) -> list[tuple[float, list[str]]]:
    """The level of each pool whose engines are not all settled, and those that are not."""
    found = []
    for pool in pools:
        unsettled = [name for name in pool.engines if name not in sizes]
        if unsettled:
            settled = sum(sizes[name] for name in pool.engines if name in sizes)
            found.append((level(pool.bytes - settled, [claims[name] for name in unsettled]), unsettled))
    return found
