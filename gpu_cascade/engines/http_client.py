"""Engines over plain HTTP, by a client of our own (benchmarks/gateway/clients.txt has what it saves)."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from ..errors import ConfigError
from .http_connection import Connection

CONNECT_S = 5.0


class Answer(Protocol):
    """An answer whose status has come. What waits raises `ConnectionError` or `TimeoutError`."""

    @property
    def status(self) -> int:
        """Of HTTP."""

    async def read(self) -> bytes:
        """The whole body."""

    async def some(self) -> bytes:
        """The next bytes of the body, as they come; empty at its end."""

    def close(self) -> None:
        """Needed after every answer. An unread rest aborts the engine's work."""


class Client(Protocol):
    """Asks one engine."""

    async def post(self, path: str, body: bytes, left_s: float | None) -> Answer:
        """Ask with JSON. Raises `ConnectionError`; `TimeoutError` after `left_s`, connecting `CONNECT_S`."""

    async def close(self) -> None:
        """Drop all connections; what still runs on them is aborted."""


class HttpClient:
    """Connections to one address, `http://HOST[:PORT]/PATH` or a Unix socket, kept for the next request."""

    def __init__(self, url: str, socket: Path | None, headers: Mapping[str, str]) -> None:
        at = urlsplit(url)
        self._host, self._port, self._socket = at.hostname or "", at.port or 80, socket
        self._path, self._head = at.path, _head(at.netloc, headers)
        self._idle: dict[Connection, None] = {}  # the last used last
        self._all: set[Connection] = set()

    async def post(self, path: str, body: bytes, left_s: float | None) -> Answer:
        """Ask, on the connection that was used last.

        It is asked a second time, on a new connection, only where the first cannot have brought all of the
        request: the other end of a kept one was closed before it was written.
        """
        line = f"POST {self._path}/{path} HTTP/1.1\r\n{self._head}content-length: {len(body)}\r\n\r\n"
        request = line.encode() + body
        kept = self._kept()
        if kept is not None:
            try:
                return await _asked(kept, request, left_s)
            except BrokenPipeError:
                pass
        return await _asked(await self._connected(left_s), request, left_s)

    async def close(self) -> None:
        """Drop all connections."""
        for connection in self._all:
            connection.abort()
        await asyncio.sleep(0)  # the loop closes the sockets in its next turn

    def free(self, connection: Connection) -> None:
        """Keep it for the next request."""
        self._idle[connection] = None

    def ended(self, connection: Connection) -> None:
        """Forget it."""
        self._all.discard(connection)
        self._idle.pop(connection, None)

    def _kept(self) -> Connection | None:
        while self._idle:
            connection, _ = self._idle.popitem()
            if connection.idle:
                return connection
            connection.abort()
        return None

    async def _connected(self, left_s: float | None) -> Connection:
        loop, within_s = asyncio.get_running_loop(), CONNECT_S if left_s is None else min(CONNECT_S, left_s)
        try:
            async with asyncio.timeout(within_s):
                if self._socket is not None:
                    _, made = await loop.create_unix_connection(lambda: Connection(self), str(self._socket))
                else:
                    _, made = await loop.create_connection(lambda: Connection(self), self._host, self._port)
        except TimeoutError:
            raise
        except OSError as error:  # also a socket that is not there, and a name that nobody knows
            raise ConnectionError(str(error)) from error
        self._all.add(made)
        return made


async def _asked(connection: Connection, request: bytes, left_s: float | None) -> Connection:
    connection.send(request, left_s)
    try:
        await connection.head()
    except BaseException:  # a client that left cancels: its connection must not serve the next request
        connection.close()
        raise
    return connection


def _head(host: str, headers: Mapping[str, str]) -> str:
    """What every request begins with; `ConfigError` for a header that would end before its end."""
    lines = {"host": host, "content-type": "application/json", **headers}
    for name, value in lines.items():
        if not value.isprintable():
            raise ConfigError(f"the header {name} for {host} holds a line break or another control character")
    return "".join([f"{name}: {value}\r\n" for name, value in lines.items()])
