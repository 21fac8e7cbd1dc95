"""True loss, where feedback says what would have been right: the same test with another loss. Pure."""

import math

import msgspec

from .drift import Drift, told
from .mean import Mean, added


class Feedback(msgspec.Struct, frozen=True):
    """How much worse kept answers are than the large model's, by gold; moved from [-1, 1] to [0, 1]."""

    drift: Drift
    loss: Mean = Mean()

    @property
    def alarmed(self) -> bool:
        """Whether the loss was ever found to exceed its target."""
        return self.drift.alarmed

    @property
    def value(self) -> float | None:
        """The mean of large - kept; None without feedback."""
        return None if self.loss.value is None else 2 * self.loss.value - 1

    @property
    def interval(self) -> tuple[float, float]:
        """Where that mean lies if it never changed, with 95 % confidence at all times together."""
        low, high = self.loss.interval
        return 2 * low - 1, 2 * high - 1


def against(target: float, alarm: float) -> Feedback:
    """No feedback yet on "kept answers lose at most `target`", target in [-1, 1], of the unit of scores."""
    return Feedback(Drift((target + 1) / 2, alarm))


def scored(feedback: Feedback, kept: float, large: float | None, weight: float = 1.0) -> Feedback:
    """With the scores in [0, 1] of a kept answer and of the large model's to the same request.

    Unchanged where the large model's is unknown or either is not finite: half a pair says nothing.
    `weight` as in `drift.told`: 1 where every answer had the same chance of feedback.
    """
    if large is None or not math.isfinite(kept) or not math.isfinite(large):
        return feedback
    loss = (large - kept + 1) / 2
    return Feedback(told(feedback.drift, loss, weight), added(feedback.loss, loss, weight))
