"""Answers and errors in OpenAI's shape."""

import math
import time
from collections.abc import Mapping
from typing import Any

import msgspec

from ..errors import CascadeError
from ..types import Decision, Final, Request, TokenLogprob, TopLogprob, Use
from .asked import Asked

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


def choices(final: Final) -> tuple[Final, ...]:
    """The answer's choices, one unless `n` were asked for."""
    return (final, *final.others)


def ends(final: Final) -> dict[str, Any]:
    """Why a choice ends; `stop_reason` is vLLM's: which stop it was."""
    return {"finish_reason": final.finish_reason, "stop_reason": final.stop_reason}


def usage(spent: Use) -> dict[str, Any]:
    """Tokens of the answer itself; what the whole cascade spent stands in the cascade object."""
    counted: dict[str, Any] = {
        "prompt_tokens": spent.prompt_tokens,
        "completion_tokens": spent.completion_tokens,
        "total_tokens": spent.prompt_tokens + spent.completion_tokens,
    }
    prompt = {"cached_tokens": spent.cached_tokens, "created_cache_tokens": spent.created_cache_tokens}
    if said := {name: count for name, count in prompt.items() if count is not None}:
        counted["prompt_tokens_details"] = said
    if spent.reasoning_tokens is not None:
        counted["completion_tokens_details"] = {"reasoning_tokens": spent.reasoning_tokens}
    return counted


def said(final: Final) -> str:
    """The answer as a record keeps it: its text; JSON where there are tool calls or several choices."""
    kept = [{"content": one.text, "tool_calls": one.tool_calls} for one in choices(final)]
    plain = not final.tool_calls and not final.others
    return final.text if plain else encode(kept).decode("utf-8")


def whole(asked: Asked, kind: str, choices: list[dict[str, Any]], final: Final) -> bytes:
    """The body of a whole answer."""
    return encode(
        {
            **_head(asked, kind),
            "choices": choices,
            "usage": usage(final.answered_by),
            "cascade": cascade_object(asked.request, final),
        }
    )


class Events:
    """The server-sent events of one stream."""

    def __init__(self, asked: Asked, kind: str) -> None:
        self._head, self._request = _head(asked, kind), asked.request
        self._usage = {"usage": None} if asked.include_usage else {}

    def event(self, choices: list[dict[str, Any]], **more: object) -> bytes:
        """A chunk."""
        return _event({**self._head, "choices": choices, **self._usage, **more})

    def end(self, finishes: list[dict[str, Any]], final: Final) -> bytes:
        """How each choice ends, the last with the cascade object; the usage if it was asked for; `[DONE]`."""
        *others, last = finishes
        events = [self.event([finish]) for finish in others]
        events.append(self.event([last], cascade=cascade_object(self._request, final)))
        if self._usage:
            events.append(self.event([], usage=usage(final.answered_by)))
        return b"".join([*events, b"data: [DONE]\n\n"])


def _event(payload: Mapping[str, Any]) -> bytes:
    return b"data: " + encode(payload) + b"\n\n"


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
    return _event(error_body(error))


def _head(asked: Asked, kind: str) -> dict[str, Any]:
    return {"id": asked.request.id, "object": kind, "created": int(time.time()), "model": asked.model}


def asked_for(tokens: tuple[TokenLogprob, ...] | None, request: Request) -> list[TokenLogprob] | None:
    """Only where the client asked for them itself, and no more alternatives than it asked for."""
    wanted = request.logprobs
    if wanted is None or tokens is None:
        return None
    return [_cut(token, wanted, itself=request.raw) for token in tokens]


def _cut(token: TokenLogprob, wanted: int, *, itself: bool) -> TokenLogprob:
    """The likeliest `wanted` alternatives: a cascade's rule may have needed more.

    With `itself` the token stands among them in any case, as the older completions have it.
    """
    if len(token.top_logprobs) <= max(wanted, 1):  # vLLM sends the token itself where none was asked for
        return token
    likeliest = sorted(token.top_logprobs, key=_likely, reverse=True)[:wanted]
    if itself:
        likeliest += [one for one in token.top_logprobs if one.token == token.token and one not in likeliest]
    return msgspec.structs.replace(token, top_logprobs=likeliest)


def _likely(alternative: TopLogprob) -> float:
    return -math.inf if alternative.logprob is None else alternative.logprob
