"""`POST /v1/chat/completions`: how chats are written, whole and in chunks."""

from typing import Any

from ..types import Delta, Final, Request, TokenLogprob
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


class Chunks:
    """The events of one stream, ready to send."""

    def __init__(self, asked: Asked) -> None:
        self._request = asked.request
        self._events = shape.Events(asked, "chat.completion.chunk")

    def opening(self) -> bytes:
        """The chunks that name the role, one for each choice."""
        said = {"role": "assistant", "content": ""}
        count = self._request.params.get("n", 1)
        return b"".join([self._events.event([_delta(place, said)]) for place in range(count)])

    def piece(self, delta: Delta) -> bytes:
        """A piece of text, of reasoning or of a tool call."""
        said: dict[str, Any] = {}
        if delta.text or not delta.tool_calls:
            said["content"] = delta.text
        if delta.reasoning:
            said["reasoning_content"] = delta.reasoning
        if delta.tool_calls:
            said["tool_calls"] = delta.tool_calls
        logprobs = _logprobs(delta.tokens, self._request) if delta.tokens else None
        return self._events.event([{**_delta(delta.choice, said), "logprobs": logprobs}])

    def closing(self, final: Final) -> bytes:
        """The finish chunks and what comes after them."""
        finishes = [
            {**_delta(place, {}), **shape.ends(one)} for place, one in enumerate(shape.choices(final))
        ]
        return self._events.end(finishes, final)


def _delta(place: int, said: dict[str, Any]) -> dict[str, Any]:
    return {"index": place, "delta": said, "logprobs": None, "finish_reason": None}


def _logprobs(tokens: tuple[TokenLogprob, ...] | None, request: Request) -> dict[str, Any] | None:
    found = shape.asked_for(tokens, request)
    return None if found is None else {"content": found, "refusal": None}
