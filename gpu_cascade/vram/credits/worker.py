"""A gateway worker's side: `Leases` over a socket to the process that owns the engines."""

import asyncio
import logging
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from ...engines.base import Lease
from ...types import Request
from .purse import RETRY_S, Purse, away

log = logging.getLogger(__name__)

FIRST_RETRY_S = 0.05  # then twice as long each time, up to `RETRY_S`


class CreditLeases:
    """`Leases` by credits of the office. While it is away requests get `TierDown`; it is asked again."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._purse = Purse(self._lost)
        self._retry: asyncio.Task[None] | None = None
        self._closed = False

    async def open(self) -> None:
        """Connect; raises `TierDown` where nobody answers at the socket."""
        try:
            await self._connect()
        except OSError as error:
            raise away() from error

    async def close(self) -> None:
        """Leave: all places go back with the connection."""
        self._closed = True
        if self._retry is not None:
            self._retry.cancel()
        self._purse.end()

    def lease(self, engine: str, request: Request) -> AbstractAsyncContextManager[Lease]:
        """A place on `engine`; raises `TierDown`, `Busy` (queue full) or `DeadlineExceeded`."""
        return self._purse.lease(engine, request)

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        _, self._purse = await loop.create_unix_connection(lambda: Purse(self._lost), str(self._socket))

    def _lost(self) -> None:
        if not self._closed:
            log.warning("the process that owns the engines is gone; reconnecting")
            self._retry = asyncio.create_task(self._reconnect())

    async def _reconnect(self) -> None:
        wait_s = FIRST_RETRY_S
        while True:
            await asyncio.sleep(wait_s)
            try:
                return await self._connect()
            except OSError:
                wait_s = min(2 * wait_s, RETRY_S)
