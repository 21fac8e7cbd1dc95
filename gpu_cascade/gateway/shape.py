"""Answers and errors in OpenAI's shape."""

import math
import time
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from ..errors import CascadeError
from ..traces import explain
from ..types import Decision, Final, Reason, Request, TokenLogprob, TopLogprob, Use, Verdict
from .asked import Asked

encode = msgspec.json.encode

HEADERS = ("id", "tier", "verdict", "reason", "confidence", "certified")


def headers(request: Request, decision: Decision | None) -> list[tuple[bytes, bytes]]:
    """The `x-cascade-*` headers; without a decision only the id."""
    found = [(b"x-cascade-id", request.id.encode())]
    if decision is not None:
        found += _kind(decision.tier, decision.verdict, decision.reason, decision.certified)
        if decision.confidence is not None:
            found.append((b"x-cascade-confidence", b"%.4f" % decision.confidence))
    return found


@lru_cache(256)  # there are few kinds of decisions
def _kind(tier: str, verdict: Verdict, reason: Reason, certified: bool) -> list[tuple[bytes, bytes]]:
    return [
        (b"x-cascade-tier", tier.encode()),
        (b"x-cascade-verdict", verdict.value.encode()),
        (b"x-cascade-reason", reason.value.encode()),
        (b"x-cascade-certified", b"true" if certified else b"false"),
    ]


def cascade_object(asked: Asked, final: Final) -> dict[str, Any]:
    """What became of the request and what it cost, over all tiers. Signals in nats, times in seconds."""
    decision = final.decision
    assert decision is not None, "an answer reached the gateway without a decision"
    wish = asked.request.wish
    explained = {"explained": explain(asked.model, decision, final.uses, wish)} if wish.explain else {}
    return {
        "id": asked.request.id,
        "tier": decision.tier,
        "verdict": decision.verdict,
        "reason": decision.reason,
        "confidence": decision.confidence,
        "certified": decision.certified,
        "judged": decision.judged,
        "uses": final.uses,
        **explained,
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
            "cascade": cascade_object(asked, final),
        }
    )


class Events:
    """The server-sent events of one stream."""

    def __init__(self, asked: Asked, kind: str) -> None:
        self._head, self._asked = _head(asked, kind), asked
        self._usage = {"usage": None} if asked.include_usage else {}
        self._before = b"data: " + encode(self._head)[:-1] + b',"choices":['
        self._after = b'],"usage":null}\n\n' if asked.include_usage else b"]}\n\n"

    def piece(self, choice: object) -> bytes:
        """A chunk with one choice and no more: most are such, so what they share is written once."""
        return self._before + encode(choice) + self._after

    def event(self, choices: list[dict[str, Any]], **more: object) -> bytes:
        """A chunk."""
        return _event({**self._head, "choices": choices, **self._usage, **more})

    def end(self, finishes: list[dict[str, Any]], final: Final) -> bytes:
        """How each choice ends, the last with the cascade object; the usage if it was asked for; `[DONE]`."""
        *others, last = finishes
        events = [self.event([finish]) for finish in others]
        events.append(self.event([last], cascade=cascade_object(self._asked, final)))
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


def asked_for(tokens: tuple[TokenLogprob, ...] | None, request: Request) -> Sequence[TokenLogprob] | None:
    """Only where the client asked for them itself, and no more alternatives than it asked for."""
    wanted = request.logprobs
    if wanted is None or tokens is None:
        return None
    if not too_many(tokens, wanted):
        return tokens
    return [_cut(token, wanted, itself=request.raw) for token in tokens]


def too_many(tokens: Sequence[TokenLogprob], wanted: int) -> bool:
    """Whether there are more alternatives than a client wants: a cascade's rule may have needed more.

    An engine is asked for as many at each place, so only the first is looked at: reading those of 64 costs as
    much as judging them. VLLM sends the token itself where none was asked for.
    """
    return bool(tokens) and tokens[0].most_alternatives > max(wanted, 1)


def _cut(token: TokenLogprob, wanted: int, *, itself: bool) -> TokenLogprob:
    """The likeliest `wanted` alternatives, one at least.

    With `itself` the token stands among them in any case, as the older completions have it.
    """
    alternatives = token.top_logprobs
    if len(alternatives) <= max(wanted, 1):
        return token
    likeliest = sorted(alternatives, key=_likely, reverse=True)[:wanted]
    if itself:
        likeliest += [one for one in alternatives if one.token == token.token and one not in likeliest]
    return msgspec.structs.replace(token, alternatives=msgspec.Raw(encode(likeliest)))


def _likely(alternative: TopLogprob) -> float:
    return -math.inf if alternative.logprob is None else alternative.logprob
