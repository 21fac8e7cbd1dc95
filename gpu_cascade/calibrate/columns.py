"""Every signal and feature of many drafts at once: what `cascade/signals.py` says of one, by columns.

Equal to the live path to 1e-9, and where no exponential is taken to the last bit. NaN is its None.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import numpy as np

from ..cascade import features as live
from ..cascade.signals import DOUBT, TOPS, WINDOW
from ..cascade.tokens import RULED_OUT, Evidence
from .arrays import Floats, Ints


@dataclass(frozen=True)
class Columns:
    """The tokens of n drafts one after another, N in all. A draft without evidence has none.

    logprobs: (N,) nats. tops: (N, TOPS) nats, largest first, NaN where there were fewer.
    starts: (n + 1,) where each draft begins; the last is N. prompt_tokens, cut: (n,).
    """

    logprobs: Floats
    tops: Floats
    starts: Ints
    prompt_tokens: Floats
    cut: Floats

    @classmethod
    def of(cls, drafts: Sequence[Evidence | None]) -> "Columns":
        """The columns of drafts in their order; None for one without evidence."""
        known = [draft for draft in drafts if draft is not None]
        counts = [0 if draft is None else len(draft.logprobs) for draft in drafts]
        return cls(
            np.fromiter(chain.from_iterable(draft.logprobs for draft in known), np.float64),
            _dense([top[:TOPS] for draft in known for top in draft.tops]),
            np.concatenate(([0], np.cumsum(counts, dtype=np.int64))),
            np.array([draft.prompt_tokens if draft else 0 for draft in drafts], np.float64),
            np.array([bool(draft and draft.cut) for draft in drafts], np.float64),
        )

    def cut_to(self, tokens: int) -> "Columns":
        """The first so many tokens of each draft; all of a shorter one."""
        kept = np.arange(len(self.logprobs)) - self.starts[self.owners] < tokens
        starts = np.concatenate(([0], np.cumsum(np.minimum(self.counts, tokens))))
        return Columns(self.logprobs[kept], self.tops[kept], starts, self.prompt_tokens, self.cut)

    @cached_property
    def counts(self) -> Ints:
        """(n,) tokens of each draft."""
        return np.diff(self.starts)

    @cached_property
    def owners(self) -> Ints:
        """(N,) which draft a token belongs to."""
        return np.repeat(np.arange(len(self.counts)), self.counts)

    @cached_property
    def ascending_logprobs(self) -> Floats:
        """(N,) each draft's logprobs, smallest first."""
        return self.ascending(self.logprobs)

    @cached_property
    def margins(self) -> Floats:
        """(N,) p_1 - p_2 at each place."""
        margins: Floats = np.exp(self.tops[:, 0]) - np.exp(self.tops[:, 1])
        return margins

    @cached_property
    def entropies(self) -> Floats:
        """(N,) lumped beyond `TOPS` alternatives."""
        return entropy(self.tops, TOPS)

    @cached_property
    def ascending_margins(self) -> Floats:
        """(N,) each draft's margins, smallest first."""
        return self.ascending(self.margins)

    def ascending(self, values: Floats) -> Floats:
        """(N,) sorted within each draft, NaN last."""
        found: Floats = values[np.lexsort((values, self.owners))]
        return found

    def place(self, ascending: Floats, places: Ints) -> Floats:
        """(n,) what stands at each draft's place; NaN beyond its end, or where one of its values is NaN."""
        found = np.full(len(self.counts), np.nan)
        there = places < self.counts
        spoilt = np.isnan(ascending[self.starts[1:][there] - 1])
        found[there] = np.where(spoilt, np.nan, ascending[self.starts[:-1][there] + places[there]])
        return found

    def quantile(self, ascending: Floats, q: float) -> Floats:
        """(n,) `lower_quantile` of each draft."""
        return self.place(ascending, np.maximum(q * (self.counts - 1), 0).astype(np.int64))

    def total(self, values: Floats) -> Floats:
        """(n,) sums from left to right, as `bincount` and the live path add; NaN for no tokens."""
        sums = np.bincount(self.owners, values, len(self.counts))
        return np.where(self.counts > 0, sums, np.nan)

    def mean(self, values: Floats) -> Floats:
        """(n,) means; NaN for no tokens."""
        means: Floats = self.total(values) / np.maximum(self.counts, 1)
        return means

    def smallest(self, values: Floats) -> Floats:
        """(n,) minima; NaN for no tokens, or where one is NaN."""
        found = np.full(len(self.counts), np.nan)
        some = self.counts > 0  # `reduceat` gives an empty stretch its neighbour's first value
        if some.any():
            found[some] = np.minimum.reduceat(values, self.starts[:-1][some])
        return found

    def first(self, number: Callable[[Floats], Floats]) -> Floats:
        """(n,) of the alternatives at each draft's first place; NaN where there are fewer than `TOPS`."""
        found = np.full(len(self.counts), np.nan)
        some = np.flatnonzero(self.counts)
        whole = some[~np.isnan(self.tops[self.starts[some], -1])]
        found[whole] = number(self.tops[self.starts[whole]])
        return found


def _dense(rows: Sequence[Sequence[float]]) -> Floats:
    """(N, TOPS) from rows of any length up to that."""
    lengths = np.fromiter(map(len, rows), np.int64, len(rows))
    dense = np.full((len(rows), TOPS), np.nan, order="F")  # read column by column
    dense[np.arange(TOPS) < lengths[:, None]] = np.fromiter(chain.from_iterable(rows), np.float64)
    return dense


def scores(columns: Columns) -> dict[str, Floats]:
    """Every signal by its name, (n,) each."""
    return {name: score(columns) for name, score in SCORES.items()}


def features(columns: Columns) -> Floats:
    """(n, 20) the live feature vectors, columns as `features.NAMES`; a row of NaN for None."""
    lps, margins = columns.ascending_logprobs, columns.ascending_margins
    entropies = entropy(columns.tops, live.TOPS)
    last = np.maximum(columns.counts - 1, 0)
    found = np.column_stack(
        [
            *[columns.quantile(lps, q) for q in live.LOGPROB_QUANTILES],
            columns.mean(columns.logprobs),
            columns.place(lps, np.minimum(1, last)),
            columns.place(lps, np.minimum(2, last)),
            *[columns.quantile(margins, q) for q in live.MARGIN_QUANTILES],
            columns.mean(columns.margins),
            _at_first(columns, columns.margins),
            columns.mean(entropies),
            -columns.smallest(-entropies),
            np.log1p(columns.counts),
            np.log1p(columns.prompt_tokens),
            columns.cut,
        ]
    )
    found[np.isnan(columns.smallest(entropies))] = np.nan
    return found


def entropy(tops: Floats, k: int) -> Floats:
    """(N,) `signals.entropy` of each place; NaN for fewer than k alternatives."""
    rest, found = np.ones(len(tops)), np.zeros(len(tops))
    for logprobs in tops.T[:k]:
        p = np.exp(logprobs)
        rest -= p
        found -= p * logprobs
    some = rest > 0.0
    found[some] -= rest[some] * np.log(rest[some])
    return found


def certainty(tops: Floats) -> Floats:
    """(N,) `signals.certainty` of each place; NaN for fewer than `TOPS` alternatives."""
    summed, counted = np.zeros(len(tops)), np.zeros(len(tops))
    for logprobs in tops.T:
        alive = ~(logprobs <= RULED_OUT)  # NaN counts, and spoils the sum
        summed += np.where(alive, logprobs, 0.0)
        counted += alive
    mean: Floats = -summed / np.maximum(counted, 1)
    return mean


def group_confidence(columns: Columns) -> Floats:
    """(n,) `signals.group_confidence`. Each window is added up by itself: one long sum would lose digits."""
    numbers = certainty(columns.tops)
    found = columns.mean(numbers)
    begins = np.flatnonzero(columns.starts[1:][columns.owners] - np.arange(len(numbers)) >= WINDOW)
    means = sum(numbers[begins + step] for step in range(WINDOW)) / WINDOW
    for_each = np.full(len(numbers), np.inf)
    for_each[begins] = means
    long = columns.counts >= WINDOW
    found[long] = columns.smallest(for_each)[long]
    return found


def max_prob(tops: Floats) -> Floats:
    """(m,) `signals.max_prob` of m places."""
    odds, kinds = _odds(tops)
    return np.where(kinds > 1, 1.0 / odds.sum(axis=1), np.nan)


def distance_to_uniform(tops: Floats) -> Floats:
    """(m,) `signals.distance_to_uniform` of m places."""
    odds, kinds = _odds(tops)
    p = odds / odds.sum(axis=1, keepdims=True)
    logs = np.log(p, out=np.zeros_like(p), where=p > 0.0)
    return np.where(kinds > 1, np.log(np.maximum(kinds, 1)) + (p * logs).sum(axis=1), np.nan)


def _odds(tops: Floats) -> tuple[Floats, Ints]:
    """(m, TOPS) each alternative's odds against the first, 0 where ruled out; (m,) how many were not."""
    alive = tops > RULED_OUT
    return np.where(alive, np.exp(tops - tops[:, :1]), 0.0), alive.sum(axis=1)


def _at_first(columns: Columns, values: Floats) -> Floats:
    """(n,) each draft's first value; NaN for no tokens."""
    found = np.full(len(columns.counts), np.nan)
    some = columns.counts > 0
    found[some] = values[columns.starts[:-1][some]]
    return found


def _rank(columns: Columns) -> Ints:
    return np.maximum(0, columns.counts - 32) // 10


def _same(columns: Columns, place: int) -> Ints:
    return np.full(len(columns.counts), place)


SCORES: Mapping[str, Callable[[Columns], Floats]] = {
    "logprob_quantile": lambda drafts: drafts.place(drafts.ascending_logprobs, _rank(drafts)),
    "chow_sum": lambda drafts: drafts.total(drafts.logprobs),
    "chow_average": lambda drafts: drafts.mean(drafts.logprobs),
    "chow_quantile": lambda drafts: drafts.quantile(drafts.ascending_logprobs, 0.1),
    "min_logprob": lambda drafts: drafts.smallest(drafts.logprobs),
    "second_smallest": lambda drafts: drafts.place(drafts.ascending_logprobs, _same(drafts, 1)),
    "third_smallest": lambda drafts: drafts.place(drafts.ascending_logprobs, _same(drafts, 2)),
    "count_below": lambda drafts: -drafts.total((drafts.logprobs < DOUBT).astype(np.float64)),
    "margin_mean": lambda drafts: 1.0 + drafts.mean(drafts.margins - 1.0),
    "margin_first": lambda drafts: _at_first(drafts, drafts.margins),
    "margin_q10": lambda drafts: drafts.quantile(drafts.ascending_margins, 0.1),
    "entropy_mean": lambda drafts: -drafts.mean(drafts.entropies),
    "entropy_max": lambda drafts: drafts.smallest(-drafts.entropies),
    "group_confidence": group_confidence,
    "max_prob": lambda drafts: drafts.first(max_prob),
    "distance_to_uniform": lambda drafts: drafts.first(distance_to_uniform),
}
