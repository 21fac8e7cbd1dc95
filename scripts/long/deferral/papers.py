"""The papers' own tables, on our record."""

from collections.abc import Iterable, Sequence

from markdown import figure, over, percent, seconds, table
from outcomes import NOISE, Outcomes
from pairs import Pair
from recorded import CHOICES, GENERATIVE
from resplits import BOUND, RESPLITS, Resplit
from seeds import RANDOM_DRAWS, VARSHNEY, Chain, Way

from gpu_cascade.calibrate.certificate import points

GUPTA = ("chow_sum", "chow_average", "chow_quantile", "learned")


def papers(pairs: Sequence[Pair], chains: Sequence[Chain], outcomes: Sequence[Outcomes]) -> Iterable[str]:
    """Each paper's table where its sets are recorded."""
    yield "## FrugalGPT: a cascade against the best single model (HEADLINES)"
    yield from _frugal([one for one in chains if one.set == "headlines"])
    yield "## Varshney & Baral 2022: computation saved at equal accuracy"
    yield from _varshney([one for one in chains if one.set in CHOICES])
    yield "## Gupta et al. 2024: deferral of generated answers"
    yield from _gupta([one for one in pairs if one.set in GENERATIVE])
    yield "## RouteLLM's paired outcomes: the mathematics alone"
    yield from _routellm(outcomes)


def _frugal(chains: Sequence[Chain]) -> Iterable[str]:
    if not chains:
        yield "HEADLINES is not recorded yet."
    for one in chains:
        best = max(one.quality, key=lambda tier: (one.quality[tier], -one.engine_s[tier]))
        alone = one.engine_s[best]
        yield table(
            (
                "model or cascade",
                "score",
                "accuracy",
                "engine-s",
                "saves",
                "held out: accuracy",
                "held out: saves",
            ),
            [
                *(
                    [
                        tier,
                        "",
                        figure(one.quality[tier]),
                        seconds(one.engine_s[tier]),
                        percent(1 - one.engine_s[tier] / alone),
                        "",
                        "",
                    ]
                    for tier in one.quality
                ),
                *(_frugal_line(each, alone) for each in one.frugal),
            ],
        )
        yield (
            f"n = {one.rows}; {best} is the best single model. Cascades match its accuracy "
            "by their cheapest threshold on these rows (all escalated where none does); held out, the "
            "threshold of one half is measured on the other."
        )


def _frugal_line(each: Way, alone: float) -> list[str]:
    return [
        over(each.tiers),
        each.signal,
        figure(each.quality),
        seconds(each.engine_s),
        percent(1 - each.engine_s / alone),
        figure(each.held_out_quality),
        percent(1 - each.held_out_s / alone),
    ]


def _varshney(chains: Sequence[Chain]) -> Iterable[str]:
    if not chains:
        yield "No classification set is recorded yet."
        return
    yield table(
        ("set", "K", "tiers", "n", *VARSHNEY, "random"),
        [
            [one.set, f"{len(tiers)}", over(tiers), f"{one.rows}", *map(percent, saved.values())]
            for one in chains
            for tiers, saved in one.saved.items()
        ],
    )
    yield (
        "Share of the last tier's engine-seconds saved at its own accuracy, thresholds read off these rows; "
        f"negative: drafting costs more than it saves. Random: the mean of {RANDOM_DRAWS} coins."
    )


def _gupta(pairs: Sequence[Pair]) -> Iterable[str]:
    if not pairs:
        yield "No generative set is recorded yet."
        return
    yield table(
        ("set", "pair", "n", "random AUC-DF", *GUPTA),
        [
            [
                one.set,
                over(one.tiers),
                f"{one.rows}",
                figure(one.random_auc_df),
                *(_gupta_cell(one, key) for key in GUPTA),
            ]
            for one in pairs
        ],
    )
    yield (
        "nAUC-DF, then as the paper reports it: AUC-DF and (AUC-DF - random) / random. "
        "The learned rule is out of fold."
    )


def _gupta_cell(one: Pair, key: str) -> str:
    area = one.auc_df.get(key)
    if area is None:
        return figure(None)
    gain = 100 * (area - one.random_auc_df) / one.random_auc_df
    return f"{figure(one.nauc_df[key])}; {figure(area)} ({gain:+.1f} %)"


def _routellm(outcomes: Sequence[Outcomes]) -> Iterable[str]:
    if not outcomes:
        yield "routellm.csv is not there."
        return
    yield table(
        (
            "dataset",
            "n",
            "weak",
            "strong",
            "only strong right",
            "only weak right",
            "AUC-DF random / oracle",
            "APGR random / oracle",
        ),
        [
            [
                one.dataset,
                f"{one.questions:,}",
                *map(figure, (one.weak, one.strong, one.only_strong, one.only_weak)),
                f"{figure(one.random_auc_df)} / {figure(one.oracle_auc_df)}",
                f".500 / {figure(one.oracle_apgr)}",
            ]
            for one in outcomes
        ],
    )
    yield table(
        ("dataset", "labelled", "target", "missed", "bound", "mean loss", "escalates"),
        [[one.dataset, f"{one.labelled:,}", *resplit_cells(one.resplit)] for one in outcomes],
    )
    aurocs = ", ".join(figure(one.artificial_auroc, 2) for one in outcomes)
    yield (
        f"{RESPLITS} re-splits. The confidence is artificial: whether the weak model was right, plus normal "
        f"noise of standard deviation {NOISE:g} (AUROC {aurocs}); it "
        "tests the certificate on real outcomes and says nothing about any signal."
    )


def resplit_cells(found: Resplit) -> list[str]:
    """Target, share that missed it, its bound, mean loss, share escalated."""
    return [
        points(found.target),
        figure(found.missed),
        figure(BOUND),
        figure(found.loss, 4),
        percent(found.escalation),
    ]
