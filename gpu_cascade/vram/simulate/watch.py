"""For how long each engine was in each state, and in each move."""

from collections import defaultdict
from collections.abc import Mapping

from ..scheduler.standing import Standing


class Watch:
    """Looks after every event: what came and went within one event took no time.

    While an engine is moved, the move counts and not the state: `sleep` is on the way to `asleep`.
    """

    def __init__(self, engines: Mapping[str, Standing], now: float) -> None:
        self._engines = list(engines.values())
        self._seen = [(one.moving or one.state, now) for one in self._engines]
        self._seconds: dict[tuple[str, str], float] = defaultdict(float)
        self._now = now

    def look(self, now: float) -> None:
        """Count what has ended."""
        self._now = now
        for place, one in enumerate(self._engines):
            what, since = self._seen[place]
            if (one.moving or one.state) is not what:
                self._seconds[one.name, what.value] += now - since
                self._seen[place] = one.moving or one.state, now

    def seconds(self) -> dict[str, dict[str, float]]:
        """Seconds by engine, and by state or move, up to the last look."""
        counted = defaultdict(float, self._seconds)
        for one, (what, since) in zip(self._engines, self._seen, strict=True):
            counted[one.name, what.value] += self._now - since
        found: dict[str, dict[str, float]] = {one.name: {} for one in self._engines}
        for (name, what_for), seconds in counted.items():
            found[name][what_for] = seconds
        return found
