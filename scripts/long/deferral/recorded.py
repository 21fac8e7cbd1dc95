"""The record on disk, and what several tables ask of it."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from gpu_cascade.calibrate.choose import out_of_fold_scores
from gpu_cascade.calibrate.rows import Row, read
from gpu_cascade.calibrate.select import DEFAULT
from gpu_cascade.calibrate.splits import split
from gpu_cascade.evaluate.baselines import naive
from gpu_cascade.evaluate.curves import cheapest, levels, walk
from gpu_cascade.evaluate.policies import stairs
from gpu_cascade.evaluate.sheet import FEWEST_GROUPS, Sheet, lay_out

HERE = Path(__file__).parent
FOLDER = HERE.parents[2] / "benchmarks" / "deferral"
TIERS = ("s135m", "q0_5b", "q1_5b")
PAIRS = (("s135m", "q0_5b"), ("s135m", "q1_5b"), ("q0_5b", "q1_5b"))
CHAINS = (*PAIRS, TIERS)
ORDER = ("xquad", "headlines", "clinc", "policyqa", "gsm8k", "sven")
GENERATIVE, CHOICES = ("xquad", "policyqa", "gsm8k"), ("headlines", "clinc", "sven")
FEWEST = 30  # rows that all tiers of a table have answered: below, no cross-validation
SEED = 0


def sets(folder: Path) -> list[Path]:
    """The recorded sets in the order of the record; any other last, by name."""
    return sorted(folder.glob("*.jsonl"), key=lambda path: (_place(path.stem), path.stem))


def _place(name: str) -> int:
    return ORDER.index(name) if name in ORDER else len(ORDER)


@lru_cache(2)
def _read(path: Path) -> tuple[Row, ...]:
    return tuple(read(path))


def answered(path: Path, tiers: Sequence[str]) -> list[Row]:
    """The rows that all of the tiers have answered and somebody scored."""
    return [row for row in _read(path) if all(_scored(row, tier) for tier in tiers)]


def _scored(row: Row, tier: str) -> bool:
    return tier in row.tiers and row.tiers[tier].score is not None


def enough(rows: Sequence[Row]) -> bool:
    """Whether anything can be said of them."""
    return len(rows) >= FEWEST and len({row.cluster for row in rows}) >= FEWEST_GROUPS


def sheet_of(rows: Sequence[Row], tiers: Sequence[str], *, learned: bool) -> Sheet:
    """The rows as columns; on demand with a learned rule, out of fold, where one can be fitted."""
    scores = out_of_fold_scores(rows, tiers) if learned else None
    return lay_out(rows, tiers, signal=DEFAULT, judge=None, learned=scores, router=None)


def matching(sheet: Sheet, name: str, quality: float) -> tuple[float, float, float]:
    """Share escalated, quality, engine-seconds at the cheapest threshold that reaches a quality here.

    Where none does, those of escalating everything.
    """
    steps = stairs(sheet, name)
    path = walk(steps, np.ones((len(sheet.score), 1)))
    step = cheapest(path, steps.first, np.array([quality]))[0]
    escalated, reached, spent = path[:, step, 0].tolist()
    return escalated, reached, spent


def held_out(sheet: Sheet, name: str, quality: float) -> tuple[float, float]:
    """Quality and engine-seconds with the cheapest threshold of one half, measured on the other.

    `quality` is that on all rows; what it is above or below the last tier's is asked of each half.
    """
    parts = split(sheet.group, (0.5, 0.5), SEED)
    allowed = float(sheet.score[:, -1].mean()) - quality
    found = naive(sheet, name, lambda fit: levels(sheet.sure[name], fit), (parts[0], parts[1]), allowed).rows
    return float(found[:, 1].mean()), float(found[:, 2].mean())
