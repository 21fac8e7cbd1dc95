"""A client that sends a body as it stands, over a port or a Unix socket, and keeps what comes back."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import msgspec

from .pair import Asked, Pair

PATIENCE_S = 300.0


@dataclass(frozen=True, slots=True)
class Asker:
    """One connection to `url`, which has no path."""

    url: str
    http: aiohttp.ClientSession

    async def ask(self, asked: Asked) -> tuple[int, bytes]:
        """Status and bytes of the answer, a stream read to its end."""
        body = msgspec.json.encode(asked.body)
        async with self.http.post(self.url + asked.path, data=body) as response:
            return response.status, await response.read()

    async def pair(self, asked: Asked) -> Pair:
        """The request with its answer."""
        status, data = await self.ask(asked)
        return Pair(asked, status, data.decode())


@asynccontextmanager
async def asker(url: str, socket: Path | None = None) -> AsyncIterator[Asker]:
    """One request at a time."""
    connector = aiohttp.UnixConnector(str(socket), limit=1) if socket else aiohttp.TCPConnector(limit=1)
    timeout = aiohttp.ClientTimeout(total=PATIENCE_S)
    headers = {"content-type": "application/json"}
    async with aiohttp.ClientSession(connector=connector, timeout=timeout, headers=headers) as http:
        yield Asker(url, http)
