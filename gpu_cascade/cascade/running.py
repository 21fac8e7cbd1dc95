"""A signal's value while its draft is being written: what it will be at most, whatever comes next.

So a draft may be broken off as soon as this is below the threshold: read to its end it would be unsure too,
and a certificate for the verdict at the end holds.
"""

import math
from bisect import insort
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from .signals import (
    DOUBT,
    SIGNALS,
    TOPS,
    WINDOW,
    certainty,
    distance_to_uniform,
    entropy,
    margin,
    max_prob,
    rank,
)
from .tokens import ROUNDING, RULED_OUT

Number = Callable[[float, Sequence[float]], float | None]  # what a signal sees of one token


class Tally(Protocol):
    """Takes one number per token in; tells what the signal will be at most, None while that is unknown."""

    def add(self, number: float) -> float | None:
        """The bound after this token."""


class Running:
    """One signal of one draft.

    Give it the tokens that `evidence` will count, from the first on, in order, and no others: the stop token
    is no answer, so a token counts for sure only when text of it or of a later one has come.
    """

    def __init__(self, number: Number, tally: Tally) -> None:
        self._number, self._tally = number, tally
        self._gone = False

    def add(self, logprob: float | None, top: Sequence[float]) -> float | None:
        """What the signal will be at most; None while nobody can say; -inf once a number it needs is missing.

        `logprob` as the engine sent it, in nats, `top` as `top_of` makes it. A signal that falls has after
        the last token this very value.
        """
        number = None
        if logprob is not None and RULED_OUT < logprob <= ROUNDING:
            number = self._number(min(logprob, 0.0), top)
        if number is None:
            self._gone = True
        return -math.inf if self._gone or number is None else self._tally.add(number)


def running(signal: str, max_tokens: int | None) -> Running | None:
    """The signal of that name for a draft of at most so many tokens.

    None where no limit is known and the signal need not fall: a mean may rise with every token, and the rank
    of a quantile grows.
    """
    if max_tokens is None and not SIGNALS[signal].falls:
        return None
    return _BOUNDS[signal](max_tokens or 0)


class Total:
    """Numbers of at most 0, added up."""

    def __init__(self) -> None:
        self._sum = 0.0

    def add(self, number: float) -> float:
        """The sum so far."""
        self._sum += number
        return self._sum


class Mean:
    """The mean of numbers of at most 0, plus `offset`: no more than the sum so far over the most tokens."""

    def __init__(self, most: int, offset: float = 0.0) -> None:
        self._sum, self._most, self._offset = 0.0, most, offset

    def add(self, number: float) -> float:
        """S_T / T <= S_T / M <= S_t / M, for T <= M and no number is above 0; so are the rounded ones."""
        self._sum += number
        return self._offset + self._sum / self._most


class Smallest:
    """The j-th smallest number: it only falls as they come."""

    def __init__(self, j: int) -> None:
        self._j = j
        self._smallest: list[float] = []

    def add(self, number: float) -> float | None:
        """The j-th smallest so far, None for fewer."""
        insort(self._smallest, number)
        del self._smallest[self._j :]
        return self._smallest[-1] if len(self._smallest) == self._j else None


class Windows:
    """The smallest mean over a whole window."""

    def __init__(self) -> None:
        self._sums = deque([0.0], maxlen=WINDOW + 1)
        self._lowest: float | None = None

    def add(self, number: float) -> float | None:
        """None before the first window is whole: a draft that ends there is judged by all it has."""
        self._sums.append(self._sums[-1] + number)
        if len(self._sums) > WINDOW:
            mean = (self._sums[-1] - self._sums[0]) / WINDOW
            self._lowest = mean if self._lowest is None else min(self._lowest, mean)
        return self._lowest


def _own(logprob: float, _: Sequence[float]) -> float:
    return logprob


def _below(logprob: float, _: Sequence[float]) -> float:
    return -1.0 if logprob < DOUBT else 0.0


def _weighed(number: Callable[[Sequence[float]], float | None], needs: int) -> Number:
    """Of the alternatives alone; None for fewer than the signal needs."""
    return lambda _, top: None if len(top) < needs else number(top)


def _once(number: Number) -> Number:
    """The first token's number, for every token."""
    first: list[float | None] = []

    def see(logprob: float, top: Sequence[float]) -> float | None:
        if not first:
            first.append(number(logprob, top))
        return first[0]

    return see


_margin = _weighed(margin, 2)
_shortfall = _weighed(lambda top: margin(top) - 1.0, 2)
_sharpness = _weighed(lambda top: -entropy(top), TOPS)

# The j-th smallest of all tokens is at most the j-th smallest so far, and a rank that grows with the tokens
# is highest at their limit: so the value at the end is at most the j-th smallest so far with j at the limit.
_BOUNDS: Mapping[str, Callable[[int], Running]] = {
    "logprob_quantile": lambda most: Running(_own, Smallest(rank(most))),
    "chow_sum": lambda _: Running(_own, Total()),
    "chow_average": lambda most: Running(_own, Mean(most)),
    "chow_quantile": lambda most: Running(_own, Smallest(1 + (most - 1) // 10)),
    "min_logprob": lambda _: Running(_own, Smallest(1)),
    "second_smallest": lambda _: Running(_own, Smallest(2)),
    "third_smallest": lambda _: Running(_own, Smallest(3)),
    "count_below": lambda _: Running(_below, Total()),
    "margin_mean": lambda most: Running(_shortfall, Mean(most, offset=1.0)),
    "margin_first": lambda _: Running(_once(_margin), Smallest(1)),
    "margin_q10": lambda most: Running(_margin, Smallest(1 + (most - 1) // 10)),
    "entropy_mean": lambda most: Running(_sharpness, Mean(most)),
    "entropy_max": lambda _: Running(_sharpness, Smallest(1)),
    "group_confidence": lambda _: Running(_weighed(certainty, TOPS), Windows()),
    "max_prob": lambda _: Running(_once(_weighed(max_prob, TOPS)), Smallest(1)),
    "distance_to_uniform": lambda _: Running(_once(_weighed(distance_to_uniform, TOPS)), Smallest(1)),
}
