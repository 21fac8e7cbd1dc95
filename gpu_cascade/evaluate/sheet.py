"""Labelled rows as columns: what was scored, what it cost, how sure each draft was."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..calibrate.arrays import Bools, Floats
from ..calibrate.certificate import Kind
from ..calibrate.columns import scores
from ..calibrate.family import Table
from ..calibrate.rows import Row
from ..calibrate.scorers import RIGHT
from ..calibrate.select import LEARNED, P_TRUE
from ..calibrate.tables import columns, keepable, table
from ..errors import BadRequest, BadRows

ROUTER = "router"
FEWEST_GROUPS = 10  # below, halves and resamples say nothing
Places = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """n rows, K tiers, small to large; all but the last draft.

    score, seconds (n, K): in [0, 1], and engine-seconds, all NaN where some answer has none.
    group (n,): 0 .. G - 1. sure: (n, K - 1) for each name; NaN where a draft may not stand, whatever the
    threshold. asked_s (n, K - 1): engine-seconds of the judge's opinions; 0 for drafts that may not stand.
    router (n,): how likely the first tier is to do, before it drafts.
    notes: sentences on what could not be computed.
    """

    tiers: tuple[str, ...]
    score: Floats
    seconds: Floats
    group: Places
    sure: Mapping[str, Floats]
    asked_s: Floats
    router: Floats | None
    notes: tuple[str, ...]

    def right(self, tier: int) -> Bools:
        """Which answers of a tier are right: a score of at least 0.5."""
        return np.asarray(self.score[:, tier] >= RIGHT)

    def paid(self, asked_s: Floats | None) -> Floats:
        """Engine-seconds that each tier adds (n, K), those of asking the judge about its draft included."""
        if asked_s is None:
            return self.seconds
        return self.seconds + np.column_stack([asked_s, np.zeros(len(asked_s))])

    def take(self, rows: Places) -> "Sheet":
        """The same with these rows alone, `router` left out: nobody asks a part for it."""
        return replace(
            self,
            score=self.score[rows],
            seconds=self.seconds[rows],
            group=self.group[rows],
            sure={name: values[rows] for name, values in self.sure.items()},
            asked_s=self.asked_s[rows],
            router=None,
        )


def lay_out(
    rows: Sequence[Row],
    tiers: Sequence[str],
    *,
    signal: str,
    judge: str | None,
    learned: Mapping[str, Floats] | None,
    router: Floats | None,
) -> Sheet:
    """The rows as a sheet.

    Raises `BadRows` where an answer or a score is missing or there are too few groups, `BadRequest` for a
    signal that is not among the columns.
    """
    if len(tiers) < 2:
        raise BadRows(f"an evaluation compares two tiers or more; {len(tiers)} were named")
    found = table(rows, tiers, Kind.PAIRED, judge)
    _refuse_unusable(found)
    seconds, notes = _seconds(found.engine_s, tiers)
    asked_s, nothing = np.zeros_like(found.judged_s), np.zeros(found.rows)
    whole = np.stack([np.isfinite(keepable(rows, tier, nothing)) for tier in tiers[:-1]], axis=1)
    sure = _signals(rows, tiers[:-1], learned, whole)
    if judge is not None and _asked_throughout(rows, tiers[:-1], whole, judge):
        sure[P_TRUE], asked_s = np.where(whole, found.p_true, np.nan), np.where(whole, found.judged_s, 0)
    elif judge is not None:
        notes += (f"Not every draft carries an opinion of {judge}, so its P(True) is left out.",)
    if signal not in sure:
        raise BadRequest(f"the signal {signal} is not known here (choices: {', '.join(sorted(sure))})")
    group = np.unique(found.groups, return_inverse=True)[1]
    return Sheet(tuple(tiers), found.quality, seconds, group, sure, asked_s, router, notes)


def _refuse_unusable(found: Table) -> None:
    odd = int((~((found.quality >= 0) & (found.quality <= 1))).sum())
    if odd:
        raise BadRows(f"{odd} scores are not in 0 to 1; score the rows anew")
    groups = len(set(found.groups.tolist()))
    if groups < FEWEST_GROUPS:
        raise BadRows(
            f"{found.rows} rows in {groups} groups say nothing: halves and resamples need at least "
            f"{FEWEST_GROUPS} groups, and a few hundred to tell a few points apart"
        )


def _signals(
    rows: Sequence[Row], drafting: Sequence[str], learned: Mapping[str, Floats] | None, whole: Bools
) -> dict[str, Floats]:
    """Every name with its (n, K - 1) column; NaN where a draft is not `whole`."""
    found = [scores(columns(rows, tier)) for tier in drafting]
    if learned is not None:
        for by_name, tier in zip(found, drafting, strict=True):
            by_name[LEARNED] = learned[tier]
    beside = {name: np.stack([by_name[name] for by_name in found], axis=1) for name in found[0]}
    return {name: np.where(whole, values, np.nan) for name, values in beside.items()}


def _seconds(seconds: Floats, tiers: Sequence[str]) -> tuple[Floats, tuple[str, ...]]:
    """Engine-seconds (n, K); all NaN, and a sentence, where some answer has none: a mean would be too low."""
    without = (~(seconds > 0)).sum(axis=0)
    if not without.any():
        return seconds, ()
    missing = ", ".join(f"{count} of {tier}" for tier, count in zip(tiers, without, strict=True) if count)
    note = f"Of {len(seconds)} answers each, {missing} carry no engine-seconds, so no cost is defined."
    return np.full(seconds.shape, np.nan), (note,)


def _asked_throughout(rows: Sequence[Row], drafting: Sequence[str], whole: Bools, judge: str) -> bool:
    """Whether the judge was asked about every draft that may stand, and there are any."""
    asked = np.array([[judge in row.tiers[tier].p_true for tier in drafting] for row in rows])
    return bool(whole.any() and asked[whole].all())
