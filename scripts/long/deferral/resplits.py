"""How often a certified threshold misses its target on rows that it never saw."""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gpu_cascade.calibrate.select import DEFAULT
from gpu_cascade.calibrate.splits import split
from gpu_cascade.evaluate.sheet import Sheet

sys.path.insert(0, str(Path(__file__).parents[1]))  # the folder is no package
from calibrations import DELTA, Record, ours, parted
from certification import RESPLITS, realised

FEWEST = 400  # rows: with half of fewer, hardly anything is certified, and the rate says nothing
BOUND = DELTA + 2 * float(np.sqrt(DELTA * (1 - DELTA) / RESPLITS))


@dataclass(frozen=True)
class Resplit:
    """Over all re-splits: the share that missed, the mean loss and escalation, the share that certified."""

    target: float
    missed: float
    loss: float
    escalation: float
    certified: float


def record_of(sheet: Sheet) -> Record:
    """A pair as its drafts' default signal and both qualities."""
    return Record(sheet.sure[DEFAULT][:, 0], sheet.score[:, 0], sheet.score[:, -1], sheet.group)


def resplit(record: Record, target: float, labelled_share: float = 0.5) -> Resplit:
    """A part of the groups calibrates, the rest is traffic, 200 times."""
    found = np.array([_once(record, target, labelled_share, seed) for seed in range(RESPLITS)])
    losses, escalated, certified = found.T
    return Resplit(
        target,
        float(np.mean(losses > target)),
        float(losses.mean()),
        float(escalated.mean()),
        float(certified.mean()),
    )


def _once(record: Record, target: float, labelled_share: float, seed: int) -> tuple[float, float, bool]:
    labelled, traffic = split(record.groups, (labelled_share, 1 - labelled_share), seed)
    threshold = ours(parted(record.only(labelled), seed), target, seed)
    return *realised(record.only(traffic), threshold), bool(np.isfinite(threshold))
