"""How often each cascade escalated lately, and which way that goes: a listener beside the answers."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from .events import Answered, Event

WINDOW_S = 300.0
MOST = 10_000  # answers that are remembered, of each cascade


@dataclass(frozen=True, slots=True)
class Rate:
    """Of the answers of the last `WINDOW_S`: how many, and the share whose draft did not stand.

    `share` is None where there was none; `trend` is the share of the newer half less that of the older one.
    """

    answers: int
    share: float | None
    trend: float | None


class Recent:
    """A hook for `events.Hooks`: remembers when answers came, and whether they had escalated."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._answers: dict[str, deque[tuple[float, bool]]] = {}

    def __call__(self, event: Event) -> None:
        """Count an answer that had a draft."""
        if isinstance(event, Answered) and event.decision.judged:
            escalated = any(not judgement.keep for judgement in event.decision.judged)
            kept = self._answers.setdefault(event.model, deque(maxlen=MOST))
            kept.append((self._clock(), escalated))

    def rate(self, cascade: str) -> Rate:
        """What the last minutes were like."""
        now = self._clock()
        kept = self._answers.get(cascade, deque())
        while kept and kept[0][0] < now - WINDOW_S:
            kept.popleft()
        older = [escalated for at, escalated in kept if at < now - WINDOW_S / 2]
        newer = [escalated for at, escalated in kept if at >= now - WINDOW_S / 2]
        before, after = _share(older), _share(newer)
        trend = None if before is None or after is None else after - before
        return Rate(len(kept), _share(older + newer), trend)


def _share(escalated: list[bool]) -> float | None:
    return sum(escalated) / len(escalated) if escalated else None
