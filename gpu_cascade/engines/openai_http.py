"""An engine at an OpenAI-compatible address: a Unix socket of ours, or a URL."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from ..errors import CascadeError, DeadlineExceeded, EngineError, EngineLost
from ..types import Delta, Final, Request
from .base import Enough, Pieces
from .blanks import bounded
from .http_client import CONNECT_S, Answer, Client, HttpClient
from .http_library import LibraryClient
from .refusal import refusal
from .said import Parts, whole
from .wire import ENGINE_PARAMS, ChatBody, SseReader, decode_chat
from .wire_text import decode_text


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
        self._client = _client(address)

    async def answer(self, request: Request) -> Final:
        """The whole answer in one response."""
        try:
            answer = await self._post(request, stream=False)
            try:
                body = self._decode(await answer.read(), request)
            finally:
                answer.close()
        except (TimeoutError, ConnectionError) as error:
            raise self._lost(error, request) from error
        if not body.choices:
            raise EngineError(f"{self.name} sent an answer without choices")
        return self._unbroken(whole(self.name, body))

    async def stream(self, request: Request) -> Pieces:
        """Deltas as the engine sends them, then the `Final` made of them."""
        reader, parts = SseReader(), Parts()
        try:
            answer = await self._post(request, stream=True)
            try:
                while data := await answer.some():
                    for delta in self._deltas(reader.feed(data), request, parts):
                        yield delta
            except Enough:
                parts.break_off()
            finally:
                answer.close()
        except (TimeoutError, ConnectionError) as error:
            raise self._lost(error, request) from error
        if not parts.done:
            raise EngineLost(f"{self.name} broke off after {parts.pieces} pieces of its answer")
        yield self._unbroken(parts.final(self.name))

    async def close(self) -> None:
        """Drop the pool; what still runs on it is aborted."""
        await self._client.close()

    async def _post(self, request: Request, *, stream: bool) -> Answer:
        """The answer, to be closed; raises for any but 200."""
        path = "completions" if request.raw else "chat/completions"
        answer = await self._client.post(path, self._body(request, stream), request.left_s())
        if answer.status != 200:
            try:
                raise refusal(self.name, answer.status, await answer.read())
            finally:
                answer.close()
        return answer

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

    def _deltas(self, payloads: list[bytes], request: Request, parts: Parts) -> Iterator[Delta]:
        """The pieces that came together; an error in their midst is raised after those before it."""
        deltas: list[Delta] = []
        error: CascadeError | None = None
        for payload in payloads:
            if payload == b"[DONE]":
                continue
            try:
                deltas += parts.add(self._decode(payload, request))
            except CascadeError as found:
                error = found
                break
        for delta in deltas[:-1]:
            delta.followed = True
        yield from deltas
        if error is not None:
            raise error

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

    def _lost(self, error: Exception, request: Request) -> CascadeError:
        """What went wrong with the connection, as an error of ours."""
        if not isinstance(error, TimeoutError):
            return EngineLost(f"{self.name} broke the connection ({error})")
        if request.deadline is None or request.left_s():
            return EngineError(f"{self.name} did not take the connection in {CONNECT_S:.0f} s")
        return DeadlineExceeded(f"{self.name} did not answer before the request's deadline")


def _client(address: Address) -> Client:
    """Our own; a library's where TLS is spoken."""
    headers = {"authorization": f"Bearer {address.key}"} if address.key else {}
    if address.url.startswith("https:"):
        return LibraryClient(address.url, headers)
    return HttpClient(address.url, address.socket, headers)
