"""What came of a load: goodput, how long users waited, where goodput was lost, what the engines did."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from .arrivals import Arrivals
from .journal import Fate, Journal
from .load import GIB, Slo
from .run import Run

QUANTILES = (0.5, 0.9, 0.95, 0.99)


class Cause(StrEnum):
    """Why a request was not answered within its promises: the first of these that holds."""

    REFUSED = "nobody was there for it, or too many waited"
    LEFT = "its deadline came while it waited"
    DRAFT = "its draft alone took longer than the first token may"
    DRAFT_PLACE = "it waited too long for a place to be drafted"
    AWAY = "its larger engine was not awake when it was escalated"
    PLACE = "it waited too long for a place on its larger engine"
    PROMPT = "its larger engine read its prompt too late"
    ANSWER = "its first token was in time, its last was not"


@dataclass(frozen=True, slots=True)
class Result:
    """One load under one policy. Times in seconds; percentiles over those answered, by nearest rank.

    `goodput`: requests a second answered within both promises; `in_time`: their share of all. `waits_s`: for
    a place, by engine, over those that got one. `kv_gib`: of those awake at first. `moves`: when, which
    engine, what and why.
    """

    policy: str
    requests: int
    duration_s: float
    kv_gib: Mapping[str, float]
    goodput: float
    in_time: float
    fates: Mapping[str, int]
    lost: Mapping[str, int]
    ttft_s: Mapping[str, float]
    e2e_s: Mapping[str, float]
    waits_s: Mapping[str, Mapping[str, float]]
    states_s: Mapping[str, Mapping[str, float]]
    moves: Sequence[tuple[float, str, str, str]]


def summed(policy: str, run: Run) -> Result:
    """The figures of a run that has ended."""
    arrivals, journal, setting = run.setting.arrivals, run.journal, run.setting
    duration_s = max(arrivals.duration_s, 1.0)
    causes = Counter(_cause(each, arrivals, journal, setting.slo) for each in range(len(arrivals)))
    answered = [each for each, fate in enumerate(journal.fate) if fate == Fate.ANSWERED]
    return Result(
        policy,
        len(arrivals),
        duration_s,
        {name: size / GIB for name, size in run.core.mover.layouts[0].awake.items()},
        run.good / duration_s,
        run.good / max(1, len(arrivals)),
        {fate.name.lower(): journal.fate.count(fate) for fate in Fate},
        {cause.name.lower(): causes[cause] for cause in Cause},
        percentiles(journal.first[each] - arrivals.at[each] for each in answered),
        percentiles(journal.end[each] - arrivals.at[each] for each in answered),
        {name: percentiles(waits) for name, waits in _waits(arrivals, journal, setting.tiers).items()},
        run.watch.seconds(),
        [(at, move.engine, str(move.kind), move.why) for at, move in run.moves],
    )


def percentiles(values: Iterable[float]) -> dict[str, float]:
    """By nearest rank, and the largest; nothing of nothing."""
    ranked = sorted(values)
    if not ranked:
        return {}
    found = {
        f"p{quantile * 100:.0f}": ranked[math.ceil(quantile * len(ranked)) - 1] for quantile in QUANTILES
    }
    return found | {"max": ranked[-1]}


def _cause(request: int, arrivals: Arrivals, journal: Journal, slo: Slo) -> Cause | None:
    """None for a request that was answered in time."""
    fate, arrived = journal.fate[request], arrivals.at[request]
    if fate != Fate.ANSWERED:
        return Cause.REFUSED if fate == Fate.REFUSED else Cause.LEFT
    if journal.first[request] - arrived <= slo.ttft_s:
        return None if journal.end[request] - arrived <= slo.e2e_s else Cause.ANSWER
    if journal.draft_end[request] - journal.draft_place[request] > slo.ttft_s:
        return Cause.DRAFT
    if journal.draft_end[request] - arrived > slo.ttft_s:
        return Cause.DRAFT_PLACE
    if journal.away[request]:
        return Cause.AWAY
    waited_s = journal.top_place[request] - journal.draft_end[request]
    return Cause.PLACE if waited_s > journal.first[request] - journal.top_place[request] else Cause.PROMPT


def _waits(arrivals: Arrivals, journal: Journal, tiers: Sequence[str]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = defaultdict(list)
    for request, top in enumerate(arrivals.tops):
        if not math.isnan(placed := journal.draft_place[request]):
            found[tiers[0]].append(placed - arrivals.at[request])
        if not math.isnan(placed := journal.top_place[request]):
            found[tiers[top]].append(placed - journal.draft_end[request])
    return dict(found)
