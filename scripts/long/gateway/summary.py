"""Slices become rows: the median of the rounds, with the least and the most. Pure."""

import statistics
from collections import defaultdict
from collections.abc import Callable, Sequence

import msgspec

from .loads import DIRECT, LANES, LOADS
from .rounds import Slice


class Figure(msgspec.Struct, frozen=True):
    """Over the rounds."""

    median: float
    least: float
    most: float


class Row(msgspec.Struct, frozen=True):
    """One lane under one load. None where it does not apply: the stub alone has no gateway."""

    lane: str
    load: str
    rate: Figure  # answers a second
    ratio: Figure | None  # to the same load asked directly, in the same round
    bad: int
    p50_ms: Figure | None
    p99_ms: Figure | None
    added_p50_ms: Figure | None
    cpu_us: Figure | None  # of the gateway, for an answer
    escalated: Figure | None  # answers of the large model, for each request
    first_p50_ms: Figure | None
    first_p99_ms: Figure | None
    added_first_ms: Figure | None
    piece_cpu_us: Figure | None  # of the gateway, for a piece of a stream


def rows(slices: Sequence[Slice]) -> list[Row]:
    """In the order of loads and lanes; none of a load that was not asked directly as well."""
    seen: defaultdict[tuple[str, str], list[Slice]] = defaultdict(list)
    for one in slices:
        seen[one.lane, one.load].append(one)
    return [
        _row(seen[lane.name, load], seen[DIRECT, load])
        for load in LOADS
        for lane in LANES
        if (lane.name, load) in seen and (DIRECT, load) in seen
    ]


def _row(mine: Sequence[Slice], direct: Sequence[Slice]) -> Row:
    beside = {one.round: one for one in direct}
    both = [(one, beside[one.round]) for one in mine]

    def of(value: Callable[[Slice], float | None]) -> Figure | None:
        return figure([value(one) for one in mine])

    def added(value: Callable[[Slice], float | None]) -> Figure | None:
        return figure([_less(value(one), value(other)) for one, other in both])

    return Row(
        lane=mine[0].lane,
        load=mine[0].load,
        rate=_sure(of(_rate)),
        ratio=figure([_each(_rate(one), _rate(other)) for one, other in both]),
        bad=sum(one.told.bad for one in mine),
        p50_ms=of(lambda one: one.told.p50_ms),
        p99_ms=of(lambda one: one.told.p99_ms),
        added_p50_ms=added(lambda one: one.told.p50_ms),
        cpu_us=of(lambda one: _each(one.cpu_s, one.told.requests, 1e6)),
        escalated=of(lambda one: _each(one.asked["large"], one.told.requests)),
        first_p50_ms=of(lambda one: one.told.first_p50_ms),
        first_p99_ms=of(lambda one: one.told.first_p99_ms),
        added_first_ms=added(lambda one: one.told.first_p50_ms),
        piece_cpu_us=of(lambda one: _each(one.cpu_s, one.told.pieces, 1e6)),
    )


def figure(values: Sequence[float | None]) -> Figure | None:
    """None where a round has no value."""
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return None
    return Figure(statistics.median(known), min(known), max(known))


def _rate(one: Slice) -> float:
    return one.told.requests / one.told.seconds


def _each(total: float | None, count: float | None, times: float = 1) -> float | None:
    return None if total is None or not count else times * total / count


def _less(value: float | None, other: float | None) -> float | None:
    return None if value is None or other is None else value - other


def _sure(found: Figure | None) -> Figure:
    assert found is not None, "each slice has these"
    return found
