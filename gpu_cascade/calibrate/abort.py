"""What breaking drafts off would have saved on recorded rows."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

from ..cascade.hold import UNREADABLE
from ..cascade.running import running
from ..cascade.signals import SIGNALS
from .rows import Row, TierAnswer

INTERVAL = 8  # tokens of a draft that come at once (launch.DRAFT_INTERVAL): it is broken off between pieces
WORTH = 0.01  # of the tier's engine-seconds: below, reading drafts as streams costs the gateway more


@dataclass(frozen=True, slots=True)
class Saved:
    """Over all drafts of a tier: tokens not written, engine-seconds not spent, out of how many."""

    tokens: int
    of_tokens: int
    engine_s: float
    of_engine_s: float

    @property
    def pays(self) -> bool:
        """Whether the saving is worth a stream."""
        return self.engine_s > WORTH * self.of_engine_s


def saved(rows: Sequence[Row], tier: str, signal: str, floor: float) -> Saved:
    """Every draft read again as if it streamed, broken off at the first piece that puts it below `floor`."""
    answers = [row.tiers[tier] for row in rows]
    counts = np.array([len(answer.tokens or ()) for answer in answers])
    reads = np.array([_read(row, answer, signal, floor) for row, answer in zip(rows, answers, strict=True)])
    left = np.maximum(0, counts - reads)
    per_token_s = _per_token_s(answers, counts)
    spent_s = sum(answer.engine_s for answer in answers)
    return Saved(int(left.sum()), int(counts.sum()), float(left.sum() * per_token_s), spent_s)


def _read(row: Row, answer: TierAnswer, signal: str, floor: float) -> int:
    """How many tokens of the draft were written: all where it could not be broken off."""
    tokens = answer.tokens or ()
    limit = row.params.get("max_completion_tokens") or row.params.get("max_tokens")
    follow = running(signal, limit) if signal in SIGNALS and UNREADABLE.isdisjoint(row.params) else None
    if follow is None:
        return len(tokens)
    for place, token in enumerate(tokens):
        bound = follow.add(token.logprob, token.top)
        if bound is not None and bound < floor:
            seen = place + 2  # the next token must have come: this one might have been the stop token
            return -(-seen // INTERVAL) * INTERVAL
    return len(tokens)


def _per_token_s(
    answers: Sequence[TierAnswer], counts: "np.ndarray[tuple[int], np.dtype[np.int64]]"
) -> float:
    """Engine-seconds of one more token: engine_s = a prompt + b tokens, a and b at least 0."""
    prompts = np.array([answer.prompt_tokens for answer in answers], np.float64)
    spent = np.array([answer.engine_s for answer in answers])
    found, _ = nnls(np.column_stack([prompts, counts]), spent)
    return float(found[1])
