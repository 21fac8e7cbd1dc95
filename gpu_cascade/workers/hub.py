"""The supervisor's end: records come in from all workers, news go out, views are answered."""

import asyncio
import contextlib
import logging
import os
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import CascadeError, whereabouts
from ..events import Answered, Event, Failed, Hooks
from ..traces import Reservation, Traces
from ..vram.credits.messages import Refused, refusal
from ..vram.credits.wire import Broken, Wire
from .messages import (
    LONGEST_BYTES,
    SUPERVISOR_HEARS,
    Beside,
    Hello,
    Load,
    Loads,
    Look,
    Missed,
    News,
    Offered,
    Places,
    Recorded,
    Seen,
    ToSupervisor,
    View,
    running,
)

log = logging.getLogger(__name__)

READ_BYTES = 1 << 18
REFILL_S = 0.05  # how soon places of records that were written go out again; a batch takes as long to write


@dataclass(frozen=True, slots=True)
class Ends:
    """What stands behind the hub. `views` answer with bytes, `news` says how things stand now.

    `quota`: the most places for records that one worker holds. `serves` hears the number of each that takes
    connections.
    """

    traces: Traces
    hooks: Hooks
    quota: int
    news: Callable[[], News]
    views: Mapping[View, Callable[[str], Awaitable[bytes]]]
    offered: Callable[[Offered], None]
    serves: Callable[[int], None]


class Hub:
    """All workers' connections. Everything that comes in over one is counted here, once."""

    def __init__(self, ends: Ends) -> None:
        self.ends = ends
        self.peers: set[Peer] = set()
        self.answered: Counter[int] = Counter()  # by the worker's number
        self._past_s: defaultdict[str, float] = defaultdict(float)  # of workers that have ended
        self._news = ends.news()
        self._server: asyncio.Server | None = None
        ends.hooks.add(self._heard)

    async def open(self, path: Path) -> None:
        """Serve at a Unix socket, in a folder that only we can enter."""
        self._server = await asyncio.get_running_loop().create_unix_server(lambda: Peer(self), path)

    async def close(self) -> None:
        """Hear nobody any more but what was said; places that workers hold go back."""
        if self._server is not None:
            self._server.close()
        for peer in list(self.peers):
            peer.read_out()
            peer.settle()
            peer.end()

    def busy_s(self, engine: str) -> float:
        """How much of the engine's busy time all workers together have had."""
        parts = (peer.loads[engine].busy_s for peer in self.peers if engine in peer.loads)
        return sum(parts, self._past_s[engine])

    def look(self) -> None:
        """Tell every worker where something stands otherwise than before."""
        news = self.ends.news()
        if news != self._news:
            self._news = news
            for peer in self.peers:
                peer.send(news)

    def joined(self, peer: "Peer") -> None:
        """A worker has connected: it hears how things stand."""
        self.peers.add(peer)
        peer.send(self._news)

    def left(self, peer: "Peer") -> None:
        """One is gone, and its requests with it."""
        self.peers.discard(peer)
        for engine, load in peer.loads.items():
            self._past_s[engine] += load.busy_s
        peer.loads = {}
        self.balance()

    def balance(self) -> None:
        """Every worker hears what runs beside its own requests, where that changed."""
        total: Counter[str] = Counter()
        for peer in self.peers:
            total.update(running(peer.loads))
        for peer in self.peers:
            own = running(peer.loads)
            peer.stands_beside({engine: count - own.get(engine, 0) for engine, count in total.items()})

    def _heard(self, event: Event) -> None:
        if not isinstance(event, Answered | Failed):  # those move nothing, and are the many
            self.look()


class Peer(Wire[ToSupervisor]):
    """One worker. Its places for records go back with the connection; what it has told stays."""

    def __init__(self, hub: Hub) -> None:
        super().__init__(SUPERVISOR_HEARS, LONGEST_BYTES)
        self.loads: dict[str, Load] = {}
        self._hub, self._ends = hub, hub.ends
        self._number = 0
        self._places: list[Reservation] = []
        self._trouble: str | None = None
        self._beside: dict[str, int] = {}
        self._looks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._fd = -1

    def heard(self, message: ToSupervisor) -> None:
        """One of the seven things a worker says."""
        if isinstance(message, Recorded):
            self._recorded(message)
        elif isinstance(message, Missed):
            self._ends.hooks.tell(message.failed)
        elif isinstance(message, Loads):
            self.loads = message.engines
            self._hub.balance()
        elif isinstance(message, Look):
            task = asyncio.create_task(self._show(message))
            self._looks.add(task)
            task.add_done_callback(self._looks.discard)
        elif isinstance(message, Offered):
            self._ends.offered(message)
        elif isinstance(message, Hello):
            self._number = message.number
        else:
            self._ends.serves(self._number)

    def read_out(self) -> None:
        """Hear what the kernel still has of it."""
        with contextlib.suppress(OSError):
            while data := os.read(self._fd, READ_BYTES):
                self.data_received(data)

    def settle(self) -> None:
        """Its places go back; a second time nothing happens."""
        if self._timer is not None:
            self._timer.cancel()
        for place in self._places:
            place.release()
        self._places.clear()
        for task in self._looks:
            task.cancel()
        self._hub.left(self)

    def stands_beside(self, others: dict[str, int]) -> None:
        """Let it know, where that is new."""
        if others != self._beside:
            self._beside = others
            self.send(Beside(others))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        super().connection_made(transport)
        # Of our own: a word to a worker that has just died ends the transport, with records still unread.
        self._fd = os.dup(transport.get_extra_info("socket").fileno())
        self._refill()  # first: who has heard how things stand has its places
        self._hub.joined(self)

    def connection_lost(self, error: Exception | None) -> None:
        """Called by the loop: the worker has ended, or said what it cannot mean."""
        super().connection_lost(error)
        self.read_out()
        os.close(self._fd)
        self.settle()

    def _recorded(self, told: Recorded) -> None:
        """The record into the store, and to all who listen."""
        if told.placed and not self._places:
            raise Broken("a record came without the place that it should have")
        place = self._places.pop() if told.placed else self._ends.traces.reserve()
        place.put(told.record)
        self._hub.answered[self._number] += 1
        self._ends.hooks.tell(told.record)
        self._later()

    def _later(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(REFILL_S, self._refill)

    def _refill(self) -> None:
        """As many places as it may hold, or as there are; again soon where some are missing."""
        self._timer = None
        fresh = self._ends.traces.ahead(self._ends.quota - len(self._places))
        self._places += fresh
        trouble = self._ends.traces.health().last_error
        if fresh or trouble != self._trouble:
            self._trouble = trouble
            self.send(Places(len(fresh), trouble))
        if len(self._places) < self._ends.quota:
            self._later()

    async def _show(self, look: Look) -> None:
        try:
            answer: Seen | Refused = Seen(look.id, await self._ends.views[look.view](look.about))
        except CascadeError as error:
            answer = refusal(look.id, error)
        except Exception as error:  # noqa: BLE001 - a fault of ours must not keep who asked waiting for good
            log.error("%s was not shown\n%s", look.view, whereabouts(error))
            answer = refusal(look.id, CascadeError(f"gpu-cascade itself failed: {type(error).__name__}"))
        self.send(answer)
