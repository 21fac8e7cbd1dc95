"""The supervisor's side: places go out as credits, and come back whatever becomes of who holds them."""

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from ...engines.base import Lease
from ...errors import CascadeError, whereabouts
from .messages import OFFICE_HEARS, Ask, Back, Granted, Refused, Revoked, ToOffice, refusal
from .wire import Broken, Wire

log = logging.getLogger(__name__)


class Places(Protocol):
    """What the office needs of the scheduler."""

    async def take(self, engine: str, *, urgent: bool) -> Lease:
        """A place, once there is one; raises `TierDown` or `Busy`. Cancelled, it takes none."""

    def give_back(self, engine: str) -> None:
        """It is free again."""

    def came(self, engine: str, count: int) -> None:
        """So many requests more came than were asked for."""

    def calm(self, engine: str) -> bool:
        """Whether it takes requests and nobody waits for it: who has a place of it may keep it."""

    def listen(self, hook: Callable[[], None]) -> None:
        """Call `hook` in the step in which an engine may have ceased to be calm."""


class Office:
    """Where gateway workers get places, and give them back.

    Credits of an engine belong to an epoch. It is over as soon as somebody waits for the engine or it takes
    no requests; until it is calm again a place serves one request and comes back.
    """

    def __init__(self, places: Places) -> None:
        self.places = places
        self.accounts: set[Account] = set()
        self._epochs: defaultdict[str, int] = defaultdict(lambda: 1)
        self._kept: set[str] = set()  # engines of whose present epoch credits went out
        self._server: asyncio.Server | None = None
        places.listen(self._look)

    async def open(self, path: Path) -> None:
        """Serve at a Unix socket, in a folder that only we can enter."""
        self._server = await asyncio.get_running_loop().create_unix_server(lambda: Account(self), path)

    async def close(self) -> None:
        """Serve nobody any more; what workers hold goes back. Comes before the scheduler's own end."""
        if self._server is not None:
            self._server.close()
        for account in list(self.accounts):
            account.settle()
            account.end()

    def epoch(self, engine: str) -> int:
        """The epoch of a credit that goes out now; 0 for one that may not be kept."""
        if not self.places.calm(engine):
            return 0
        self._kept.add(engine)
        return self._epochs[engine]

    def _look(self) -> None:
        for engine in [engine for engine in self._kept if not self.places.calm(engine)]:
            self._kept.discard(engine)
            revoked = Revoked(engine, self._epochs[engine])
            self._epochs[engine] += 1
            for account in self.accounts:
                if account.held[engine]:
                    account.send(revoked)


class Account(Wire[ToOffice]):
    """One worker: the places it holds, and those who wait in it. All of it goes back with the connection."""

    def __init__(self, office: Office) -> None:
        super().__init__(OFFICE_HEARS)
        self.held: Counter[str] = Counter()
        self._office, self._places = office, office.places
        self._asks: dict[int, asyncio.Task[None]] = {}

    def heard(self, message: ToOffice) -> None:
        """One of the three things a worker says."""
        if isinstance(message, Ask):
            self._ask(message)
        elif isinstance(message, Back):
            self._back(message)
        elif (task := self._asks.pop(message.id, None)) is not None:
            task.cancel()

    def settle(self) -> None:
        """Everything goes back, and nobody of this worker waits; a second time nothing happens."""
        self._office.accounts.discard(self)
        for task in self._asks.values():
            task.cancel()
        self._asks.clear()
        held, self.held = self.held, Counter()
        for engine in held.elements():
            self._places.give_back(engine)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        super().connection_made(transport)
        self._office.accounts.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        """Called by the loop: the worker has ended, or said what it cannot mean."""
        super().connection_lost(error)
        self.settle()

    def _ask(self, ask: Ask) -> None:
        if ask.id in self._asks:
            raise Broken(f"asked {ask.id} twice")
        self._asks[ask.id] = asyncio.create_task(self._serve(ask))

    async def _serve(self, ask: Ask) -> None:
        try:
            place = await self._places.take(ask.engine, urgent=ask.urgent)
        except CascadeError as error:
            answer: Granted | Refused = refusal(ask.id, error)
        except Exception as error:  # noqa: BLE001 - a fault of ours must not keep a request waiting for good
            log.error("no place on %s\n%s", ask.engine, whereabouts(error))
            answer = refusal(ask.id, CascadeError(f"gpu-cascade itself failed: {type(error).__name__}"))
        else:
            # No await since the place was taken: cancelled, it either never was or is in `held`.
            self.held[ask.engine] += 1
            answer = Granted(ask.id, ask.engine, self._office.epoch(ask.engine), place.version)
        self._asks.pop(ask.id, None)
        self.send(answer)

    def _back(self, back: Back) -> None:
        held = self.held[back.engine]
        if not held or back.places > held:
            raise Broken(f"{back.places} places of {back.engine} came back, {held} were out")
        if back.reused:
            self._places.came(back.engine, back.reused)
        self.held[back.engine] -= back.places
        for _ in range(back.places):
            self._places.give_back(back.engine)
