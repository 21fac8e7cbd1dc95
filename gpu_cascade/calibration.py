"""What `calibrate` and `evaluate` do: from a file of labelled rows to a certificate, or to a report."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from .calibrate.applied import applied
from .calibrate.artifact import Artifact, write
from .calibrate.artifact import read as read_artifact
from .calibrate.certificate import Kind
from .calibrate.choose import AUTO, out_of_fold_scores, router_scores
from .calibrate.collect import Progress
from .calibrate.describe import Calibration
from .calibrate.report import artifact
from .calibrate.rows import Row, read
from .calibrate.run import Wanted, calibrate
from .calibrate.select import LEARNED
from .calibrate.tables import some
from .cascade.signals import SIGNALS
from .config import CascadeConfig, Config
from .config.fields import unknown
from .errors import BadRows, ConfigError
from .evaluate.analysis import analyse
from .evaluate.as_json import to_json
from .evaluate.report import render
from .wiring import Options
from .wiring.calibrated import bound_now
from .wiring.measure import collected

LABELS = {"auto": None, "paired": Kind.PAIRED, "small-only": Kind.KEPT_ERROR, "none": Kind.AGREEMENT}


@dataclass(frozen=True, slots=True)
class Job:
    """One calibration: what to read, what to write."""

    config: Config
    cascade: str
    rows: Path
    out: Path
    options: Options


def run(job: Job, wanted: Wanted, told: Callable[[Progress], None]) -> tuple[Calibration, Artifact]:
    """Ask the engines what the rows do not hold yet, certify, write the file.

    Raises `BadRows` and `ConfigError` before any engine boots where it can be told.
    """
    made = _cascade(job.config, job.cascade)
    rows = read(job.rows)
    _refuse_unlabelled(rows, wanted.kind)
    bound = bound_now(job.cascade, job.config, fake=job.options.fake)
    asked = made.tiers[:-1] if wanted.kind is Kind.KEPT_ERROR else made.tiers
    answered = asyncio.run(
        collected(job.config, job.cascade, asked, rows, rows_beside(job.out), job.options, told)
    )
    with threadpool_limits(1, "blas"):  # many small products: waiting threads took most of the time
        calibration = calibrate(answered, made.tiers, wanted)
    kept = artifact(
        calibration, answered, cascade=job.cascade, sampling=made.sampling, bound=bound, wanted=wanted
    )
    write(job.out, kept)
    return calibration, kept


def judge_of(config: Config, cascade: str) -> str | None:
    """Whose opinions may be used: the engine under `verify`, if there is one."""
    verify = _cascade(config, cascade).verify
    return verify.by if verify else None


def rows_beside(out: Path) -> Path:
    """Where the answered rows are kept: `evaluate` reads them, and calibrating them again asks nobody."""
    return out.with_suffix(".rows.jsonl")


def _cascade(config: Config, name: str) -> CascadeConfig:
    if name not in config.cascades:
        raise ConfigError(f"--cascade {name} {unknown(name, config.cascades)}")
    return config.cascades[name]


def _refuse_unlabelled(rows: Sequence[Row], kind: Kind | None) -> None:
    """Where gold is needed, before minutes of engine time are spent."""
    if kind is Kind.AGREEMENT:
        return
    missing = [row.id for row in rows if not row.gold]
    if missing and (kind is not None or len(missing) < len(rows)):
        raise BadRows(
            f"of {len(rows)} rows {some(missing)} have no gold; label them, leave them out, or certify "
            f"agreement with the last tier instead (--labels none)"
        )


def wanted(
    config: Config, cascade: str, target_loss: float, confidence: float, signal: str, labels: str, seed: int
) -> Wanted:
    """What the command line asks for. Raises `ConfigError` for words that are not known."""
    if labels not in LABELS:
        raise ConfigError(f"--labels {labels} {unknown(labels, LABELS)}")
    if signal not in (*SIGNALS, AUTO, LEARNED):
        raise ConfigError(f"--signal {signal} {unknown(signal, (*SIGNALS, AUTO, LEARNED))}")
    made = _cascade(config, cascade)
    if signal == LEARNED and made.first_tokens is not None:
        raise ConfigError(
            f"--signal {LEARNED} does not go with stream: commit: it reads a draft to its end; name another "
            f"signal, or leave it out"
        )
    gate = made.gate == "auto"
    judge = judge_of(config, cascade)
    return Wanted(target_loss, confidence, signal, LABELS[labels], judge, gate, seed, made.first_tokens)


@dataclass(frozen=True, slots=True)
class Evaluated:
    """One evaluation: for a terminal, for a browser, for a program."""

    summary: str
    page: str
    numbers: dict[str, Any]


def evaluate(config: Config, cascade: str | None, path: Path, target_loss: float) -> Evaluated:
    """What a cascade is worth on rows that carry every tier's answers; no engine is asked.

    Raises `BadRows` for rows that cannot be used.
    """
    name = cascade or next(iter(config.cascades))
    made = _cascade(config, name)
    rows = read(path)
    kept = read_artifact(config.resolve(made.calibration)) if made.calibration else None
    found = analyse(
        rows,
        made.tiers,
        signal=kept.steps[0].signal if kept else made.signal,
        judge=judge_of(config, name),
        learned=out_of_fold_scores(rows, made.tiers),
        router=router_scores(rows, made.tiers),
        served=applied(rows, made.tiers, kept) if kept else None,
        guarantee=kept.sentence if kept else None,
        target_loss=target_loss,
    )
    return Evaluated("\n".join(found.verdict), render(found), to_json(found))
