"""Measured values of one kind, and whether they are believed. Pure."""

import statistics
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from .footprint import Footprint
from .kv import Group

DOUBTED = 3.0  # times more or less than computed
AGREEING, AGREE_WITHIN = 3, 0.1  # so many readings so close to each other are believed all the same


class What(StrEnum):
    """What was measured. Bytes are those of each device."""

    RESIDENT_BYTES = "resident_bytes"  # awake, its KV cache left out
    ASLEEP_BYTES = "asleep_bytes"
    KV_TOKEN_BYTES = "kv_token_bytes"  # noqa: S105 - no password: KV bytes by the tokens vLLM reports for them
    BOOT_S = "boot_s"
    SLEEP_S = "sleep_s"
    WAKE_S = "wake_s"


@dataclass(frozen=True, slots=True)
class Readings:
    """The last measured values of one kind, newest first; at least one."""

    values: tuple[float, ...]

    def believed(self, computed: float | None = None) -> float | None:
        """Their median, so that one outlier does not win.

        One that is three times off what is `computed` needs three readings that agree on it. Without them the
        median of those that are not so far off, and None where all are.
        """
        middle = statistics.median_high(self.values)
        if computed is None or _near(middle, computed):
            return middle
        if sum(abs(value - middle) <= AGREE_WITHIN * middle for value in self.values) >= AGREEING:
            return middle
        near = [value for value in self.values if _near(value, computed)]
        return statistics.median_high(near) if near else None


def corrected(footprint: Footprint, readings: Mapping[What, Readings]) -> Footprint:
    """The footprint with what was measured in place of what was computed.

    What is doubted is said in `estimated`. A KV cache is corrected only where it was estimated: else
    vLLM reports what was computed.
    """
    doubts: list[str] = []
    resident = _believed(readings, What.RESIDENT_BYTES, footprint.resident(0), doubts)
    asleep = _believed(readings, What.ASLEEP_BYTES, footprint.asleep, doubts)
    footprint = _with_kv(footprint, readings, doubts)
    if asleep is not None:
        footprint = replace(footprint, asleep=asleep, learned=True)
    if resident is not None:
        weights = min(footprint.weights, resident)
        overhead = resident - weights
        footprint = replace(footprint, weights=weights, overhead=overhead, learned=True, estimated=())
    return replace(footprint, estimated=(*footprint.estimated, *doubts))


def _with_kv(footprint: Footprint, readings: Mapping[What, Readings], doubts: list[str]) -> Footprint:
    """An estimated cache becomes one that grows evenly, so many bytes for each token."""
    kv = footprint.kv
    if kv.estimated is None:
        return footprint
    computed = max(1, kv.bytes_for(kv.max_model_len, kv.max_model_len) // kv.max_model_len)
    each = _believed(readings, What.KV_TOKEN_BYTES, computed, doubts)
    if each is None:
        return footprint
    group = Group(max(1, each * kv.block_tokens), kv.block_tokens)
    return replace(footprint, kv=replace(kv, groups=(group,), estimated=None), learned=True)


def _believed(readings: Mapping[What, Readings], what: What, computed: int, doubts: list[str]) -> int | None:
    """A reading in whole bytes; None where there is none, or none that is believed, which joins `doubts`."""
    if what not in readings:
        return None
    value = readings[what].believed(computed)
    if value is None:
        doubts.append(
            f"{what}: {readings[what].values[0]:,.0f} were measured where {computed:,} are computed; that is "
            f"not believed until {AGREEING} readings agree"
        )
    return None if value is None else round(value)


def _near(value: float, computed: float) -> bool:
    return computed / DOUBTED <= value <= computed * DOUBTED
