"""The tables of one pair of tiers on one set."""

from collections.abc import Iterable, Sequence

from markdown import figure, over, percent, seconds, table
from pairs import CONFIDENCE, RESAMPLES, Pair, Promise

from gpu_cascade.calibrate.certificate import points
from gpu_cascade.calibrate.select import DEFAULT

LABELS_ENOUGH = 400  # certifying rows


def of_pairs(pairs: Sequence[Pair]) -> Iterable[str]:
    """How the drafts are sorted, what can be promised, and whether a cascade pays."""
    yield "## Pairs"
    yield table(
        (
            "set",
            "pair",
            "n",
            "quality small / large / oracle",
            "engine-s small / large",
            "AUROC for error",
            "chosen",
            "escalates at -2 / -5 points",
            "engine-s there",
        ),
        [_pair_line(one) for one in pairs],
    )
    yield (
        f"AUROC is {DEFAULT}'s. Chosen by five-fold cross-validation on all rows, a learned rule "
        "out of fold; escalation at matched quality is read off these very rows, by the chosen signal."
    )
    yield "### nAUC-DF of every signal (0 a coin, 1 the oracle)"
    yield _every_signal(pairs)
    yield table(
        (
            "set",
            "pair",
            "rows asked",
            "P(True) nAUC-DF",
            f"{DEFAULT} there",
            "P(True) AUROC",
            f"{DEFAULT} there",
            "engine-s of asking",
        ),
        [_judged_line(one) for one in pairs if one.judged],
    )
    yield f"### What `calibrate` certifies with {CONFIDENCE:.0%} confidence"
    yield table(
        (
            "set",
            "pair",
            "target",
            "signal",
            "certifying rows",
            "escalates",
            "engine-s cascade / large",
            "what it says",
        ),
        [_promise_line(one, promise) for one in pairs for promise in one.promises],
    )
    yield "\n".join(line for one in pairs for line in _small(one))
    yield f"### Does it pay? ({RESAMPLES} resamples)"
    yield "\n".join(f"- {one.set}, {over(one.tiers)}: {' '.join(one.verdict)}" for one in pairs)


def _pair_line(one: Pair) -> list[str]:
    return [
        one.set,
        over(one.tiers),
        f"{one.rows}",
        " / ".join(figure(value) for value in (*one.quality, one.oracle)),
        " / ".join(seconds(value) for value in one.engine_s),
        figure(one.error_auroc),
        one.chosen,
        " / ".join(percent(escalated) for escalated, _, _ in one.matched.values()),
        " / ".join(seconds(spent) for _, _, spent in one.matched.values()),
    ]


def _every_signal(pairs: Sequence[Pair]) -> str:
    names = list(dict.fromkeys(key for one in pairs for key in sorted(one.nauc_df)))
    rows = [[key, *(figure(one.nauc_df.get(key), 2) for one in pairs)] for key in names]
    return table(["signal", *(f"{one.set} {over(one.tiers)}" for one in pairs)], rows)


def _judged_line(one: Pair) -> list[str]:
    said = one.judged
    assert said is not None
    numbers = (said.nauc_df, said.default_nauc_df, said.error_auroc, said.default_error_auroc)
    return [one.set, over(one.tiers), f"{said.rows}", *map(figure, numbers), seconds(said.asked_s)]


def _promise_line(one: Pair, promise: Promise) -> list[str]:
    return [
        one.set,
        over(one.tiers),
        points(promise.target),
        promise.signal,
        f"{promise.rows}",
        percent(promise.escalation),
        f"{seconds(promise.cascade_s)} / {seconds(one.engine_s[-1])}",
        _said(one, promise),
    ]


def _said(one: Pair, promise: Promise) -> str:
    if not promise.certified:
        return promise.said
    if promise.cascade_s is not None and promise.cascade_s < one.engine_s[-1]:
        return f"{promise.said} It takes {percent(1 - promise.cascade_s / one.engine_s[-1])} less."
    return f"{promise.said} It does not pay."


def _small(one: Pair) -> Iterable[str]:
    """For a set with few certifying rows, the loss that it can certify."""
    first = one.promises[0]
    if first.rows >= LABELS_ENOUGH:
        return
    shown = [promise.target for promise in one.promises if promise.certified]
    forecast = [] if first.certifiable_loss is None else [first.certifiable_loss]
    least = points(min(shown + forecast)) if shown or forecast else "none"
    yield (
        f"- {one.set}, {over(one.tiers)}: {first.rows} certifying rows, under {LABELS_ENOUGH}; the "
        f"smallest loss that they certify is about {least}."
    )
