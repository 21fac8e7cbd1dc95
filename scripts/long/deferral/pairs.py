"""Everything that the tables say of one set under one pair of tiers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from recorded import SEED, answered, enough, matching, sheet_of
from resplits import FEWEST as FEWEST_RESPLIT
from resplits import Resplit, record_of, resplit

from gpu_cascade.calibrate import metrics
from gpu_cascade.calibrate.certificate import sentence
from gpu_cascade.calibrate.columns import features
from gpu_cascade.calibrate.rows import Row
from gpu_cascade.calibrate.run import Wanted, calibrate
from gpu_cascade.calibrate.scorers import RIGHT
from gpu_cascade.calibrate.select import DEFAULT, LEARNED, Selection, select
from gpu_cascade.calibrate.tables import columns
from gpu_cascade.errors import CascadeError
from gpu_cascade.evaluate.analysis import analyse
from gpu_cascade.evaluate.sheet import Sheet

RESAMPLES = 128  # of the bootstrap in the verdicts: a minute for all of the record
TARGETS = (0.02, 0.05, 0.10)
MATCHES = (0.02, 0.05)
RESPLIT_TARGET = 0.05
CONFIDENCE = 0.9
FEWEST_OPINIONS = 30


@dataclass(frozen=True)
class Promise:
    """What `calibrate` made of the rows at one target. Costs in engine-seconds per question."""

    target: float
    said: str
    certified: bool
    signal: str = ""
    rows: int = 0
    escalation: float = 1.0
    cascade_s: float | None = None
    certifiable_loss: float | None = None
    labels_needed: int | None = None


@dataclass(frozen=True)
class Judged:
    """The larger engine's opinion, on the rows that carry one, beside the default signal on the same rows."""

    rows: int
    nauc_df: float | None
    default_nauc_df: float | None
    error_auroc: float | None
    default_error_auroc: float | None
    asked_s: float


@dataclass(frozen=True)
class Pair:
    """One pair. Qualities in [0, 1]; engine-seconds per answer; nAUC-DF 0 for a coin, 1 for the oracle."""

    set: str
    tiers: tuple[str, ...]
    rows: int
    groups: int
    quality: tuple[float, ...]
    oracle: float
    engine_s: tuple[float, ...]
    error_auroc: float | None
    chosen: str
    crossed: Mapping[str, float | None]  # mean nAUC-DF over the folds, by name
    nauc_df: Mapping[str, float | None]
    auc_df: Mapping[str, float | None]
    random_auc_df: float
    matched: Mapping[float, tuple[float, float, float]]  # loss -> share escalated, quality, engine-seconds
    judged: Judged | None
    promises: Sequence[Promise]
    resplit: Resplit | None  # None under 400 rows
    verdict: Sequence[str]


def pair(path: Path, tiers: tuple[str, str]) -> Pair | None:
    """The figures; None where too few rows were answered by both."""
    rows = answered(path, tiers)
    if not enough(rows):
        return None
    sheet = sheet_of(rows, tiers, learned=True)
    picked = _selection(rows, tiers, sheet)
    chosen = picked.chosen if picked and picked.chosen in sheet.sure else DEFAULT
    learned = {tiers[0]: sheet.sure[LEARNED][:, 0]} if LEARNED in sheet.sure else None
    told = analyse(rows, tiers, signal=chosen, learned=learned, resamples=RESAMPLES)
    ranked = {one.name: one for one in told.pairs[0].rankings}
    last = float(sheet.score[:, -1].mean())
    return Pair(
        set=path.stem,
        tiers=tiers,
        rows=told.n,
        groups=told.groups,
        quality=tuple(sheet.score.mean(axis=0).tolist()),
        oracle=float(sheet.score.max(axis=1).mean()),
        engine_s=tuple(sheet.seconds.mean(axis=0).tolist()),
        error_auroc=ranked[DEFAULT].error_auroc,
        chosen=chosen,
        crossed={entry.name: entry.mean for entry in picked.table} if picked else {},
        nauc_df={name: one.nauc_df.value for name, one in ranked.items()},
        auc_df={name: one.auc_df for name, one in ranked.items()},
        random_auc_df=told.pairs[0].random_auc_df,
        matched={loss: matching(sheet, chosen, last - loss) for loss in MATCHES},
        judged=_judged(rows, tiers, sheet),
        promises=[_promise(rows, tiers, target) for target in TARGETS],
        resplit=_resplit(sheet),
        verdict=told.verdict,
    )


def _selection(rows: Sequence[Row], tiers: tuple[str, str], sheet: Sheet) -> Selection | None:
    """The choice by cross-validation on all rows, as `calibrate` chooses on its fitting rows."""
    signals = {name: values[:, 0] for name, values in sheet.sure.items() if name != LEARNED}
    vectors = features(columns(rows, tiers[0]))
    return select(signals, vectors, sheet.score[:, 0], sheet.score[:, -1], sheet.group, SEED)


def _judged(rows: Sequence[Row], tiers: tuple[str, str], sheet: Sheet) -> Judged | None:
    opinions = [row.tiers[tiers[0]].p_true.get(tiers[1]) for row in rows]
    asked = np.flatnonzero([one is not None for one in opinions])
    if len(asked) < FEWEST_OPINIONS:
        return None
    default, (small, large) = sheet.sure[DEFAULT][asked, 0], sheet.score[asked].T
    given = [one for one in opinions if one is not None]
    said = np.array([np.nan if one.p is None else one.p for one in given])
    said = np.where(np.isnan(default), np.nan, said)  # a draft that may not stand is not saved by an opinion
    return Judged(
        len(asked),
        metrics.nauc_df(small, large, said),
        metrics.nauc_df(small, large, default),
        metrics.auroc(small < RIGHT, said),
        metrics.auroc(small < RIGHT, default),
        float(np.mean([one.engine_s for one in given])),
    )


def _promise(rows: Sequence[Row], tiers: tuple[str, str], target: float) -> Promise:
    try:
        made = calibrate(rows, tiers, Wanted(target, CONFIDENCE, seed=SEED))
    except CascadeError as error:
        return Promise(target, error.message, certified=False)
    found = made.certificate
    return Promise(
        target,
        sentence(found),
        found.certified,
        made.choices[tiers[0]].signal,
        found.rows,
        found.escalation,
        made.cost_s["cascade"],
        made.advice.loss if made.advice else None,
        made.advice.labels if made.advice else None,
    )


def _resplit(sheet: Sheet) -> Resplit | None:
    return resplit(record_of(sheet), RESPLIT_TARGET) if len(sheet.score) >= FEWEST_RESPLIT else None
