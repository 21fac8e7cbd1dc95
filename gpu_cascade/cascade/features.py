"""A draft as a row of numbers for the learned rule. Pure, and fast enough to stand in every request's way."""

from collections.abc import Sequence
from math import exp, log1p

from .signals import lower_quantile
from .tokens import Evidence

TOPS = 3  # alternatives read at a place; each one more costs 30 us in 512 tokens, half of it `exp`

NAMES = (
    "logprob_q0",
    "logprob_q05",
    "logprob_q10",
    "logprob_q25",
    "logprob_q50",
    "logprob_q75",
    "logprob_mean",
    "logprob_second",
    "logprob_third",
    "margin_q0",
    "margin_q10",
    "margin_q25",
    "margin_q50",
    "margin_mean",
    "margin_first",
    "entropy_mean",
    "entropy_max",
    "log_tokens",
    "log_prompt_tokens",
    "cut",
)
LOGPROB_QUANTILES = (0.0, 0.05, 0.1, 0.25, 0.5, 0.75)
MARGIN_QUANTILES = (0.0, 0.1, 0.25, 0.5)


def features(draft: Evidence) -> tuple[float, ...] | None:
    """The draft's numbers in the order of `NAMES`; None where a place has fewer than three alternatives.

    Quantiles are observed values (`lower_quantile`); margins are p_1 - p_2; entropies are lumped beyond three
    alternatives, mean and largest, in nats; token counts n stand as log(1 + n); `cut` is 0 or 1. A draft of
    fewer than three tokens has its largest logprob as second or third smallest.
    """
    try:
        margins, entropies = _places(draft.tops)
    except ValueError:
        return None
    ascending = sorted(draft.logprobs)
    tokens = len(ascending)
    first = margins[0]
    margin_mean = sum(margins) / tokens
    margins.sort()
    return (
        *[lower_quantile(ascending, q) for q in LOGPROB_QUANTILES],
        sum(draft.logprobs) / tokens,
        ascending[min(1, tokens - 1)],
        ascending[min(2, tokens - 1)],
        *[lower_quantile(margins, q) for q in MARGIN_QUANTILES],
        margin_mean,
        first,
        sum(entropies) / tokens,
        max(entropies),
        log1p(tokens),
        log1p(draft.prompt_tokens),
        float(draft.cut),
    )


def _places(tops: Sequence[Sequence[float]]) -> tuple[list[float], list[float]]:
    """Each place's margin and entropy. Written out, for a loop over `TOPS` takes half as long again."""
    margins: list[float] = []
    entropies: list[float] = []
    for top in tops:
        a, b, c = top[:TOPS]
        p, q = exp(a), exp(b)  # by twos: more at once are packed into a tuple first
        r = exp(c)
        mass = p + q + r
        rest = (mass - 1.0) * log1p(-mass) if mass < 1.0 else 0.0  # `log` takes twice as long as `log1p`
        margins.append(p - q)
        entropies.append(rest - p * a - q * b - r * c)
    return margins, entropies
