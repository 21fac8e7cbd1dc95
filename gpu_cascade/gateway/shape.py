"""Answers and errors in OpenAI's shape."""

import math
import time
from typing import Any

import msgspec

from ..errors import CascadeError
from ..types import Decision, Delta, Final, Request, TokenLogprob, TopLogprob, Use

encode = msgspec.json.encode

HEADERS = ("id", "tier", "verdict", "reason", "confidence", "certified")


def headers(request: Request, decision: Decision | None) -> list[tuple[bytes, bytes]]:
    """The `x-cascade-*` headers; without a decision only the id."""
    pairs = {"id": request.id}
    if decision is not None:
        pairs |= {
            "tier": decision.tier,
            "verdict": decision.verdict.value,
            "reason": decision.reason.value,
            "certified": str(decision.certified).lower(),
        }
        if decision.confidence is not None:
            pairs["confidence"] = f"{decision.confidence:.4f}"
    return [(f"x-cascade-{name}".encode(), value.encode()) for name, value in pairs.items()]


def cascade_object(request: Request, final: Final) -> dict[str, Any]:
    """What became of the request and what it cost, over all tiers. Signals in nats, times in seconds."""
    decision = final.decision
    assert decision is not None, "an answer reached the gateway without a decision"
    return {
        "id": request.id,
        "tier": decision.tier,
        "verdict": decision.verdict,
        "reason": decision.reason,
        "confidence": decision.confidence,
        "certified": decision.certified,
        "judged": decision.judged,
        "uses": final.uses,
    }


def completion(model: str, request: Request, final: Final) -> bytes:
    """A `chat.completion`."""
    message = {"role": "assistant", "content": final.text, "refusal": None}
    if final.reasoning:
        message["reasoning_content"] = final.reasoning
    choice = {"index": 0, "message": message, "finish_reason": final.finish_reason}
    choice["logprobs"] = _logprobs(final.tokens, request)
    return encode(
        {
            **_head(model, request, "chat.completion"),
            "choices": [choice],
            "usage": usage(final.answered_by),
            "cascade": cascade_object(request, final),
        }
    )


def usage(spent: Use) -> dict[str, int]:
    """Tokens of the answer itself; what the whole cascade spent stands in the cascade object."""
    return {
        "prompt_tokens": spent.prompt_tokens,
        "completion_tokens": spent.completion_tokens,
        "total_tokens": spent.prompt_tokens + spent.completion_tokens,
    }


class Chunks:
    """The events of one stream, ready to send."""

    def __init__(self, model: str, request: Request, *, include_usage: bool) -> None:
        self._head = _head(model, request, "chat.completion.chunk")
        self._request = request
        self._usage = {"usage": None} if include_usage else {}

    def opening(self) -> bytes:
        """The chunk that names the role."""
        return self._event([_choice({"role": "assistant", "content": ""})])

    def piece(self, delta: Delta) -> bytes:
        """A piece of text."""
        said = {"content": delta.text}
        if delta.reasoning:
            said["reasoning_content"] = delta.reasoning
        logprobs = _logprobs(delta.tokens, self._request) if delta.tokens else None
        return self._event([{**_choice(said), "logprobs": logprobs}])

    def closing(self, final: Final) -> bytes:
        """The finish chunk with the cascade object, the usage if it was asked for, and `[DONE]`."""
        finish = {**_choice({}), "finish_reason": final.finish_reason}
        events = self._event([finish], cascade=cascade_object(self._request, final))
        if self._usage:
            events += self._event([], usage=usage(final.answered_by))
        return events + b"data: [DONE]\n\n"

    def _event(self, choices: list[dict[str, Any]], **more: object) -> bytes:
        return b"data: " + encode({**self._head, "choices": choices, **self._usage, **more}) + b"\n\n"


def error_body(error: CascadeError) -> dict[str, Any]:
    """A failure in OpenAI's shape, with its source."""
    return {
        "error": {
            "message": error.message,
            "type": error.kind,
            "param": error.param,
            "code": error.kind,
            "source": error.source,
        }
    }


def error_event(error: CascadeError) -> bytes:
    """A failure in a stream that has begun: the SDKs raise on it."""
    return b"data: " + encode(error_body(error)) + b"\n\n"


def _head(model: str, request: Request, kind: str) -> dict[str, Any]:
    return {"id": request.id, "object": kind, "created": int(time.time()), "model": model}


def _choice(delta: dict[str, Any]) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}


def _logprobs(tokens: tuple[TokenLogprob, ...] | None, request: Request) -> dict[str, Any] | None:
    """Only where the client asked for them itself, and no more alternatives than it asked for."""
    wanted = request.logprobs
    if wanted is None or tokens is None:
        return None
    return {"content": [_cut(token, wanted) for token in tokens], "refusal": None}


def _cut(token: TokenLogprob, wanted: int) -> TokenLogprob:
    """The likeliest `wanted` alternatives: a cascade's rule may have needed more."""
    if len(token.top_logprobs) <= max(wanted, 1):  # vLLM sends the token itself where none was asked for
        return token
    likeliest = sorted(token.top_logprobs, key=_likely, reverse=True)[:wanted]
    return msgspec.structs.replace(token, top_logprobs=likeliest)


def _likely(alternative: TopLogprob) -> float:
    return -math.inf if alternative.logprob is None else alternative.logprob
