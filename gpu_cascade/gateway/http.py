"""The few ASGI steps that every handler needs."""

import asyncio
import math
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from starlette.types import Receive, Scope, Send

from ..errors import CascadeError, TooLarge
from . import shape

T = TypeVar("T")
BODY_LIMIT_MIB = 16
LEAVING = "gpu_cascade.leaving"  # in the ASGI scope: the `Leaving` of its connection


class ClientGone(Exception):
    """The client closed the connection; what was running for it has been cancelled."""


class Leaving:
    """Whom to call when a client leaves; at once where it has left already."""

    def __init__(self) -> None:
        self._calls: set[Callable[[], None]] = set()
        self._left = False

    def add(self, call: Callable[[], None]) -> None:
        """From now on."""
        self._calls.add(call)
        if self._left:
            call()

    def discard(self, call: Callable[[], None]) -> None:
        """No longer."""
        self._calls.discard(call)

    def left(self) -> None:
        """It has left."""
        self._left = True
        for call in tuple(self._calls):
            call()


async def read_body(receive: Receive) -> bytes:
    """The whole body, up to the limit."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > BODY_LIMIT_MIB << 20:
            raise TooLarge(f"the body is larger than {BODY_LIMIT_MIB} MiB")
        if not message.get("more_body"):
            return b"".join(parts)


async def until_gone(scope: Scope, work: Coroutine[Any, Any, T]) -> T:
    """The work's result; `ClientGone` as soon as nobody waits for it any more, the work then cancelled.

    The server tells (`server.py`). A task that asks ASGI's `receive` would know as well, for 40 us a request.
    """
    task, leaving, gone = asyncio.current_task(), scope[LEAVING], False
    assert task is not None

    def leave() -> None:
        nonlocal gone
        gone = True
        task.cancel()

    leaving.add(leave)
    try:
        return await work
    except asyncio.CancelledError:
        if gone and not task.uncancel():
            raise ClientGone from None
        raise
    finally:
        leaving.discard(leave)


async def start(send: Send, status: int, headers: list[tuple[bytes, bytes]]) -> None:
    """Status and headers."""
    await send({"type": "http.response.start", "status": status, "headers": headers})


async def respond(
    send: Send, body: bytes, status: int = 200, headers: list[tuple[bytes, bytes]] | None = None
) -> None:
    """A whole JSON response."""
    length = (b"content-length", str(len(body)).encode())
    await start(send, status, [(b"content-type", b"application/json"), length, *(headers or [])])
    await send({"type": "http.response.body", "body": body})


async def respond_error(send: Send, error: CascadeError, request_id: str | None = None) -> None:
    """A failure, with `Retry-After` where waiting helps."""
    headers = [] if request_id is None else [(b"x-cascade-id", request_id.encode())]
    if error.retry_after_s is not None:
        headers.append((b"retry-after", str(math.ceil(error.retry_after_s)).encode()))
    await respond(send, shape.encode(shape.error_body(error)), error.status, headers)


def is_http(scope: Scope) -> bool:
    """Whether this is a request (and not a lifespan or websocket event)."""
    return bool(scope["type"] == "http")
