"""Whether an answer of a tier still fits into the time that a client gave."""

import math
import time
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..types import Use

KEPT = 64  # answers of each tier that are remembered
OLD_S = 300.0  # a slow minute is forgotten: who waits for no tier would never measure it again
SHARE = 0.9  # of recent answers were done within what is expected


@dataclass(frozen=True, slots=True)
class Load:
    """What stands before an answer of an engine: requests per place ahead, seconds until it is awake."""

    ahead: float = 0.0
    away_s: float = 0.0


def no_load(_: str) -> Load:
    """Of an engine that takes everybody at once."""
    return Load()


def _kept() -> deque[tuple[float, float]]:
    """When answers came, and how long they took."""
    return deque(maxlen=KEPT)


class Pace:
    """How long answers of each tier took lately, from the granted place to the end."""

    def __init__(
        self, load: Callable[[str], Load] = no_load, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.now = clock
        self._load = load
        self._took: defaultdict[str, deque[tuple[float, float]]] = defaultdict(_kept)

    def took(self, tier: str, began: float, uses: Sequence[Use]) -> None:
        """A whole answer of `tier`, asked for at `began`, has come; waiting for places does not count."""
        now = self.now()
        took_s = now - began - sum([use.queue_s for use in uses])
        self._took[tier].append((now, max(0.0, took_s)))

    def expected_s(self, tier: str) -> float | None:
        """Seconds until an answer that is asked for now would be there; None while nobody knows.

        What nine of ten recent ones took, once more for each round of those who are ahead, after the engine
        has come back where it is away.
        """
        kept = self._took[tier]
        while kept and kept[0][0] < self.now() - OLD_S:
            kept.popleft()
        if not kept:
            return None
        load = self._load(tier)
        return load.away_s + (1 + load.ahead) * quantile([took_s for _, took_s in kept], SHARE)

    def pays(self, tier: str, due: float | None) -> bool:
        """Whether an answer of `tier` is expected by then. Without a time limit, or knowledge, it is."""
        if due is None:
            return True
        expected_s = self.expected_s(tier)
        return expected_s is None or self.now() + expected_s <= due


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest of the values that at least that share of them does not exceed; of one value, it."""
    return sorted(values)[math.ceil(share * len(values)) - 1]
