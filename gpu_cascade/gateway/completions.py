"""`POST /v1/completions`: how texts that follow a prompt are written, whole and in chunks."""

from collections import defaultdict
from typing import Any

from ..types import Delta, Final, Request, TokenLogprob
from . import shape
from .asked import Asked, read_completion
from .exchange import Endpoint, Format
from .parts import Parts

KIND = "text_completion"  # of a chunk as well


def completions(parts: Parts) -> Endpoint:
    """The endpoint."""
    return Endpoint(parts, Format(read_completion, completion, Chunks))


def completion(asked: Asked, final: Final) -> bytes:
    """A `text_completion`."""
    choices = [
        {**_choice(place, one.text, _logprobs(one.tokens, asked.request, 0)), **shape.ends(one)}
        for place, one in enumerate(shape.choices(final))
    ]
    return shape.whole(asked, KIND, choices, final)


class Chunks:
    """The events of one stream, ready to send."""

    def __init__(self, asked: Asked) -> None:
        self._request = asked.request
        self._events = shape.Events(asked, KIND)
        self._written: defaultdict[int, int] = defaultdict(int)  # characters of each choice's tokens

    def opening(self) -> bytes:
        """Nothing: there is no role."""
        return b""

    def piece(self, delta: Delta) -> bytes:
        """A piece of text."""
        tokens = delta.tokens or None
        logprobs = _logprobs(tokens, self._request, self._written[delta.choice])
        self._written[delta.choice] += sum(len(token.token) for token in delta.tokens)
        return self._events.event([_choice(delta.choice, delta.text, logprobs)])

    def closing(self, final: Final) -> bytes:
        """The finish chunks and what comes after them."""
        ends = [
            {**_choice(place, "", None), **shape.ends(one)} for place, one in enumerate(shape.choices(final))
        ]
        return self._events.end(ends, final)


def _choice(place: int, text: str, logprobs: dict[str, Any] | None) -> dict[str, Any]:
    return {"index": place, "text": text, "logprobs": logprobs, "finish_reason": None}


def _logprobs(
    tokens: tuple[TokenLogprob, ...] | None, request: Request, offset: int
) -> dict[str, Any] | None:
    """Lists of equal length; `text_offset` counts characters of the answer's tokens from `offset` on."""
    found = shape.asked_for(tokens, request)
    if found is None:
        return None
    offsets = []
    for token in found:
        offsets.append(offset)
        offset += len(token.token)
    return {
        "tokens": [token.token for token in found],
        "token_logprobs": [token.logprob for token in found],
        "top_logprobs": [{one.token: one.logprob for one in token.top_logprobs} for token in found],
        "text_offset": offsets,
    }
