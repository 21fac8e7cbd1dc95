"""The public port: taken before anything else is started, served until told to stop."""

import asyncio
import contextlib
import gc
import socket
from collections.abc import AsyncIterator, Iterator
from typing import cast

import uvicorn
from starlette.types import ASGIApp, Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ..errors import ConfigError
from .http import LEAVING, Leaving

YOUNG = 20_000  # objects more than before that start a collection
DRAIN_S = 10  # how long running answers may finish after a stop


def listen(host: str, port: int) -> socket.socket:
    """The listening socket. Taken first: a busy port must not cost two engine boots to find out."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    taken = socket.socket(family, socket.SOCK_STREAM)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind((host, port))
        taken.listen(1024)
    except OSError as error:
        taken.close()
        raise ConfigError(
            f"cannot listen on {host}:{port}: {error.strerror}; stop what uses that port "
            f"or choose another (gateway.port in models.yaml, --port)"
        ) from error
    return taken


def address(taken: socket.socket) -> str:
    """Where clients find it, as a URL without a path."""
    host, port = taken.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class _Connection(HttpToolsProtocol):
    """Uvicorn's, which also tells at once that the client has left."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._leaving = Leaving()
        super().connection_made(cast("asyncio.Transport", transport))

    def on_message_begin(self) -> None:
        super().on_message_begin()
        cast("Scope", self.scope)[LEAVING] = self._leaving

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._leaving.left()


class _Server(uvicorn.Server):
    """Uvicorn without its signal handlers: it would re-raise SIGTERM before the engines were stopped."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to whoever owns the process."""
        yield


@contextlib.asynccontextmanager
async def serving(app: ASGIApp, taken: socket.socket) -> AsyncIterator[None]:
    """Serve `app` on the socket while the block runs; then let running answers finish for `DRAIN_S`."""
    server = _Server(
        uvicorn.Config(
            app,
            http=_Connection,
            lifespan="off",
            access_log=False,
            log_level="warning",
            server_header=False,
            timeout_graceful_shutdown=DRAIN_S,
        )
    )
    task = asyncio.create_task(server.serve(sockets=[taken]))
    try:
        while not server.started:
            if task.done():
                await task
            await asyncio.sleep(0.005)
        with _few_collections():
            yield
    finally:
        server.should_exit = True
        await task


@contextlib.contextmanager
def _few_collections() -> Iterator[None]:
    """Leave what lives as long as the process to itself, and look for cycles seldom.

    Answers make none. With Python's 700 objects every second answer started a collection, and those took a
    fifth of the processor.
    """
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
