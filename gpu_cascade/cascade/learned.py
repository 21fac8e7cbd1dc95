"""A rule learned from labelled drafts, as plain numbers: what fitted it is not needed to apply it. Pure."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import chain, pairwise

import msgspec

from ..errors import ConfigError
from .features import NAMES, TOPS, features
from .signals import Signal
from .tokens import Evidence

AGAIN = "run `gpu-cascade calibrate` again"


class Linear(msgspec.Struct, frozen=True):
    """Standardised numbers, weighed: sum_j w_j (x_j - mean_j) / scale_j + intercept, in log odds.

    `features` names the d numbers x; mean, scale and coefficients w have d each.
    """

    features: tuple[str, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    coefficients: tuple[float, ...]
    intercept: float

    def weigh(self, values: Sequence[float]) -> float | None:
        """The score of d numbers in the order of `features`; None where it is not finite."""
        found = self.intercept
        for value, mean, scale, weight in zip(values, self.mean, self.scale, self.coefficients, strict=True):
            found += weight * ((value - mean) / scale)
        return found if math.isfinite(found) else None


class Isotonic(msgspec.Struct, frozen=True, tag="isotonic"):
    """A step-free rising line through the knots (x, y), level beyond both ends; y in [0, 1]."""

    x: tuple[float, ...]
    y: tuple[float, ...]

    def __post_init__(self) -> None:
        """Refuses knots that do not rise, or leave [0, 1]."""
        if not self.x or len(self.x) != len(self.y):
            raise ConfigError(f"an isotonic map has {len(self.x)} x and {len(self.y)} y; {AGAIN}")
        _refuse_unfinite("an isotonic map", (*self.x, *self.y))
        rises = all(a < b for a, b in pairwise(self.x)) and all(a <= b for a, b in pairwise(self.y))
        if not rises or self.y[0] < 0 or self.y[-1] > 1:
            raise ConfigError(f"an isotonic map of {len(self.x)} knots does not rise within 0 to 1; {AGAIN}")

    def at(self, score: float) -> float:
        """Between two knots the straight line."""
        right = bisect_right(self.x, score)
        if right in {0, len(self.x)}:
            return self.y[max(0, right - 1)]
        x0, x1, y0, y1 = *self.x[right - 1 : right + 1], *self.y[right - 1 : right + 1]
        return y0 + (y1 - y0) * ((score - x0) / (x1 - x0))

    def reach(self, y: float) -> float:
        """The least score with at least that: -inf where every score has it, inf where none has."""
        right = bisect_left(self.y, y)
        if right == 0:
            return -math.inf
        if right == len(self.y):
            return math.inf
        x0, x1, y0, y1 = *self.x[right - 1 : right + 1], *self.y[right - 1 : right + 1]
        return x0 + (x1 - x0) * ((y - y0) / (y1 - y0))


class Sigmoid(msgspec.Struct, frozen=True, tag="sigmoid"):
    """1 / (1 + exp(a s + b)), Platt 1999: a is negative where a higher score is a better one."""

    a: float
    b: float

    def __post_init__(self) -> None:
        """Refuses what is not finite."""
        _refuse_unfinite("a sigmoid", (self.a, self.b))

    def at(self, score: float) -> float:
        """In [0, 1]."""
        return logistic(-(self.a * score + self.b))

    def reach(self, y: float) -> float:
        """The least score with at least that: -inf where every score has it, inf where none has."""
        if y <= 0:
            return -math.inf
        if y >= 1 or self.a >= 0:  # a map that does not rise vouches for no score
            return math.inf
        return (math.log(1 / y - 1) - self.b) / self.a


class Learned(Linear, frozen=True):
    """How sure a draft is by all its features together.

    The score is in log odds, before any calibration; thresholds and certificates live on it, for an isotonic
    map makes ties. `calibrator` turns it into the probability that the draft is right. Refused
    (`ConfigError`): features other than this version's, lengths that differ, numbers that are not finite.
    """

    calibrator: Isotonic | Sigmoid | None = None

    def __post_init__(self) -> None:
        """Refuses what cannot be applied."""
        refuse_unusable("the learned rule", self, NAMES)

    def score(self, draft: Evidence) -> float | None:
        """The draft's score, higher is surer; None where a feature cannot be told from the evidence."""
        values = features(draft)
        return None if values is None else self.weigh(values)

    def probability(self, score: float) -> float | None:
        """How likely a draft of this score is right, in [0, 1]; None where no map could be fitted."""
        return None if self.calibrator is None else self.calibrator.at(score)

    def reach(self, probability: float) -> float | None:
        """The least score with at least that probability of being right; None without a map."""
        return None if self.calibrator is None else self.calibrator.reach(probability)

    def signal(self) -> Signal:
        """The rule in the place of a signal."""
        return Signal("learned", self.score, "log odds", TOPS, best=None, odds=self)


def logistic(score: float) -> float:
    """1 / (1 + exp(-s)), in [0, 1], without overflow."""
    if score >= 0:
        return 1 / (1 + math.exp(-score))
    odds = math.exp(score)
    return odds / (1 + odds)


def refuse_unusable(what: str, rule: Linear, known: Sequence[str]) -> None:
    """Raises `ConfigError` where a rule was made for other features than `known`, or is broken."""
    if rule.features != tuple(known):
        apart = sorted(set(rule.features) ^ set(known)) or ["their order"]
        raise ConfigError(
            f"{what} was fitted to other features than the {len(known)} of this version "
            f"(apart: {', '.join(apart[:5])}); {AGAIN}"
        )
    lengths = [len(rule.mean), len(rule.scale), len(rule.coefficients)]
    if lengths != [len(known)] * 3:
        raise ConfigError(
            f"{what} has {len(known)} features but {lengths[0]} means, {lengths[1]} scales and "
            f"{lengths[2]} coefficients; {AGAIN}"
        )
    _refuse_unfinite(what, chain(rule.mean, rule.scale, rule.coefficients, [rule.intercept]))
    if min(rule.scale) <= 0:
        raise ConfigError(f"{what} has the scale {min(rule.scale):g}; scales are above 0; {AGAIN}")


def _refuse_unfinite(what: str, numbers: Iterable[float]) -> None:
    wrong = [number for number in numbers if not math.isfinite(number)]
    if wrong:
        raise ConfigError(f"{what} has {len(wrong)} numbers that are not finite ({wrong[0]}); {AGAIN}")
