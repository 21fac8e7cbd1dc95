"""A gate for this calibration, and what it leaves for the certificate to judge."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..cascade.gate import Gate
from ..types import Request
from .arrays import Ints
from .family import Family, Table, cheapest, outcomes
from .fit_gate import Drafted, Gating, fit_gate, prompt_table
from .rows import Row


def gating(
    rows: Sequence[Row], numbers: Table, policies: Family, fitting: Ints, target: float, seed: int
) -> Gating:
    """The gate fitted to the fitting rows, with what the cheapest policy within the target keeps of them."""
    seen = numbers.take(fitting)
    index = cheapest(seen, policies, target)
    found = outcomes(seen, replace(policies, thresholds=policies.thresholds[index : index + 1]))
    kept = found.answered[:, 0] < seen.scores.shape[1]
    last_s = seen.engine_s[:, -1]
    drafted = Drafted(
        kept,
        found.engine_s[:, 0] - np.where(kept, 0.0, last_s),
        last_s,
        found.quality[:, 0],
        seen.quality[:, -1],
        seen.groups,
    )
    return fit_gate(prompt_table([rows[place].messages for place in fitting]), drafted, seed)


def gated(rows: Sequence[Row], numbers: Table, gate: Gate) -> Table:
    """The same rows with the gate on: what it skips is not drafted, so it costs nothing and is never kept."""
    skipped = np.array([gate.hopeless(Request(row.messages)) for row in rows])
    engine_s = numbers.engine_s.copy()
    engine_s[skipped, :-1] = 0.0
    return replace(
        numbers, scores=np.where(skipped[:, np.newaxis], np.nan, numbers.scores), engine_s=engine_s
    )
