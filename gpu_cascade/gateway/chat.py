"""`POST /v1/chat/completions`: how chats are written, whole and in chunks."""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from ..types import Delta, Final, Request, TokenLogprob, ToolCallPiece
from . import shape
from .asked import Asked, read_chat
from .exchange import Endpoint, Format
from .parts import Parts


def chat_completions(parts: Parts) -> Endpoint:
    """The endpoint."""
    return Endpoint(parts, Format(read_chat, completion, Chunks))


def completion(asked: Asked, final: Final) -> bytes:
    """A `chat.completion`."""
    choices = [_choice(place, one, asked.request) for place, one in enumerate(shape.choices(final))]
    return shape.whole(asked, "chat.completion", choices, final)


def _choice(place: int, final: Final, request: Request) -> dict[str, Any]:
    content = None if final.tool_calls and not final.text else final.text
    message: dict[str, Any] = {"role": "assistant", "content": content, "refusal": None}
    if final.reasoning:
        message["reasoning_content"] = final.reasoning
    if final.tool_calls:
        message["tool_calls"] = final.tool_calls
    logprobs = _logprobs(final.tokens, request)
    return {"index": place, "message": message, "logprobs": logprobs, **shape.ends(final)}


class _Said(msgspec.Struct, omit_defaults=True):
    """What a chunk adds to the message."""

    content: str | UnsetType = UNSET
    reasoning_content: str | UnsetType = UNSET
    tool_calls: tuple[ToolCallPiece, ...] | UnsetType = UNSET


class _Logprobs(msgspec.Struct):
    """Of a chunk's tokens, or of a whole answer's."""

    content: Sequence[TokenLogprob]
    refusal: None = None


class _Piece(msgspec.Struct):
    """A chunk's choice."""

    index: int
    delta: _Said
    logprobs: _Logprobs | None
    finish_reason: None = None


class Chunks:
    """The events of one stream, ready to send."""

    def __init__(self, asked: Asked) -> None:
        self._request = asked.request
        self._events = shape.Events(asked, "chat.completion.chunk")
        self._as_sent: bool | None = None  # whether the tokens have what the client wants and no more

    def opening(self) -> bytes:
        """The chunks that name the role, one for each choice."""
        said = {"role": "assistant", "content": ""}
        count = self._request.params.get("n", 1)
        return b"".join([self._events.event([_delta(place, said)]) for place in range(count)])

    def piece(self, delta: Delta) -> bytes:
        """A piece of text, of reasoning or of a tool call."""
        said = _Said()
        if delta.text or not delta.tool_calls:
            said.content = delta.text
        if delta.reasoning:
            said.reasoning_content = delta.reasoning
        if delta.tool_calls:
            said.tool_calls = delta.tool_calls
        logprobs = self._logprobs(delta.tokens) if delta.tokens else None
        return self._events.piece(_Piece(delta.choice, said, logprobs))

    def _logprobs(self, tokens: tuple[TokenLogprob, ...]) -> _Logprobs | None:
        """As for a whole answer. One engine wrote the whole stream: its first token speaks for the others."""
        wanted = self._request.logprobs
        if self._as_sent is None and wanted is not None:
            self._as_sent = not shape.too_many(tokens, wanted)
        return _Logprobs(tokens) if self._as_sent else _logprobs(tokens, self._request)

    def closing(self, final: Final) -> bytes:
        """The finish chunks and what comes after them."""
        finishes = [
            {**_delta(place, {}), **shape.ends(one)} for place, one in enumerate(shape.choices(final))
        ]
        return self._events.end(finishes, final)


def _delta(place: int, said: dict[str, Any]) -> dict[str, Any]:
    return {"index": place, "delta": said, "logprobs": None, "finish_reason": None}


def _logprobs(tokens: tuple[TokenLogprob, ...] | None, request: Request) -> _Logprobs | None:
    found = shape.asked_for(tokens, request)
    return None if found is None else _Logprobs(found)
