"""One request and its answer: ask, answer whole or as a stream, and leave a decision record either way."""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Protocol

from starlette.types import Receive, Scope, Send

from ..engines.base import Answerer, Pieces
from ..errors import CascadeError, whereabouts
from ..events import Answered, Failed
from ..traces import Reservation
from ..types import ANONYMOUS, Decision, Delta, Final
from . import shape
from .asked import Asked
from .guards import caller_of
from .http import ClientGone, read_body, respond, respond_error, start, until_gone
from .parts import Parts

log = logging.getLogger(__name__)

CLIENT_GONE = 499
TOGETHER = 64  # events in one write: each takes 5 us in uvicorn, alone or not
SSE = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-cache")]


class Chunks(Protocol):
    """The events of one stream, ready to send."""

    def opening(self) -> bytes:
        """What comes before the first piece."""

    def piece(self, delta: Delta) -> bytes:
        """A piece of an answer."""

    def closing(self, final: Final) -> bytes:
        """The end, with the cascade object, the usage if it was asked for, and `[DONE]`."""


@dataclass(frozen=True, slots=True)
class Format:
    """How a body is read (`read(data, deadline_s)`), and how an answer is written, whole or in chunks."""

    read: Callable[[bytes, float], Asked]
    whole: Callable[[Asked, Final], bytes]
    chunks: Callable[[Asked], Chunks]


class Endpoint:
    """An endpoint that answers, as an ASGI application."""

    def __init__(self, parts: Parts, style: Format) -> None:
        self._parts, self._format = parts, style

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        exchange = _Exchange(self._parts, self._format, scope, receive, send)
        try:
            await exchange.run()
        except ClientGone:
            exchange.failed(CLIENT_GONE)
        except CascadeError as error:
            exchange.failed(error.status)
            await exchange.tell(error)
        except Exception as error:  # noqa: BLE001 - the client is told, whatever it is
            log.error("request %s failed\n%s", exchange.id, whereabouts(error))
            exchange.failed(500)
            await exchange.tell(
                CascadeError(f"internal error ({type(error).__name__}), see the gateway's log")
            )


class _Exchange:
    """One request and its answer on one connection."""

    def __init__(self, parts: Parts, style: Format, scope: Scope, receive: Receive, send: Send) -> None:
        self._parts, self._format, self._receive, self._send = parts, style, receive, send
        self._scope, self._caller = scope, caller_of(scope)
        self._arrived, self._at = time.monotonic(), time.time()
        self._first_token_s: float | None = None
        self._started = False
        self._waiting: list[bytes] = []  # events that go out with the next one
        self._asked: Asked | None = None

    @property
    def id(self) -> str:
        """The request's id, empty until the body was read."""
        return self._asked.request.id if self._asked else ""

    async def run(self) -> None:
        """Read, reserve, answer."""
        body = await read_body(self._receive)
        self._asked = wanted = self._owned(self._format.read(body, self._parts.limits.deadline_s))
        answerer = self._parts.model(wanted.model, self._caller)
        with self._parts.traces.reserve() as place:
            if wanted.stream:
                await until_gone(self._scope, self._stream(wanted, answerer, place))
            else:
                await self._whole(wanted, answerer, place)

    def failed(self, status: int) -> None:
        """Let the listeners know that there was no answer."""
        self._parts.hooks.tell(Failed(self.id, self._asked.model if self._asked else "", status))

    async def tell(self, error: CascadeError) -> None:
        """Let the client know: as a response, or as an event of a stream that has begun."""
        if not self._started:
            await respond_error(self._send, error, self.id or None)
            return
        await self._write(shape.error_event(error), more=False)

    def _owned(self, asked: Asked) -> Asked:
        """The same, asked by the holder of the key: what the body says of `user` is then nobody's word."""
        if self._caller.name == ANONYMOUS:
            return asked
        return replace(asked, request=replace(asked.request, caller=self._caller.name))

    async def _whole(self, wanted: Asked, answerer: Answerer, place: Reservation) -> None:
        final = await until_gone(self._scope, answerer.answer(wanted.request))
        self._record(place, wanted, final)
        body = self._format.whole(wanted, final)
        await respond(self._send, body, headers=shape.headers(wanted.request, final.decision))

    async def _stream(self, wanted: Asked, answerer: Answerer, place: Reservation) -> None:
        chunks = self._format.chunks(wanted)
        async with aclosing(answerer.stream(wanted.request)) as pieces:
            piece = await self._first(wanted, pieces)
            await self._open(wanted, piece.decision)
            self._waiting.append(chunks.opening())
            while isinstance(piece, Delta):
                self._waiting.append(chunks.piece(piece))
                if not piece.followed or len(self._waiting) == TOGETHER:
                    await self._write()
                piece = await anext(pieces)
        self._record(place, wanted, piece)
        await self._write(chunks.closing(piece), more=False)

    async def _first(self, wanted: Asked, pieces: Pieces) -> Delta | Final:
        """The first piece. While a draft is held the stream stays silent, then comments keep it open."""
        first = asyncio.ensure_future(anext(pieces))
        try:
            while not (await asyncio.wait({first}, timeout=self._parts.limits.hold_s))[0]:
                await self._open(wanted, None)
                await self._write(b": the draft is held until its verdict\n\n")
        finally:
            if not first.done():
                first.cancel()
                await asyncio.gather(first, return_exceptions=True)
        self._first_token_s = time.monotonic() - self._arrived
        return first.result()

    async def _open(self, wanted: Asked, decision: Decision | None) -> None:
        if not self._started:
            self._started = True
            await start(self._send, 200, [*SSE, *shape.headers(wanted.request, decision)])

    async def _write(self, data: bytes = b"", *, more: bool = True) -> None:
        """Send what waits, and then this."""
        body = b"".join([*self._waiting, data])
        self._waiting.clear()
        await self._send({"type": "http.response.body", "body": body, "more_body": more})

    def _record(self, place: Reservation, wanted: Asked, final: Final) -> None:
        """The record goes in before the end of the answer goes out."""
        event = self._event(wanted, final)
        place.put(event)
        self._parts.hooks.tell(event)

    def _event(self, wanted: Asked, final: Final) -> Answered:
        assert final.decision is not None
        total_s = time.monotonic() - self._arrived
        request, keep_text = wanted.request, self._parts.limits.keep_text
        return Answered(
            id=request.id,
            at=self._at,
            caller=request.caller if keep_text else self._caller.name,
            model=wanted.model,
            decision=final.decision,
            uses=final.uses,
            finish_reason=final.finish_reason,
            total_s=total_s,
            first_token_s=total_s if self._first_token_s is None else self._first_token_s,
            prompt=shape.encode(request.messages).decode() if keep_text else None,
            answer=shape.said(final) if keep_text else None,
        )
