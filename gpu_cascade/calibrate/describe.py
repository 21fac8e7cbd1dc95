"""What a certified policy does on the rows it came from: figures for people, no promises."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..cascade.learned import Sigmoid
from .abort import Saved, saved
from .arrays import Floats, Ints
from .certificate import Certificate
from .choose import Choice
from .family import Family, Table, outcomes
from .fit import sigmoid
from .fit_gate import Gating
from .rows import Row
from .second_look import Look
from .tables import agree


@dataclass(frozen=True, slots=True)
class Advice:
    """Where nothing could be certified: how many labels in all would do, or which loss these could show."""

    labels: int | None
    loss: float | None


@dataclass(frozen=True, slots=True)
class Calibration:
    """What came of it. `thresholds` by drafting tier, None: nothing of it is kept."""

    certificate: Certificate
    choices: Mapping[str, Choice]
    thresholds: Mapping[str, float | None]
    look: Look | None
    saved: Mapping[str, Saved]
    cost_s: Mapping[str, float]  # per row: the cascade's, and each tier's alone
    disagreement: float | None
    agrees: Mapping[str, Sigmoid]
    kept: int
    advice: Advice | None
    gate: Gating | None


def describe(
    rows: Sequence[Row],
    tiers: Sequence[str],
    numbers: Table,
    policies: Family,
    certificate: Certificate,
    advice: Advice | None,
    choices: Mapping[str, Choice],
    look: Look | None,
    gate: Gating | None,
) -> Calibration:
    """The chosen policy, on all rows: descriptions, no promises."""
    index = certificate.index or 0
    chosen = replace(policies, thresholds=policies.thresholds[index : index + 1])
    found = outcomes(numbers, chosen)
    by_tier = dict(zip(tiers, chosen.thresholds[0].tolist(), strict=False))
    alone = {tier: float(numbers.engine_s[:, place].mean()) for place, tier in enumerate(tiers)}
    cost_s = float(found.engine_s.mean()) if certificate.certified else alone[tiers[-1]]
    apart = _apart(rows, tiers, found.answered[:, 0])
    kept = int((found.answered[:, 0] < len(choices)).sum())
    return Calibration(
        certificate,
        choices,
        {tier: value if np.isfinite(value) else None for tier, value in by_tier.items()},
        look,
        {
            tier: saved(rows, tier, choices[tier].signal, value - (look.width if look else 0.0))
            for tier, value in by_tier.items()
            if np.isfinite(value)
        },
        {"cascade": cost_s, **alone},
        float(np.nanmean(apart)) if np.isfinite(apart).any() else None,
        _agrees(tiers, numbers, found.answered[:, 0], apart),
        kept,
        advice,
        gate,
    )


def _apart(rows: Sequence[Row], tiers: Sequence[str], answered: Ints) -> Floats:
    """(n,) 1 where the kept draft and the last tier's answer disagree, 0 where not, NaN where unknown."""
    last = tiers[-1]
    return np.array(
        [
            float(not agree(row, tiers[tier], last))
            if tier < len(tiers) - 1 and last in row.tiers
            else np.nan
            for row, tier in zip(rows, answered.tolist(), strict=True)
        ]
    )


def _agrees(tiers: Sequence[str], numbers: Table, answered: Ints, apart: Floats) -> dict[str, Sigmoid]:
    """From a kept draft's signal to how likely the last tier says the same, where enough are known."""
    found = {}
    for place, tier in enumerate(tiers[:-1]):
        known = (answered == place) & np.isfinite(apart)
        made = sigmoid(numbers.scores[known, place], apart[known] == 0) if known.any() else None
        if made is not None:
            found[tier] = made
    return found
