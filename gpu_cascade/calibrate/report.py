"""A calibration told in lines, as JSON, and as the artifact that `serve` applies."""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from .artifact import Artifact, Baseline, Promised, Step, Verify
from .certificate import Certificate, Kind, points, sentence
from .describe import Calibration
from .rows import Row, Scorer
from .run import Wanted

NOTHING = "everything escalates, and no draft is written"


def artifact(
    made: Calibration,
    rows: Sequence[Row],
    *,
    cascade: str,
    sampling: Mapping[str, float | int],
    bound: Mapping[str, str],
    wanted: Wanted,
) -> Artifact:
    """What is written into the file."""
    watched = None
    if made.certificate.certified and made.disagreement is not None:
        watched = Baseline(made.disagreement, _scorer(rows), made.kept, dict(made.agrees))
    return Artifact(
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        cascade=cascade,
        certified=made.certificate.certified,
        sentence=sentence(made.certificate),
        sampling=dict(sampling),
        params=sorted({name for row in rows for name in row.params}),
        steps=[_step(made, tier, wanted) for tier in made.thresholds],
        promised=_promised(made.certificate, wanted),
        bound=dict(bound),
        watched=watched,
        gate=made.gate.gate if made.gate else None,
        first_tokens=wanted.first_tokens,
    )


def _scorer(rows: Sequence[Row]) -> Scorer:
    """What compares a live answer with the last tier's: the rows' scorer, `exact` where they have several."""
    kinds = {row.scorer for row in rows}
    return kinds.pop() if len(kinds) == 1 else "exact"


def _step(made: Calibration, tier: str, wanted: Wanted) -> Step:
    choice = made.choices[tier]
    verify = None
    if made.look is not None and wanted.judge is not None:
        verify = Verify(wanted.judge, made.look.width, made.look.least)
    return Step(
        engine=tier,
        signal=choice.signal,
        threshold=made.thresholds[tier],
        learned=choice.learned,
        verify=verify,
        early_abort=tier in made.saved and made.saved[tier].pays,
    )


def _promised(certificate: Certificate, wanted: Wanted) -> Promised:
    upper = certificate.cluster_upper
    return Promised(
        kind=certificate.kind,
        target_loss=certificate.target_loss,
        confidence=certificate.confidence,
        rows=certificate.rows,
        groups=certificate.groups,
        p_value=certificate.p_value,
        observed_loss=certificate.observed_loss,
        kept=certificate.kept,
        escalation=certificate.escalation,
        cluster_upper=upper if upper is not None and math.isfinite(upper) else None,
        seed=wanted.seed,
    )


def as_json(made: Calibration) -> dict[str, Any]:
    """What `calibrate --json` prints; `signal` and `threshold` are the first tier's, `tiers` has all."""
    certificate = made.certificate
    tiers = {
        tier: {"signal": made.choices[tier].signal, "threshold": threshold}
        for tier, threshold in made.thresholds.items()
    }
    first = next(iter(tiers.values()))
    return {
        "certified": certificate.certified,
        "target_loss": certificate.target_loss,
        "confidence": certificate.confidence,
        "n": certificate.rows,
        "observed_loss": certificate.observed_loss,
        "escalation": certificate.escalation,
        **first,
        "reason": sentence(certificate),
        "labels": certificate.kind,
        "tiers": tiers,
        "engine_s": made.cost_s,
        "early_abort": made.saved,
        "labels_needed": made.advice.labels if made.advice else None,
        "certifiable_loss": made.advice.loss if made.advice else None,
    }


def lines(made: Calibration) -> list[str]:
    """What `calibrate` prints: the certificate, what decides, what it costs; advice where there is none."""
    told = [sentence(made.certificate)]
    if not made.certificate.certified:
        return [*told, *_advice(made), f"The calibration says: {NOTHING}."]
    for tier, threshold in made.thresholds.items():
        keeps = "nothing" if threshold is None else f"a draft from {threshold:.6g} on"
        told += [f"{tier}: {made.choices[tier].signal} keeps {keeps}.", *_selection(made, tier)]
    told.append(_cost(made))
    told += [_abort(tier, made) for tier in made.saved]
    told += [made.gate.sentence] if made.gate else []
    if made.look is not None:
        told.append(
            f"Drafts up to {made.look.width:.3g} below are asked about and stay with P(True) of at least "
            f"{made.look.least:g}: {made.look.saves:.0%} cheaper at the same loss."
        )
    return told


def _selection(made: Calibration, tier: str) -> list[str]:
    selection = made.choices[tier].selection
    if selection is None:
        return []
    known = [(entry.mean, entry.name) for entry in selection.table if entry.mean is not None]
    ranked = ", ".join(f"{name} {mean:.2f}" for mean, name in sorted(known, reverse=True)[:4])
    return [f"  by cross-validated nAUC-DF (0 random, 1 oracle): {ranked}"]


def _cost(made: Calibration) -> str:
    *_, last = made.cost_s
    if not made.cost_s[last]:
        return f"What it takes beside {last} alone is not known: it was not asked."
    cascade, alone = made.cost_s["cascade"], made.cost_s[last]
    spent = f"{cascade:.2f} engine-seconds per request against {alone:.2f} of {last} alone"
    if cascade < alone:
        return f"It takes {spent}: {1 - cascade / alone:.0%} less."
    return f"It takes {spent}: this cascade does not pay, {last} alone is cheaper and no worse."


def _abort(tier: str, made: Calibration) -> str:
    saved = made.saved[tier]
    share = saved.tokens / saved.of_tokens if saved.of_tokens else 0.0
    verdict = "on" if saved.pays else "off, it would not pay"
    return (
        f"Early abort of {tier}: {verdict}; of {saved.of_tokens} draft tokens {saved.tokens} ({share:.0%}) "
        f"would not have been written, {saved.engine_s:.1f} of {saved.of_engine_s:.1f} engine-seconds."
    )


def _advice(made: Calibration) -> list[str]:
    advice, certificate = made.advice, made.certificate
    if advice is None:
        return []
    told = []
    if advice.labels is not None:
        told.append(f"About {advice.labels:,} labels in all would do, if new ones are like these.")
    if advice.loss is not None:
        worse = points(advice.loss) if certificate.kind is Kind.PAIRED else f"{advice.loss * 100:g} %"
        told.append(f"With these, a loss of {worse} could have been shown (--target-loss {advice.loss:g}).")
    return told or ["No number of labels would do: what is kept loses more than that on these rows."]
