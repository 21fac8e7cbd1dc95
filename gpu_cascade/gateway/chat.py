"""`POST /v1/chat/completions`: ask, answer whole or as a stream, and leave a decision record either way."""

import asyncio
import logging
import time
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass

from starlette.types import Receive, Scope, Send

from ..engines.base import Answerer, Pieces
from ..errors import CascadeError, UnknownModel
from ..events import Answered, Failed, Hooks
from ..traces import Reservation, Traces
from ..types import Decision, Delta, Final
from . import asked, shape
from .asked import Asked
from .http import ClientGone, read_body, respond, respond_error, start, until_gone

log = logging.getLogger(__name__)

CLIENT_GONE = 499
SSE = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-cache")]


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a request may take, how long a stream stays silent before its first comment (seconds)."""

    deadline_s: float
    hold_s: float
    keep_text: bool = False  # whether decision records hold prompt and answer


class ChatCompletions:
    """The endpoint, as an ASGI application. `models` are the names a client may ask for."""

    def __init__(self, models: Mapping[str, Answerer], traces: Traces, hooks: Hooks, limits: Limits) -> None:
        self._models, self._traces, self._hooks, self._limits = models, traces, hooks, limits

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        exchange = _Exchange(self, receive, send)
        try:
            await exchange.run()
        except ClientGone:
            self.failed(exchange, CLIENT_GONE)
        except CascadeError as error:
            self.failed(exchange, error.status)
            await exchange.fail(error)
        except Exception as error:
            # The sentence says nothing of the request; the log has the trace, which holds no text either.
            log.exception("request %s failed", exchange.id)
            self.failed(exchange, 500)
            await exchange.fail(
                CascadeError(f"internal error ({type(error).__name__}), see the gateway's log")
            )

    def failed(self, exchange: "_Exchange", status: int) -> None:
        """Tell that a request got no answer."""
        model = exchange.asked.model if exchange.asked else ""
        self._hooks.tell(Failed(exchange.id, model, status))

    def find(self, model: str) -> Answerer:
        """The engine or cascade of that name."""
        if model not in self._models:
            known = ", ".join(self._models)
            raise UnknownModel(f"there is no model {model!r} here; known: {known}", param="model")
        return self._models[model]

    @property
    def limits(self) -> Limits:
        """What the configuration allows."""
        return self._limits

    def reserve(self) -> Reservation:
        """A place for the decision record, before anything is spent."""
        return self._traces.reserve()

    def record(self, place: Reservation, event: Answered) -> None:
        """The record goes in before the answer goes out."""
        place.put(event)
        self._hooks.tell(event)


class _Exchange:
    """One request and its answer on one connection."""

    def __init__(self, chat: ChatCompletions, receive: Receive, send: Send) -> None:
        self._chat, self._receive, self._send = chat, receive, send
        self._arrived, self._at = time.monotonic(), time.time()
        self._first_token_s: float | None = None
        self._started = False
        self.asked: Asked | None = None

    @property
    def id(self) -> str:
        """The request's id, empty until the body was read."""
        return self.asked.request.id if self.asked else ""

    async def run(self) -> None:
        """Read, reserve, answer."""
        body = await read_body(self._receive)
        self.asked = wanted = asked.read(body, self._chat.limits.deadline_s)
        answerer = self._chat.find(wanted.model)
        with self._chat.reserve() as place:
            if wanted.stream:
                await until_gone(self._receive, self._stream(wanted, answerer, place))
            else:
                await self._whole(wanted, answerer, place)

    async def fail(self, error: CascadeError) -> None:
        """As a response, or as an event of a stream that has begun."""
        if not self._started:
            await respond_error(self._send, error, self.id or None)
            return
        await self._write(shape.error_event(error), more=False)

    async def _whole(self, wanted: Asked, answerer: Answerer, place: Reservation) -> None:
        final = await until_gone(self._receive, answerer.answer(wanted.request))
        self._chat.record(place, self._event(wanted, final))
        body = shape.completion(wanted.model, wanted.request, final)
        await respond(self._send, body, headers=shape.headers(wanted.request, final.decision))

    async def _stream(self, wanted: Asked, answerer: Answerer, place: Reservation) -> None:
        chunks = shape.Chunks(wanted.model, wanted.request, include_usage=wanted.include_usage)
        async with aclosing(answerer.stream(wanted.request)) as pieces:
            piece = await self._first(wanted, pieces)
            await self._open(wanted, piece.decision)
            await self._write(chunks.opening())
            while isinstance(piece, Delta):
                await self._write(chunks.piece(piece))
                piece = await anext(pieces)
        self._chat.record(place, self._event(wanted, piece))
        await self._write(chunks.closing(piece), more=False)

    async def _first(self, wanted: Asked, pieces: Pieces) -> Delta | Final:
        """The first piece. While a draft is held the stream stays silent, then comments keep it open."""
        first = asyncio.ensure_future(anext(pieces))
        try:
            while not (await asyncio.wait({first}, timeout=self._chat.limits.hold_s))[0]:
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

    async def _write(self, data: bytes, *, more: bool = True) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": more})

    def _event(self, wanted: Asked, final: Final) -> Answered:
        assert final.decision is not None
        total_s = time.monotonic() - self._arrived
        request, keep_text = wanted.request, self._chat.limits.keep_text
        return Answered(
            id=request.id,
            at=self._at,
            caller=request.caller,
            model=wanted.model,
            decision=final.decision,
            uses=final.uses,
            finish_reason=final.finish_reason,
            total_s=total_s,
            first_token_s=total_s if self._first_token_s is None else self._first_token_s,
            prompt=shape.encode(request.messages).decode() if keep_text else None,
            answer=final.text if keep_text else None,
        )
