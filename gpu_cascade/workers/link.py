"""The worker's end: what it tells the supervisor, what it asks, and how things stand there."""

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from ..events import Event, Failed
from ..traces import Record
from ..vram.credits.messages import Refused, raised
from ..vram.credits.purse import away
from ..vram.credits.wire import Wire
from .messages import (
    LONGEST_BYTES,
    RECORD,
    WORKER_HEARS,
    Beside,
    Look,
    Missed,
    News,
    Places,
    Seen,
    ToWorker,
    View,
)


@dataclass(frozen=True, slots=True)
class Ears:
    """Who hears what the supervisor says; `lost` when it says nothing any more."""

    news: Callable[[News], None]
    beside: Callable[[Beside], None]
    lost: Callable[[], None]


class Link(Wire[ToWorker]):
    """One connection. What is sent is with the kernel at once, or `through` waits until it is.

    The kernel delivers what it has even when this process is killed.
    """

    def __init__(self, ears: Ears) -> None:
        super().__init__(WORKER_HEARS, LONGEST_BYTES)
        self.news: asyncio.Future[News] = asyncio.get_running_loop().create_future()
        self.free = 0  # places for records that no request uses
        self.trouble: str | None = None  # why records cannot be written
        self._ears = ears
        self._asked: dict[int, asyncio.Future[bytes]] = {}
        self._ids = itertools.count()
        self._left = False
        self._flowing = asyncio.Event()
        self._flowing.set()

    def heard(self, message: ToWorker) -> None:
        """One of the five things the supervisor says."""
        if isinstance(message, News):
            self._ears.news(message)
            if not self.news.done():
                self.news.set_result(message)
        elif isinstance(message, Places):
            self.free += message.count
            self.trouble = message.trouble
        elif isinstance(message, Beside):
            self._ears.beside(message)
        elif (asked := self._asked.get(message.id)) is not None and not asked.done():
            self._answer(asked, message)

    async def through(self) -> None:
        """Until the kernel has all that was sent."""
        await self._flowing.wait()

    def tell(self, event: Event) -> None:
        """A listener of what happens here: who was not answered is counted by the supervisor."""
        if isinstance(event, Failed):
            self.send(Missed(event))

    async def find(self, decision: str) -> Record | None:
        """The decision record of that id; None where there is none."""
        body = await self.view("decision", decision)
        return RECORD.decode(body) if body else None

    async def view(self, view: View, about: str = "") -> bytes:
        """What the supervisor shows, empty where there is none.

        Raises what kept it from that, `TierDown` where it is gone.
        """
        if not self.open:
            raise away()
        ask_id = next(self._ids)
        asked: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._asked[ask_id] = asked
        try:
            self.send(Look(ask_id, view, about))
            return await asked
        finally:
            del self._asked[ask_id]

    def leave(self) -> None:
        """End the connection in order: what was sent arrives, and nobody is told that it is lost."""
        self._left = True
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        super().connection_made(transport)
        # Above no bytes at all: then a write goes to the kernel at once, also with uvloop, which else
        # gathers what one turn of the loop writes.
        cast("asyncio.Transport", transport).set_write_buffer_limits(high=0)

    def pause_writing(self) -> None:
        """Called by the loop: the kernel takes no more for now."""
        self._flowing.clear()

    def resume_writing(self) -> None:
        """Called by the loop: it has all of it."""
        self._flowing.set()

    def connection_lost(self, error: Exception | None) -> None:
        """Called by the loop: the supervisor has ended, or we said what we cannot mean."""
        super().connection_lost(error)
        self._flowing.set()
        if not self.news.done():
            self.news.set_exception(away())
        for asked in self._asked.values():
            if not asked.done():
                asked.set_exception(away())
        if not self._left:
            self._ears.lost()

    def _answer(self, asked: "asyncio.Future[bytes]", said: Seen | Refused) -> None:
        if isinstance(said, Refused):
            asked.set_exception(raised(said))
        else:
            asked.set_result(said.body)


async def linked(socket: Path, ears: Ears) -> Link:
    """A connection over which the supervisor has said how things stand. Raises `TierDown` without one."""
    try:
        _, link = await asyncio.get_running_loop().create_unix_connection(lambda: Link(ears), str(socket))
    except OSError as error:
        raise away() from error
    await link.news
    return link
