"""The places of one engine and those who wait for one."""

import math
from collections import deque

from .words import Ticket

OVERTAKE_S = 10.0  # how long escalated requests may go before an older one that is not
RATE_S = 15.0  # over how long arrivals are counted
GAP_SHARE = 0.2  # what the latest gap between two arrivals counts of their mean


class Desk:
    """Who is next: escalated requests first, each kind in order of arrival.

    Nobody is overtaken for more than `OVERTAKE_S`: after that the oldest is next. O(1) each, whoever leaves.
    """

    def __init__(self, places: int) -> None:
        self.places = places
        self.taken = 0
        self.waiting = 0
        self.used = -math.inf  # when somebody last came or went
        self.gap_s = math.inf  # between arrivals, the latest counting most
        self._urgent: deque[Ticket] = deque()
        self._direct: deque[Ticket] = deque()
        self._came, self._rate = -math.inf, 0.0

    @property
    def idle(self) -> bool:
        """Nobody here, nobody waiting."""
        return not self.taken and not self.waiting

    def came(self, now: float, count: int = 1) -> None:
        """Count arrivals: one now, or so many since the last."""
        gap_s = (now - self._came) / count
        if math.isfinite(gap_s):
            weight = 1 - (1 - GAP_SHARE) ** count
            self.gap_s = gap_s if math.isinf(self.gap_s) else self.gap_s + weight * (gap_s - self.gap_s)
        self._rate = self.rate(now) + count / RATE_S
        self._came = self.used = now

    def left(self, now: float) -> None:
        """A place is free again."""
        self.taken -= 1
        self.used = now

    def rate(self, now: float) -> float:
        """Arrivals per second lately, the older the less they count."""
        return self._rate * math.exp((self._came - now) / RATE_S) if self._rate else 0.0

    def add(self, ticket: Ticket) -> None:
        """Wait."""
        (self._urgent if ticket.urgent else self._direct).append(ticket)
        self.waiting += 1

    def leave(self, ticket: Ticket) -> None:
        """Wait no longer; the ticket is taken off the queue when it comes to its head."""
        ticket.open = False
        self.waiting -= 1

    def next(self, now: float) -> Ticket | None:
        """Take the next one off the queue."""
        urgent, direct = _head(self._urgent), _head(self._direct)
        if urgent is None and direct is None:
            return None
        late = direct is not None and now - direct.arrived >= OVERTAKE_S
        overdue = direct is not None and late and (urgent is None or direct.arrived <= urgent.arrived)
        queue = self._direct if urgent is None or overdue else self._urgent
        self.waiting -= 1
        return queue.popleft()

    def oldest(self) -> float | None:
        """When the longest waiting came; None where nobody waits."""
        heads = [head.arrived for queue in (self._urgent, self._direct) if (head := _head(queue))]
        return min(heads, default=None)


def _head(queue: deque[Ticket]) -> Ticket | None:
    while queue and not queue[0].open:
        queue.popleft()
    return queue[0] if queue else None
