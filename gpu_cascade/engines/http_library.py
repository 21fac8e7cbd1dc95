"""Engines behind TLS, by aiohttp."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import aiohttp

from .http_client import CONNECT_S, Answer


class LibraryClient:
    """The same as `HttpClient`, for `https` addresses."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        self._url, self._headers = url, {"content-type": "application/json", **headers}
        self._session: aiohttp.ClientSession | None = None

    async def post(self, path: str, body: bytes, left_s: float | None) -> Answer:
        """Ask with JSON."""
        timeout = aiohttp.ClientTimeout(total=left_s, sock_connect=CONNECT_S)
        with _plain():
            return _Answer(await self._client().post(f"{self._url}/{path}", data=body, timeout=timeout))

    async def close(self) -> None:
        """Drop the pool."""
        if self._session is not None:
            await self._session.close()

    def _client(self) -> aiohttp.ClientSession:
        """Made on first use: aiohttp wants a running loop."""
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=0)
            self._session = aiohttp.ClientSession(connector=connector, headers=self._headers)
        return self._session


class _Answer:
    """One of aiohttp's."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response, self.status = response, response.status

    async def read(self) -> bytes:
        """The whole body."""
        with _plain():
            return await self._response.read()

    async def some(self) -> bytes:
        """The next bytes."""
        with _plain():
            return await self._response.content.readany()

    def close(self) -> None:
        """Not `release`: an unread rest must abort the engine's work, not be drained."""
        self._response.close()


@contextmanager
def _plain() -> Iterator[None]:
    """Its errors as Python's own. Its timeouts are that already, of connecting too: those are both."""
    try:
        yield
    except TimeoutError:
        raise
    except aiohttp.ClientError as error:
        raise ConnectionError(type(error).__name__) from error
