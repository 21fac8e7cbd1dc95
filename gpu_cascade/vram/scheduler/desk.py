"""The places of one engine and those who wait for one."""

import math
from collections import deque

from .words import Ticket

LATE_S = 1.0  # who has waited for longer is late: those who may still be in time go first
LATE_SHARE = 0.75  # of the places may be taken by late ones, so that who comes next finds one
OVERTAKE_S = 120.0  # how long younger requests may go before an older one
RATE_S = 15.0  # over how long arrivals are counted
GAP_SHARE = 0.2  # what the latest gap between two arrivals counts of their mean


class Desk:
    """Who is next: who may still be in time, the newest first where some are late; then the late, in order.

    In order of arrival, two minutes of overload make everybody late. Among each, escalated requests go first.
    Nobody is overtaken for more than `OVERTAKE_S`: then the oldest is next. O(1) each, whoever leaves.
    """

    def __init__(self, places: int) -> None:
        self.places = places
        self.taken = 0
        self.waiting = 0
        self.used = -math.inf  # when somebody last came or went
        self.gap_s = math.inf  # between arrivals, the latest counting most
        self._urgent: deque[Ticket] = deque()
        self._direct: deque[Ticket] = deque()
        self._passing = math.inf  # since when younger ones go before the oldest
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
        """Take the next one off the queue; None where nobody waits, or only the late with their share."""
        queue, newest = self._choose(now)
        if queue is None:
            return None
        self.waiting -= 1
        return queue.pop() if newest else queue.popleft()

    def _choose(self, now: float) -> tuple[deque[Ticket] | None, bool]:
        """From which queue, and whether its newest instead of its oldest."""
        queues = [queue for queue in (self._urgent, self._direct) if _head(queue)]
        eldest = min(queues, key=_arrived, default=None)
        if eldest is None or now - _arrived(eldest) <= LATE_S:
            self._passing = math.inf
            return (queues[0] if queues else None), False
        if now - max(self._passing, _arrived(eldest)) >= OVERTAKE_S:
            return eldest, False
        fresh = next((queue for queue in queues if now - _tail(queue).arrived <= LATE_S), None)
        if fresh is None and self.taken >= LATE_SHARE * self.places:
            return None, False
        if fresh is not None or queues[0] is not eldest:
            self._passing = min(self._passing, now)
        return fresh or queues[0], fresh is not None

    def send_away(self) -> list[Ticket]:
        """Everybody who waits, off the queue."""
        found = [ticket for queue in (self._urgent, self._direct) for ticket in queue if ticket.open]
        self._urgent.clear()
        self._direct.clear()
        self.waiting = 0
        return found

    def oldest(self) -> float | None:
        """When the longest waiting came; None where nobody waits."""
        heads = [head.arrived for queue in (self._urgent, self._direct) if (head := _head(queue))]
        return min(heads, default=None)


def _head(queue: deque[Ticket]) -> Ticket | None:
    while queue and not queue[0].open:
        queue.popleft()
    return queue[0] if queue else None


def _tail(queue: deque[Ticket]) -> Ticket:
    """The last one that still waits; there is one."""
    while not queue[-1].open:
        queue.pop()
    return queue[-1]


def _arrived(queue: deque[Ticket]) -> float:
    return queue[0].arrived
