"""RouteLLM's paired outcomes of a weak and a strong model: the mathematics of deferral and of certificates.

No logprobs were published with them. The confidence here is artificial, made from the outcomes themselves: it
shows whether certificates keep their promise on real outcomes, and nothing about any signal.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from resplits import Record, Resplit, resplit

from gpu_cascade.calibrate import metrics

NOISE = 1.0  # standard deviation beside an outcome of 0 or 1: AUROC .76 for error
LABELLED = 1000  # questions that calibrate; the rest is traffic, at least half
TARGET = 0.02


@dataclass(frozen=True)
class Outcomes:
    """One data set. `apgr`: share of the gap between weak and strong recovered, mean over shares deferred."""

    dataset: str
    questions: int
    weak: float
    strong: float
    only_strong: float
    only_weak: float
    random_auc_df: float
    oracle_auc_df: float
    oracle_apgr: float
    artificial_auroc: float | None
    artificial_nauc_df: float | None
    labelled: int
    resplit: Resplit


def outcomes(path: Path) -> list[Outcomes]:
    """Each data set of the file, in its order."""
    with path.open(newline="") as file:
        rows = [(row["dataset"], float(row["weak"]), float(row["strong"])) for row in csv.DictReader(file)]
    return [
        _one(name, np.array([row[1:] for row in rows if row[0] == name]))
        for name in dict.fromkeys(row[0] for row in rows)
    ]


def _one(name: str, flags: np.ndarray) -> Outcomes:
    weak, strong = flags.T
    made_up = weak + NOISE * np.random.default_rng(0).standard_normal(len(weak))
    oracle = metrics.oracle_auc_df(weak, strong)
    labelled = min(LABELLED, len(weak) // 2)
    record = Record(made_up, weak, strong, np.arange(len(weak)))
    return Outcomes(
        name,
        len(weak),
        float(weak.mean()),
        float(strong.mean()),
        float((strong > weak).mean()),
        float((weak > strong).mean()),
        metrics.random_auc_df(weak, strong),
        oracle,
        float((oracle - weak.mean()) / (strong.mean() - weak.mean())),
        metrics.auroc(weak < 1, made_up),
        metrics.nauc_df(weak, strong, made_up),
        labelled,
        resplit(record, TARGET, labelled / len(weak)),
    )
