"""What an evaluation found, frozen. None is 'not defined', never 0. Quality and shares in [0, 1]."""

from dataclasses import dataclass

from ..calibrate.metrics import Bin

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number and its 95 % bootstrap interval."""

    value: float | None
    ci: Point | None = None


@dataclass(frozen=True, slots=True)
class Ranking:
    """How well one score sorts the drafts of one tier. `lead`: nAUC-DF minus that of the chosen signal."""

    name: str
    silent: float  # share of drafts that may not stand whatever the threshold: incomplete, or no evidence
    auc_df: float | None
    nauc_df: Estimate
    lead: Estimate
    error_auroc: float | None
    error_auprc: float | None
    benefit_auroc: float | None
    benefit_auprc: float | None
    prr: float | None
    curve: tuple[float, ...]  # quality at each share of `SHARES` deferred


@dataclass(frozen=True, slots=True)
class Probability:
    """A confidence as a probability of being right, each half of the rows by a map fitted on the other.

    `map` is isotonic or sigmoid; None for what is a probability by itself, or where no map could be fitted.
    """

    name: str
    map: str | None
    rows: int
    ece: Estimate
    brier: Estimate
    bins: tuple[Bin, ...]


@dataclass(frozen=True, slots=True)
class Pair:
    """The drafts of one tier against the answers of the last. Wrong: a score below 0.5."""

    draft: str
    last: str
    draft_quality: float
    last_quality: float
    wrong: float  # share of drafts
    benefit: float  # share of rows where the last tier scores higher
    random_auc_df: float
    oracle_auc_df: float
    oracle_curve: tuple[float, ...]
    break_even: float | None  # the largest escalation at which the cascade costs no more than the last tier
    break_even_judged: float | None  # the same where the judge is asked about every draft
    rankings: tuple[Ranking, ...]
    probabilities: tuple[Probability, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """One way to answer, measured. `thresholds`: that of each half, chosen on the other half."""

    name: str
    quality: Estimate
    lost: Estimate  # quality of the last tier minus its own
    escalation: Estimate  # share answered by the last tier
    engine_s: Estimate  # per question
    saved: Estimate  # share of the last tier's engine-seconds
    thresholds: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Matched:
    """The cheapest point of a curve that reaches the target quality, found anew in each resample."""

    name: str
    escalation: Estimate
    engine_s: Estimate
    saved: Estimate


@dataclass(frozen=True, slots=True)
class CostCurve:
    """(engine-seconds per question, quality) along a cascade's thresholds, and what mixing can reach."""

    name: str
    points: tuple[Point, ...]
    envelope: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Analysis:
    """Everything a report says. `pairs`: one per drafting tier; of the `policies` the tiers come first."""

    n: int
    groups: int
    tiers: tuple[str, ...]
    signal: str
    judge: str | None
    target_loss: float
    resamples: int
    pairs: tuple[Pair, ...]
    policies: tuple[Policy, ...]
    matched: tuple[Matched, ...]
    cost_curves: tuple[CostCurve, ...]
    guarantee: str | None
    verdict: tuple[str, ...]
    notes: tuple[str, ...]
