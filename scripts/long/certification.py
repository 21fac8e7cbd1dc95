"""Whether certificates keep their promise: simulated calibrations with a known truth, and re-splits of rows.

    .venv/bin/python scripts/long/certification.py                         (half an hour on one core)
    .venv/bin/python scripts/long/certification.py ROWS.jsonl SMALL LARGE  (recorded rows, two of their tiers)

"missed" is the share of calibrations whose certified policy loses more than the target, "escalates" the mean
share of requests that go up (1 where nothing was certified). "naive" takes the cheapest threshold whose
observed loss is within the target, as most cascades do.
"""

import math
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from calibrations import (
    CONFIDENCE,
    Chooser,
    Population,
    Record,
    as_if_independent,
    bootstrap_alone,
    boundary,
    kept_boundary,
    measured,
    naive,
    ours,
    parted,
    walk_boundary,
)

from gpu_cascade.calibrate.rows import Row, TierAnswer, read
from gpu_cascade.calibrate.splits import kept, split
from gpu_cascade.calibrate.tables import keepable
from gpu_cascade.cascade.signals import logprob_quantile
from gpu_cascade.errors import BadRows

REPEATS = 1000
RESPLITS = 200
TARGETS = (0.01, 0.02, 0.05)

Outcome = tuple[float, float]  # realised loss, share escalated


def main(*recording: str) -> None:
    if recording:
        path, small, large = recording
        record = recorded(Path(path), small, large)
        print(f"{path}, {small} under {large}", end=": ")
    else:
        simulated()
        record = Population((1, 2, 5, 12), 0.3).draw(2000, np.random.default_rng(0))
        print("Simulated rows as a record", end=": ")
    print(f"{len(record.scores)} rows in {len(set(record.groups))} groups, {RESPLITS} calibrations each\n")
    figures = "missed / mean loss / escalates"
    table(("target", "how", f"half calibrates: {figures}", f"groups redrawn: {figures}"), resplits(record))


def simulated() -> None:
    print(
        f"{REPEATS} tests at confidence {CONFIDENCE} of a loss that is exactly the target: share accepted\n"
    )
    table(
        ("rows", "target", "no wins", "12 % differ", "50 % differ", "kept errors, binomial"), single_tests()
    )
    print(f"{REPEATS} calibrations of rows that stand alone: missed / escalates\n")
    table(("rows", "target", "accepted at the edge", "certified", "naive", "oracle escalates"), rows_alone())
    print(f"{RESPLITS} calibrations of rows in groups: missed / escalates\n")
    hows = ("certified", "as if independent", "bootstrap alone", "naive", "oracle escalates")
    table(("sizes, correlation", "rows", "target", *hows), groups_of_rows())


def single_tests() -> Iterator[tuple[object, ...]]:
    for rows in (200, 500, 1000, 2000):
        for target in TARGETS:
            errors = [boundary(rows, target, differ, REPEATS, rows) for differ in (target, 0.12, 0.5)]
            yield rows, target, *errors, kept_boundary(rows, target, REPEATS, rows)


def rows_alone() -> Iterator[tuple[object, ...]]:
    alone = Population()
    for rows in (200, 500, 1000, 2000):
        for target in TARGETS:
            figures = measured(alone, rows, target, REPEATS, ours, naive)
            edge = walk_boundary(alone, rows, target, REPEATS, steps=100)
            yield rows, target, edge, *map(pair, figures), alone.edge(target)


def groups_of_rows() -> Iterator[tuple[object, ...]]:
    shapes = ((5,), (1, 2, 5, 12), (25,))
    kinds = [Population(sizes, shared) for sizes in shapes for shared in (0.1, 0.9)]
    for population in (*kinds, Population((1, 1, 1, 10), 0.1, harder=0.1)):
        name = f"{population.sizes}, {population.shared}" + ", large ones harder" * (population.harder > 0)
        for rows, target in ((1200, 0.1), (5000, 0.05)):
            hows = (ours, as_if_independent, bootstrap_alone, naive)
            figures = measured(population, rows, target, RESPLITS, *hows)
            yield name, rows, target, *map(pair, figures), population.edge(target)


def resplits(record: Record) -> Iterator[tuple[object, ...]]:
    """Half of the groups calibrates and half is traffic; then groups redrawn, with the record as traffic."""
    for target in (*TARGETS, 0.1):
        for how in (ours, naive):
            halves = [halved(record, target, seed, how) for seed in range(RESPLITS)]
            again = [redrawn(record, target, seed, how) for seed in range(RESPLITS)]
            yield target, how.__name__, *(spread(outcomes, target) for outcomes in (halves, again))


def halved(record: Record, target: float, seed: int, how: Chooser) -> Outcome:
    labelled, traffic = split(record.groups, (0.5, 0.5), seed)
    return realised(record.only(traffic), how(parted(record.only(labelled), seed), target, seed))


def redrawn(record: Record, target: float, seed: int, how: Chooser) -> Outcome:
    """As many groups as there are, drawn with replacement, each draw a group of its own."""
    names, where = np.unique(record.groups, return_inverse=True)
    members = [np.flatnonzero(where == name) for name in range(len(names))]
    drawn = [members[name] for name in np.random.default_rng(seed).integers(len(names), size=len(names))]
    again = record.only(np.concatenate(drawn))
    fresh = np.repeat(np.arange(len(drawn)), [len(rows) for rows in drawn])
    trial = parted(Record(again.scores, again.small, again.large, fresh), seed)
    return realised(record, how(trial, target, seed))


def realised(traffic: Record, threshold: float) -> Outcome:
    keeps = kept(traffic.scores, np.array([threshold]))[:, 0]
    return float(np.mean(keeps * (traffic.large - traffic.small))), float(np.mean(~keeps))


def recorded(path: Path, small: str, large: str) -> Record:
    """The rows of a file that both tiers answered and somebody scored."""
    rows = [row for row in read(path) if scored(row, small) and scored(row, large)]
    names = {name: number for number, name in enumerate(dict.fromkeys(row.cluster for row in rows))}
    signals = np.array([confidence(row.tiers[small]) for row in rows])
    return Record(
        keepable(rows, small, signals),
        np.array([row.tiers[small].score for row in rows], dtype=float),
        np.array([row.tiers[large].score for row in rows], dtype=float),
        np.array([names[row.cluster] for row in rows]),
    )


def scored(row: Row, tier: str) -> bool:
    return tier in row.tiers and row.tiers[tier].score is not None


def confidence(draft: TierAnswer) -> float:
    """The default signal; NaN, so never kept, without numbers."""
    seen = draft.evidence()
    return math.nan if seen is None else logprob_quantile(seen.logprobs)


def table(columns: Iterable[str], rows: Iterable[tuple[object, ...]]) -> None:
    print("|", " | ".join(columns), "|")
    print("|---" * len(tuple(columns)) + "|")
    for row in rows:
        cells = (f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in row)
        print("|", " | ".join(cells), "|", flush=True)
    print()


def pair(figures: tuple[float, float]) -> str:
    return "{:.3f} / {:.2f}".format(*figures)


def spread(outcomes: list[Outcome], target: float) -> str:
    losses, escalated = np.array(outcomes).T
    return f"{np.mean(losses > target):.3f} / {np.mean(losses):.4f} / {np.mean(escalated):.2f}"


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except BadRows as error:
        sys.exit(error.message)
