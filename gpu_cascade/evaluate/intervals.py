"""The paired bootstrap: whole groups are drawn again, and everything measured sees the same draws."""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from ..calibrate.arrays import Floats
from .results import Estimate
from .sheet import Places

Counts = npt.NDArray[np.float32] | Floats  # (n, B): how often each row was drawn in each of B resamples
Statistic = Callable[[Counts], Floats]  # -> (..., B)
T = TypeVar("T")

BLOCK = 64  # resamples at once: a row's counts fill four cache lines, those of 100,000 rows 26 MB
INTERVAL = (2.5, 97.5)  # percentiles
DEFINED = 0.95  # the share of resamples in which a number must be defined to have an interval


@dataclass(frozen=True, slots=True, eq=False)
class Measure(Generic[T]):
    """A result with intervals: what to compute in each resample, and what to make of all of them."""

    draw: Statistic
    conclude: Callable[[Floats], T]


def resampled(
    group: Places, measures: Iterable[Measure[Any]], resamples: int, seed: int
) -> dict[Measure[Any], Floats]:
    """What each measure draws, (..., resamples). The same seed draws the same."""
    found: dict[Measure[Any], list[Floats]] = {measure: [] for measure in measures}
    # OpenBLAS's threads spin while they wait: beside anything else that runs, one is several times faster.
    with threadpool_limits(1, "blas"):
        for counts in blocks(group, resamples, seed):
            for measure, parts in found.items():
                parts.append(measure.draw(counts))
    return {measure: np.concatenate(parts, axis=-1) for measure, parts in found.items()}


def blocks(group: Places, resamples: int, seed: int) -> Iterator[Counts]:
    """How often each row was drawn, in blocks of resamples: groups with replacement, their rows with them."""
    rng = np.random.default_rng(seed)
    groups = int(group.max()) + 1
    for begin in range(0, resamples, BLOCK):
        width = min(BLOCK, resamples - begin)
        drawn = np.empty((groups, width), np.float32)
        for place in range(width):
            drawn[:, place] = np.bincount(rng.integers(groups, size=groups), minlength=groups)
        yield drawn[group]


def estimate(value: float | None, samples: Floats) -> Estimate:
    """A value with its percentile interval; without one where too many resamples leave it undefined."""
    if value is None or not math.isfinite(value):
        return Estimate(None)
    known = samples[np.isfinite(samples)]
    if len(known) < DEFINED * len(samples):
        return Estimate(value)
    low, high = np.percentile(known, INTERVAL)
    return Estimate(value, (float(low), float(high)))
