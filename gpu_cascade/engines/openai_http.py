"""An engine at an OpenAI-compatible address: a Unix socket of ours, or a URL."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from ..errors import DeadlineExceeded, EngineError, EngineLost
from ..types import Delta, Final, Request, TokenLogprob, Use
from .base import BROKEN_OFF, Enough, Pieces
from .wire import ENGINE_PARAMS, ChatBody, SseReader, decode_chat

CONNECT_S = 5.0


@dataclass(frozen=True, slots=True)
class Address:
    """Where an engine answers: `url` ends in /v1; with `socket` set, it goes through that Unix socket."""

    url: str
    model: str
    socket: Path | None = None
    key: str | None = None
    ranks: bool = False  # it serves by priority: escalated requests before the others


class OpenAIHttp:
    """One pooled client for one engine. Closing a stream or cancelling `answer` aborts the engine's work."""

    def __init__(self, name: str, address: Address) -> None:
        self.name = name
        self._address = address
        self._session: aiohttp.ClientSession | None = None

    async def answer(self, request: Request) -> Final:
        """The whole answer in one response."""
        async with self._post(request, stream=False) as response:
            with self._ours(request):
                body = self._decode(await response.read())
        if not body.choices:
            raise EngineError(f"{self.name} sent an answer without choices")
        choice = body.choices[0]
        tokens = None if choice.logprobs is None else tuple(choice.logprobs.content or ())
        message = choice.message
        return self._final(message.content or "", message.thoughts(), choice.finish_reason, tokens, body)

    async def stream(self, request: Request) -> Pieces:
        """Deltas as the engine sends them, then the `Final` made of them."""
        parts = _Parts()
        async with self._post(request, stream=True) as response:
            with self._ours(request):
                async for body in self._bodies(response):
                    delta = parts.add(body)
                    if delta is None:
                        continue
                    try:
                        yield delta
                    except Enough:
                        parts.finish_reason = BROKEN_OFF
                        break
        if parts.finish_reason is None:
            raise EngineLost(f"{self.name} broke off after {len(parts.texts)} pieces of its answer")
        tokens = tuple(parts.tokens) if parts.has_logprobs else None
        yield self._final(
            "".join(parts.texts), "".join(parts.thoughts), parts.finish_reason, tokens, parts.last
        )

    async def close(self) -> None:
        """Drop the pool; what still runs on it is aborted."""
        if self._session is not None:
            await self._session.close()

    @asynccontextmanager
    async def _post(self, request: Request, *, stream: bool) -> AsyncIterator[aiohttp.ClientResponse]:
        url = f"{self._address.url}/chat/completions"
        with self._ours(request):
            response = await self._client().post(
                url, data=self._body(request, stream), timeout=_timeout(request.left_s())
            )
        try:
            if response.status != 200:
                with self._ours(request):
                    raise _refusal(self.name, response.status, await response.read())
            yield response
        finally:
            response.close()  # not `release`: an unread rest must abort the engine's work, not be drained

    def _client(self) -> aiohttp.ClientSession:
        """The session, made on first use: aiohttp wants a running loop."""
        if self._session is None:
            socket = self._address.socket
            connector = (
                aiohttp.UnixConnector(str(socket), limit=0) if socket else aiohttp.TCPConnector(limit=0)
            )
            headers = {"content-type": "application/json"}
            if self._address.key:
                headers["authorization"] = f"Bearer {self._address.key}"
            self._session = aiohttp.ClientSession(connector=connector, headers=headers)
        return self._session

    def _body(self, request: Request, stream: bool) -> bytes:
        params = {key: value for key, value in request.params.items() if key in ENGINE_PARAMS}
        body: dict[str, Any] = {"model": self._address.model, "messages": request.messages, **params}
        if request.logprobs is not None:
            body |= {"logprobs": True, "top_logprobs": request.logprobs}
        if self._address.ranks:
            body["priority"] = 0 if request.urgent else 1  # lower is sooner
        if stream:
            body |= {"stream": True, "stream_options": self._stream_options()}
        return msgspec.json.encode(body)

    def _stream_options(self) -> dict[str, bool]:
        """Usage at the end; our own engines say it with each piece, for streams that are broken off."""
        ours = self._address.socket is not None
        return {"include_usage": True, **({"continuous_usage_stats": True} if ours else {})}

    async def _bodies(self, response: aiohttp.ClientResponse) -> AsyncIterator[ChatBody]:
        reader = SseReader()
        async for data in response.content.iter_any():
            for payload in reader.feed(data):
                if payload != b"[DONE]":
                    yield self._decode(payload)

    def _decode(self, data: bytes) -> ChatBody:
        try:
            body = decode_chat(data)
        except msgspec.MsgspecError as error:
            raise EngineError(f"{self.name} sent {len(data)} bytes that are no chat answer") from error
        if body.error is not None:
            raise _refusal(self.name, 502, data)
        return body

    def _final(
        self,
        text: str,
        reasoning: str,
        finish_reason: str | None,
        tokens: tuple[TokenLogprob, ...] | None,
        body: ChatBody,
    ) -> Final:
        if finish_reason == "abort":  # vLLM answers 200 with what it had when it went to sleep or was paused
            raise EngineError(f"{self.name} aborted its answer")
        spent = body.usage
        known = (spent.prompt_tokens, spent.completion_tokens or 0) if spent else (0, len(tokens or ()))
        return Final(text, finish_reason or "stop", self.name, tokens, reasoning, (Use(self.name, *known),))

    @contextmanager
    def _ours(self, request: Request) -> Iterator[None]:
        """Foreign errors become ours at this border."""
        try:
            yield
        except TimeoutError as error:
            if request.deadline is None or request.left_s():
                raise EngineError(f"{self.name} did not take the connection in {CONNECT_S:.0f} s") from error
            raise DeadlineExceeded(f"{self.name} did not answer before the request's deadline") from error
        except (aiohttp.ClientError, ConnectionError) as error:
            raise EngineLost(f"{self.name} broke the connection ({type(error).__name__})") from error


class _Parts:
    """What a stream has brought so far."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.thoughts: list[str] = []
        self.tokens: list[TokenLogprob] = []
        self.has_logprobs = False
        self.finish_reason: str | None = None
        self.last = ChatBody()

    def add(self, body: ChatBody) -> Delta | None:
        """Take a chunk in; the piece of answer in it, if there is one."""
        if body.usage is not None:
            self.last = body
        if not body.choices:
            return None
        choice = body.choices[0]
        text, thoughts = choice.delta.content or "", choice.delta.thoughts()
        tokens = tuple(choice.logprobs.content or ()) if choice.logprobs else ()
        self.finish_reason = choice.finish_reason or self.finish_reason
        self.has_logprobs = self.has_logprobs or bool(tokens)
        self.texts.append(text)
        self.thoughts.append(thoughts)
        self.tokens.extend(tokens)
        return Delta(text, thoughts, tokens) if text or thoughts or tokens else None


def _timeout(left_s: float | None) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=left_s, sock_connect=CONNECT_S)


class _ErrorBody(msgspec.Struct, frozen=True):
    message: str = ""
    param: str | None = None


def _refusal(name: str, status: int, data: bytes) -> EngineError:
    """An engine's error as ours: its sentence, its parameter; 4xx keeps its status, the rest is a 502."""
    try:
        decoded = msgspec.json.decode(data)
        error = msgspec.convert(decoded.get("error", decoded), _ErrorBody)
    except (msgspec.MsgspecError, AttributeError):
        error = _ErrorBody()
    message = error.message or f"{len(data)} bytes without a message"
    kept = status if 400 <= status < 500 and status not in {401, 403, 404, 408, 429} else 502
    return EngineError(f"{name} answered {status}: {message}", status=kept, param=error.param)
