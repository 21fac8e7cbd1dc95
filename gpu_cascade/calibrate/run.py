"""Rows in, a certified policy out: choose, fit, set the grid, certify; no row does two of these."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..errors import BadRows
from .arrays import Ints
from .certificate import Certificate, Kind
from .certify import PAIRED_START, certify, first_testable
from .choose import AUTO, choose
from .describe import Advice, Calibration, describe
from .family import Family, Table, family, losses, outcomes
from .forecast import certifiable_loss, labels_needed
from .gating import gated, gating
from .rows import Row
from .second_look import Look, worth_a_look
from .select import LEARNED
from .splits import LEARNED as LEARNED_SHARES
from .splits import UNTRAINED, split
from .tables import kind_of, table
from .units import Units, by_group

FEWEST = 20  # rows: below, nothing can be certified at any loss worth having
SELECT_FROM = 1000  # rows from which half may go into choosing and fitting


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to certify. `signal`: a name, `learned` or `auto`; `judge`: whose opinions may be used, if any.

    `gate`: whether prompts may be skipped where that pays. `kind` None: what the labels allow.
    `first_tokens`: so many tokens of a draft decide; None: all of it.
    """

    target_loss: float
    confidence: float
    signal: str = AUTO
    kind: Kind | None = None
    judge: str | None = None
    gate: bool = False
    seed: int = 0
    first_tokens: int | None = None


def calibrate(rows: Sequence[Row], tiers: Sequence[str], wanted: Wanted) -> Calibration:
    """The cheapest policy over `tiers` that can be promised.

    Raises `BadRows` for rows that cannot be used, and for fewer than 20.
    """
    if len(rows) < FEWEST:
        raise BadRows(
            f"{len(rows)} rows certify nothing; label at least {FEWEST}, some 1,000 are the sweet spot"
        )
    kind = wanted.kind or kind_of(rows, tiers)
    numbers = table(rows, tiers, kind, wanted.judge)
    fitting, certifying = _parts(numbers, wanted)
    choices = {
        name: choose(rows, numbers, place, name, wanted.signal, fitting, wanted.seed, wanted.first_tokens)
        for place, name in enumerate(tiers[:-1])
    }
    numbers = replace(numbers, scores=np.column_stack([choice.scores for choice in choices.values()]))
    policies, look = _policies(numbers.take(fitting), wanted)
    gate = gating(rows, numbers, policies, fitting, wanted.target_loss, wanted.seed) if wanted.gate else None
    if gate is not None and gate.gate is not None:
        numbers = gated(rows, numbers, gate.gate)
    certificate, advice = _certified(kind, numbers, policies, fitting, certifying, wanted)
    made = describe(rows, tiers, numbers, policies, certificate, advice, choices, look, gate)
    # A draft that is shown live is not broken off for what comes of it later.
    return made if wanted.first_tokens is None else replace(made, saved={})


def _parts(numbers: Table, wanted: Wanted) -> tuple[Ints, Ints]:
    """Rows that may be looked at, and rows that certify."""
    if wanted.signal == LEARNED:
        weights, probability, certifying = split(numbers.groups, LEARNED_SHARES, wanted.seed)
        return np.sort(np.concatenate([weights, probability])), certifying
    if wanted.signal == AUTO and numbers.rows >= SELECT_FROM:
        fitting, certifying = split(numbers.groups, (0.5, 0.5), wanted.seed)
        return fitting, certifying
    fitting, certifying = split(numbers.groups, UNTRAINED, wanted.seed)
    return fitting, certifying


def _policies(fitting: Table, wanted: Wanted) -> tuple[Family, Look | None]:
    """Thresholds worth testing, with a second look where it pays."""
    policies = family(fitting.scores)
    look = worth_a_look(fitting, policies, wanted.target_loss, wanted.seed) if wanted.judge else None
    if look is None:
        return policies, None
    return replace(policies, width=look.width, least=look.least), look


def _units(kind: Kind, numbers: Table, policies: Family) -> Units:
    found = outcomes(numbers, policies)
    kept = found.answered < numbers.scores.shape[1]
    lost = losses(numbers, found)
    return by_group(lost if kind is Kind.PAIRED else np.where(kept, lost, 0.0), kept, numbers.groups)


def _certified(
    kind: Kind, numbers: Table, policies: Family, fitting: Ints, certifying: Ints, wanted: Wanted
) -> tuple[Certificate, Advice | None]:
    """The certificate, and advice where there is none."""
    delta = 1 - wanted.confidence
    units = _units(kind, numbers.take(certifying), policies)
    start: int | None = PAIRED_START
    if kind is not Kind.PAIRED:
        share = _units(kind, numbers.take(fitting), policies).kept.mean(axis=0)
        start = first_testable(share, len(units.sizes), wanted.target_loss, delta)
    certificate = certify(
        kind, units, target=wanted.target_loss, confidence=wanted.confidence, start=start, seed=wanted.seed
    )
    if certificate.certified:
        return certificate, None
    return certificate, _advice(kind, units, len(policies), start, wanted)


def _advice(kind: Kind, units: Units, policies: int, start: int | None, wanted: Wanted) -> Advice:
    """For the policy that keeps a tenth as much as all of them could: enough to be worth having."""
    first = 1 if start is None else start
    index = min(policies - 1, max(first, policies // 10))
    if first >= policies:
        return Advice(None, None)
    told = {"target": wanted.target_loss, "confidence": wanted.confidence}
    return Advice(
        labels_needed(kind, units, **told, start=first, index=index, seed=wanted.seed),
        certifiable_loss(kind, units, **told, start=first, index=index, seed=wanted.seed),
    )
