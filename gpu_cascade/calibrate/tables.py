"""Recorded rows as numbers: who was right, what it cost, how sure each draft was."""

from collections.abc import Sequence

import numpy as np

from ..cascade.hold import UNREADABLE
from ..cascade.rules import COMPLETE
from ..errors import BadRows
from .arrays import Floats
from .certificate import Kind
from .columns import Columns
from .family import Table
from .rows import Row, TierAnswer
from .scorers import RIGHT, same

SHOWN = 5


def kind_of(rows: Sequence[Row], tiers: Sequence[str]) -> Kind:
    """What the labels allow: gold on every row, or on none; `BadRows` where some rows lack it."""
    unlabelled = [row.id for row in rows if not row.gold]
    if not unlabelled:
        return Kind.PAIRED if all(tiers[-1] in row.tiers for row in rows) else Kind.KEPT_ERROR
    if len(unlabelled) < len(rows):
        raise BadRows(
            f"gold is missing in {some(unlabelled)} of {len(rows)}; label them, leave them out, or say "
            f"--labels none to certify agreement with {tiers[-1]} instead"
        )
    return Kind.AGREEMENT


def columns(rows: Sequence[Row], tier: str, first_tokens: int | None = None) -> Columns:
    """The tokens of one tier's answers, or the first so many of each."""
    whole = Columns.of([row.tiers[tier].evidence() for row in rows])
    return whole if first_tokens is None else whole.cut_to(first_tokens)


def table(rows: Sequence[Row], tiers: Sequence[str], kind: Kind, judge: str | None = None) -> Table:
    """Rows to numbers, without signals yet. Raises `BadRows` where an answer is missing.

    `quality` is what the kind of certificate speaks of: the scores; or 1 and 0 for right and wrong drafts; or
    1 and 0 for drafts like the last tier's answer and unlike it.
    """
    asked = tiers[:-1] if kind is Kind.KEPT_ERROR else tiers
    for tier in asked:
        unasked = [row.id for row in rows if tier not in row.tiers]
        if unasked:
            raise BadRows(f"{tier} has not answered {some(unasked)}; run the collection to its end")
    opinions = [[row.tiers[tier].p_true.get(judge or "") for tier in tiers[:-1]] for row in rows]
    return Table(
        np.full((len(rows), len(tiers) - 1), np.nan),
        np.array([[_quality(row, tier, tiers[-1], kind) for tier in tiers] for row in rows]),
        np.array(
            [[row.tiers[tier].engine_s if tier in row.tiers else 0.0 for tier in tiers] for row in rows]
        ),
        np.array([[np.nan if o is None or o.p is None else o.p for o in each] for each in opinions]),
        np.array([[0.0 if o is None else o.engine_s for o in each] for each in opinions]),
        np.array([row.cluster for row in rows]),
    )


def _quality(row: Row, tier: str, last: str, kind: Kind) -> float:
    """One answer's quality; that of a last tier that was not asked is taken as right."""
    if kind is Kind.PAIRED:
        found = row.tiers[tier].score
        if found is None:
            raise BadRows(f"row {row.id} has no score for {tier}; give it `gold`, or leave it out")
        return found
    if tier == last:
        return 1.0
    if kind is Kind.KEPT_ERROR:
        return float((row.tiers[tier].score or 0.0) >= RIGHT)
    return float(agree(row, tier, last))


def agree(row: Row, tier: str, last: str) -> bool:
    """Whether two answers say the same, by the row's own scorer with the last tier's answer as gold."""
    return same(row.tiers[tier].text, row.tiers[last].text, row.scorer)


def keepable(rows: Sequence[Row], tier: str, scores: Floats, first_tokens: int | None = None) -> Floats:
    """The scores (n,), NaN where a draft climbs whatever they say: empty, cut, or failed by a check.

    Where the first tokens decide, how a longer draft ends is not asked (`commit.judge_first`).
    """
    stands = [_stands(row.tiers[tier], _shown(row, tier, first_tokens)) for row in rows]
    return np.where(stands, scores, np.nan)


def _stands(answer: TierAnswer, shown: bool) -> bool:
    return bool(answer.text.strip()) and (shown or answer.finish_reason in COMPLETE) and answer.passed


def _shown(row: Row, tier: str, first_tokens: int | None) -> bool:
    """Whether the draft would have been shown before its end."""
    if first_tokens is None or not UNREADABLE.isdisjoint(row.params):
        return False
    return len(row.tiers[tier].tokens or ()) > first_tokens


def some(ids: Sequence[str]) -> str:
    """How many, and the first of them."""
    return f"{len(ids)} rows ({', '.join(ids[:SHOWN])}{' …' if len(ids) > SHOWN else ''})"
