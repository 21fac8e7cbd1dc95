"""What a calibration gives on rows that carry every answer: the policy it serves, as numbers."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from . import columns as vectors
from .arrays import Floats
from .artifact import Artifact, Step
from .certificate import Kind
from .choose import learned_scores
from .family import Family, Outcomes, outcomes
from .gating import gated
from .rows import Row
from .tables import columns, keepable, table


def applied(rows: Sequence[Row], tiers: Sequence[str], artifact: Artifact) -> Outcomes:
    """Who answers each row, what it scores and costs; one policy, so (n, 1) each.

    A calibration that certified nothing drafts nothing.
    """
    looks = [step.verify for step in artifact.steps if step.verify is not None]
    numbers = table(rows, tiers, Kind.PAIRED, looks[0].by if looks else None)
    numbers = replace(
        numbers,
        scores=np.column_stack([_scores(rows, step, artifact.first_tokens) for step in artifact.steps]),
    )
    if not artifact.certified:
        numbers.engine_s[:, :-1] = 0.0
    if artifact.gate is not None:
        numbers = gated(rows, numbers, artifact.gate)
    thresholds = [np.inf if step.threshold is None else step.threshold for step in artifact.steps]
    width, least = (looks[0].width, looks[0].least) if looks else (0.0, 1.0)
    return outcomes(numbers, Family(np.array([thresholds]), width, least))


def _scores(rows: Sequence[Row], step: Step, first_tokens: int | None) -> Floats:
    """How sure the step finds each draft, NaN where it may not stand."""
    tokens = columns(rows, step.engine, first_tokens)
    if step.learned is not None:
        return keepable(rows, step.engine, learned_scores(step.learned, vectors.features(tokens)))
    return keepable(rows, step.engine, vectors.scores(tokens)[step.signal], first_tokens)
