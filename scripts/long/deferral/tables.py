"""The figures as one markdown document."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from markdown import figure, over, percent, seconds, table
from outcomes import Outcomes
from pair_tables import of_pairs
from pairs import Pair
from papers import papers, resplit_cells
from resplits import FEWEST, RESPLITS
from seeds import Chain, Way

from gpu_cascade.calibrate.certificate import points
from gpu_cascade.calibrate.select import DEFAULT, LEARNED


def document(
    pairs: Mapping[str, Pair | None], chains: Mapping[str, Chain | None], outcomes: Sequence[Outcomes]
) -> str:
    """Everything, the default first."""
    known = [one for one in pairs.values() if one is not None]
    runs = [one for one in chains.values() if one is not None]
    missing = [key for key, one in pairs.items() if one is None]
    parts = [
        "# The record, replayed",
        default(known),
        f"Not enough rows yet: {', '.join(missing)}." if missing else "",
        *of_pairs(known),
        *_of_chains(runs),
        *papers(known, runs, outcomes),
        *_of_resplits(known),
    ]
    return "\n\n".join(part for part in parts if part)


def default(pairs: Sequence[Pair]) -> str:
    """Which signal won cross-validation: by mean rank over the pairs of a set, then over sets."""
    ranks = mean_ranks(pairs)
    if not ranks:
        return "default: nothing can be told, no pair has enough rows."
    names = sorted(ranks, key=lambda one: ranks[one])
    best = next(one for one in names if one != LEARNED)
    told = [f"{one} {ranks[one]:.1f}" for one in names[:5]]
    if DEFAULT not in names[:5]:
        told.append(f"{DEFAULT} {ranks[DEFAULT]:.1f}")
    count = len({one.set for one in pairs if one.crossed})
    return (
        f"default: {best}, the untrained signal with the best mean rank of cross-validated nAUC-DF over "
        f"{count} set{'s' * (count > 1)} (of {len(names)} scores: {', '.join(told)})."
    )


def mean_ranks(pairs: Iterable[Pair]) -> dict[str, float]:
    """Mean rank of each score, 1 the best, every set counting once; one without a number ranks last."""
    by_set: dict[str, list[dict[str, float]]] = {}
    for one in pairs:
        if one.crossed:
            by_set.setdefault(one.set, []).append(_ranks(one.crossed))
    of_sets = [_mean(ranks) for ranks in by_set.values()]
    return _mean(of_sets) if of_sets else {}


def _ranks(values: Mapping[str, float | None]) -> dict[str, float]:
    ordered = sorted(values, key=lambda one: -np.inf if values[one] is None else values[one], reverse=True)
    return {one: float(place) for place, one in enumerate(ordered, 1)}


def _mean(ranks: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {one: float(np.mean([each.get(one, len(each)) for each in ranks])) for one in ranks[0]}


def _of_chains(chains: Sequence[Chain]) -> Iterable[str]:
    yield "## The three-tier chain against the best pair"
    yield table(
        ("set", "n", "loss", "tiers", "escalates", "engine-s", "saves", "held out: loss", "held out: saves"),
        [
            _way_line(one, loss, each)
            for one in chains
            for loss, ways in one.against_pairs.items()
            for each in ways
        ],
    )
    yield "\n".join(
        f"- {one.set}, {points(loss)}: {_best(ways)}"
        for one in chains
        for loss, ways in one.against_pairs.items()
    )


def _way_line(one: Chain, loss: float, each: Way) -> list[str]:
    last = each.tiers[-1]
    alone, quality = one.engine_s[last], one.quality[last]
    return [
        one.set,
        f"{one.rows}",
        points(loss),
        over(each.tiers),
        percent(each.escalation),
        seconds(each.engine_s),
        percent(1 - each.engine_s / alone),
        figure(quality - each.held_out_quality),
        percent(1 - each.held_out_s / alone),
    ]


def _best(ways: Sequence[Way]) -> str:
    *pairs, chain = ways
    best = min(pairs, key=lambda each: each.engine_s)
    word = "cheaper than" if chain.engine_s < best.engine_s else "no cheaper than"
    return (
        f"the chain takes {seconds(chain.engine_s)} engine-seconds and is {word} the best pair, "
        f"{over(best.tiers)} with {seconds(best.engine_s)}."
    )


def _of_resplits(pairs: Sequence[Pair]) -> Iterable[str]:
    yield f"## {RESPLITS} re-splits: half calibrates, the other half is measured"
    yield table(
        ("set", "pair", "target", "missed", "bound", "mean loss", "escalates", "certified"),
        [
            [one.set, over(one.tiers), *resplit_cells(one.resplit), percent(one.resplit.certified)]
            for one in pairs
            if one.resplit
        ],
    )
    yield (
        f"Signal {DEFAULT}, as `--signal {DEFAULT}` certifies; bound: delta + 2 standard errors. What is "
        "measured is itself a sample: a threshold that loses exactly the target misses it half the time."
    )
    few = [f"{one.set} {over(one.tiers)} ({one.rows})" for one in pairs if not one.resplit]
    yield f"Left out, under {FEWEST} rows: {', '.join(few)}." if few else ""
