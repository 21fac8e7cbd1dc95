"""From a draft's token logprobs to one number. Pure; the live path and calibration share the definitions.

Higher is surer for every signal, and None means that it cannot be said from this evidence. Plain Python on
purpose: for a draft of 64 tokens numpy takes 6 us to begin, and sorting them here takes 2.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import accumulate
from operator import add, sub
from typing import Protocol

from .tokens import RULED_OUT, Evidence

TOPS = 5  # alternatives read at a place, however many there are: a client's own wish must not move a signal
WINDOW = 16  # tokens; DeepConf takes 2,048 of a long chain of thought, most drafts here have under 64
DOUBT = -1.0  # nats: a token of probability below 0.37

Logprobs = Sequence[float]
Tops = Sequence[Sequence[float]]
Score = Callable[[Evidence], float | None]


class Odds(Protocol):
    """What turns a signal into the probability that a draft is right."""

    def reach(self, probability: float) -> float | None:
        """The least value of the signal with at least that probability; inf: there is none; None: unknown."""


@dataclass(frozen=True, slots=True)
class Signal:
    """A measure of confidence.

    score: the draft's number in `unit`, higher is surer; None where the evidence does not say.
    tops: alternatives it needs at each place that it looks at; more are not looked at.
    falls: with each further token it stays or falls, so a draft that is below a threshold stays there.
    best: its highest value; None: it has none.
    odds: where clients ask for a probability instead of a value.
    """

    name: str
    score: Score
    unit: str
    tops: int = 0
    falls: bool = False
    best: float | None = 0.0
    odds: Odds | None = None

    def stricter(self, threshold: float) -> float:
        """Half as far from the best value as `threshold`.

        Without a best value ln 2 above it: of log odds, twice the odds; of DeepConf's confidence,
        alternatives half as likely.
        """
        if self.best is None:
            return threshold + math.log(2)
        return max(threshold, (threshold + self.best) / 2)  # no looser where nothing can reach it


def total(values: Sequence[float]) -> float:
    """The sum from left to right. `sum` rounds otherwise from Python 3.12 on, and then need not fall."""
    return reduce(add, values, 0.0)


def lower_quantile(ascending: Sequence[float], q: float) -> float:
    """The value at place floor(q (T - 1)): one that was observed, as numpy's `method="lower"`."""
    return ascending[int(q * (len(ascending) - 1))]


# --- the sampled tokens' logprobs, (T,) in nats ---


def logprob_quantile(logprobs: Logprobs) -> float:
    """The k-th smallest token logprob, k = 1 + max(0, T - 32) // 10; in nats, at most 0.

    Short drafts are judged by their least sure token; from 42 tokens on the k-th smallest follows the
    quantile 0.1 of what exceeds 32 tokens, so one odd token in a long draft does not decide alone.
    After Gupta et al. 2024, "Language Model Cascades: Token-level uncertainty and beyond", eq. 5.
    An empty draft scores -inf: silence is never confidence.
    """
    return sorted(logprobs)[rank(len(logprobs)) - 1] if logprobs else -math.inf


def rank(tokens: int) -> int:
    """Which smallest logprob `logprob_quantile` takes of so many tokens."""
    return 1 + max(0, tokens - 32) // 10


def chow_sum(logprobs: Logprobs) -> float:
    """sum_t lp_t: the log-probability of the whole draft; in nats, at most 0; long drafts look unsure.

    Gupta et al. 2024, Chow-Sum; minus lm-polygraph's MaximumSequenceProbability.
    """
    return total(logprobs)


def chow_average(logprobs: Logprobs) -> float:
    """(1/T) sum_t lp_t; in nats per token, at most 0; one bad token drowns in a long draft.

    Gupta et al. 2024, Chow-Average; minus lm-polygraph's Perplexity, which takes no exponential either.
    """
    return total(logprobs) / len(logprobs)


def chow_quantile(logprobs: Logprobs) -> float:
    """The quantile 0.1 of the token logprobs, one of them; in nats, at most 0. Gupta et al. 2024, eq. 5."""
    return lower_quantile(sorted(logprobs), 0.1)


def second_smallest(logprobs: Logprobs) -> float | None:
    """The second smallest token logprob; in nats, at most 0; None for one token."""
    return sorted(logprobs)[1] if len(logprobs) > 1 else None


def third_smallest(logprobs: Logprobs) -> float | None:
    """The third smallest token logprob; in nats, at most 0; None for fewer than three tokens."""
    return sorted(logprobs)[2] if len(logprobs) > 2 else None


def count_below(logprobs: Logprobs) -> float:
    """Minus the number of tokens below -1 nat; a count, at most 0."""
    return -float(len([value for value in logprobs if value < DOUBT]))


# --- the alternatives at one place, largest first, in nats ---


def margin(top: Sequence[float]) -> float:
    """p_1 - p_2, in [0, 1]: how far the likeliest token was ahead."""
    return math.exp(top[0]) - math.exp(top[1])


def entropy(top: Sequence[float], k: int = TOPS) -> float:
    """-sum_j p_j ln p_j - r ln r over the k largest, r = max(0, 1 - sum_j p_j); in nats, at least 0.

    All that lies beyond the k counts as one outcome: a lower bound of the entropy that grows with k.
    0 ln 0 = 0; a sum slightly above 1 leaves no rest.
    """
    rest, found = 1.0, 0.0
    for value in top[:k]:
        p = math.exp(value)
        rest -= p
        found -= p * value
    return found - rest * math.log(rest) if rest > 0.0 else found


def certainty(top: Sequence[float]) -> float:
    """C_t = -(1/k) sum_j log p_j over the k largest; in nats, at least 0, higher where one token towers.

    What a grammar ruled out is no alternative: it would count as endless certainty. DeepConf's token
    confidence.
    """
    values = top[:TOPS]
    if values[-1] <= RULED_OUT:
        values = [value for value in values if value > RULED_OUT]
    return -total(values) / len(values) if values else 0.0


# --- all places of a draft ---


def margin_mean(tops: Tops) -> float:
    """1 - (1/T) sum_t (1 - p_t1 + p_t2) = mean margin, in [0, 1].

    1 - u of UCCI (arXiv 2605.18796, eq. 4). Summing what is missing to 1 makes it fall bit for bit.
    """
    return 1.0 + total([margin(top) - 1.0 for top in tops]) / len(tops)


def margin_q10(tops: Tops) -> float:
    """The quantile 0.1 of the margins, one of them, in [0, 1]."""
    return lower_quantile(sorted([margin(top) for top in tops]), 0.1)


def entropy_mean(tops: Tops) -> float:
    """Minus the mean of the lumped entropies H_t; in nats per token, at most 0.

    Minus lm-polygraph's MeanTokenEntropy wherever the alternatives are the whole vocabulary.
    """
    return total([-entropy(top) for top in tops]) / len(tops)


def entropy_max(tops: Tops) -> float:
    """Minus the largest lumped entropy of a place; in nats, at most 0."""
    return min([-entropy(top) for top in tops])


def group_confidence(tops: Tops) -> float:
    """The smallest mean of C_t over 16 tokens in a row, over all of a shorter draft; in nats, at least 0.

    It falls from the first whole window on. DeepConf's lowest group confidence (arXiv 2508.15260).
    """
    sums = list(accumulate([certainty(top) for top in tops], initial=0.0))
    if len(tops) < WINDOW:
        return sums[-1] / len(tops)
    lowest: float = min(map(sub, sums[WINDOW:], sums))
    return lowest / WINDOW


# --- the first place: constrained choices ---


def max_prob(top: Sequence[float]) -> float | None:
    """max_j p_j / sum_j p_j over the alternatives at the first place, in (0, 1]; None for fewer than two.

    The alternatives stand for the options: under a grammar that lists them they are the options. Varshney
    and Baral 2022 (arXiv 2210.05528), MaxProb.
    """
    chances = _chances(top)
    return chances[0] if chances else None


def distance_to_uniform(top: Sequence[float]) -> float | None:
    """Log K - H(p) = KL(p || uniform) over the K alternatives at the first place; in nats, in [0, log K].

    Of the same renormalised p as `max_prob`, and None with it. Varshney and Baral 2022, DTU.
    """
    chances = _chances(top)
    if not chances:
        return None
    return math.log(len(chances)) + sum([p * math.log(p) for p in chances if p > 0.0])


def _chances(top: Sequence[float]) -> list[float]:
    """The alternatives' probabilities, made to sum to 1; shifted first, so that no sum is 0."""
    odds = [math.exp(value - top[0]) for value in top[:TOPS] if value > RULED_OUT]
    mass = sum(odds)
    return [p / mass for p in odds] if len(odds) > 1 else []


# --- by name ---


def _own(number: Callable[[Logprobs], float | None]) -> Score:
    return lambda draft: number(draft.logprobs)


def _weighed(number: Callable[[Tops], float], needs: int) -> Score:
    """Over all places; None where one has fewer alternatives than the signal needs."""
    return lambda draft: None if min(map(len, draft.tops)) < needs else number(draft.tops)


def _first(number: Callable[[Sequence[float]], float | None], needs: int) -> Score:
    """At the first place alone."""
    return lambda draft: None if len(draft.tops[0]) < needs else number(draft.tops[0])


SIGNALS: Mapping[str, Signal] = {
    signal.name: signal
    for signal in (
        Signal("logprob_quantile", _own(logprob_quantile), "nats"),
        Signal("chow_sum", _own(chow_sum), "nats", falls=True),
        Signal("chow_average", _own(chow_average), "nats per token"),
        Signal("chow_quantile", _own(chow_quantile), "nats"),
        Signal("min_logprob", _own(min), "nats", falls=True),
        Signal("second_smallest", _own(second_smallest), "nats", falls=True),
        Signal("third_smallest", _own(third_smallest), "nats", falls=True),
        Signal("count_below", _own(count_below), "tokens", falls=True),
        Signal("margin_mean", _weighed(margin_mean, 2), "probability", 2, best=1.0),
        Signal("margin_first", _first(margin, 2), "probability", 2, falls=True, best=1.0),
        Signal("margin_q10", _weighed(margin_q10, 2), "probability", 2, best=1.0),
        Signal("entropy_mean", _weighed(entropy_mean, TOPS), "nats per token", TOPS),
        Signal("entropy_max", _weighed(entropy_max, TOPS), "nats", TOPS, falls=True),
        Signal("group_confidence", _weighed(group_confidence, TOPS), "nats", TOPS, falls=True, best=None),
        Signal("max_prob", _first(max_prob, TOPS), "probability", TOPS, falls=True, best=1.0),
        Signal(
            "distance_to_uniform",
            _first(distance_to_uniform, TOPS),
            "nats",
            TOPS,
            falls=True,
            best=math.log(TOPS),
        ),
    )
}
