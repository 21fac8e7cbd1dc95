"""An engine at an OpenAI-compatible address: a Unix socket of ours, or a URL."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from ..errors import DeadlineExceeded, EngineError, EngineLost
from ..types import Delta, Final, Request
from .base import Enough, Pieces
from .blanks import bounded
from .refusal import refusal
from .said import Parts, whole
from .wire import ENGINE_PARAMS, ChatBody, SseReader, decode_chat
from .wire_text import decode_text

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
                body = self._decode(await response.read(), request)
        if not body.choices:
            raise EngineError(f"{self.name} sent an answer without choices")
        return self._unbroken(whole(self.name, body))

    async def stream(self, request: Request) -> Pieces:
        """Deltas as the engine sends them, then the `Final` made of them."""
        parts = Parts()
        async with self._post(request, stream=True) as response:
            with self._ours(request):
                async for delta in self._deltas(response, request, parts):
                    try:
                        yield delta
                    except Enough:
                        parts.break_off()
                        break
        if not parts.done:
            raise EngineLost(f"{self.name} broke off after {parts.pieces} pieces of its answer")
        yield self._unbroken(parts.final(self.name))

    async def close(self) -> None:
        """Drop the pool; what still runs on it is aborted."""
        if self._session is not None:
            await self._session.close()

    @asynccontextmanager
    async def _post(self, request: Request, *, stream: bool) -> AsyncIterator[aiohttp.ClientResponse]:
        url = f"{self._address.url}/{'completions' if request.raw else 'chat/completions'}"
        with self._ours(request):
            response = await self._client().post(
                url, data=self._body(request, stream), timeout=_timeout(request.left_s())
            )
        try:
            if response.status != 200:
                with self._ours(request):
                    raise refusal(self.name, response.status, await response.read())
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
        ours = self._address.socket is not None
        body: dict[str, Any] = {"model": self._address.model, **(bounded(params) if ours else params)}
        if request.raw:
            body |= {"prompt": request.messages[0]["content"], "logprobs": request.logprobs}
        else:
            body["messages"] = request.messages
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

    async def _deltas(
        self, response: aiohttp.ClientResponse, request: Request, parts: Parts
    ) -> AsyncIterator[Delta]:
        reader = SseReader()
        async for data in response.content.iter_any():
            for payload in reader.feed(data):
                if payload == b"[DONE]":
                    continue
                for delta in parts.add(self._decode(payload, request)):
                    yield delta

    def _decode(self, data: bytes, request: Request) -> ChatBody:
        try:
            body = decode_text(data) if request.raw else decode_chat(data)
        except (msgspec.MsgspecError, ValueError) as error:
            raise EngineError(f"{self.name} sent {len(data)} bytes that are no answer") from error
        if body.error is not None:
            raise refusal(self.name, 502, data)
        return body

    def _unbroken(self, final: Final) -> Final:
        """VLLM answers 200 with what it had when it went to sleep or was paused."""
        if any(each.finish_reason == "abort" for each in (final, *final.others)):
            raise EngineError(f"{self.name} aborted its answer")
        return final

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


def _timeout(left_s: float | None) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=left_s, sock_connect=CONNECT_S)
