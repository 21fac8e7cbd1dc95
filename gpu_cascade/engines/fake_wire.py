"""What a scripted engine sends: chats and completions, whole and as chunks, as vLLM 0.32 writes them."""

from collections.abc import Mapping
from typing import Any

import msgspec

from ..types import Delta, Final, Request, TokenLogprob
from .fake import Fault
from .fake_words import offers_tools
from .wire import ENGINE_PARAMS

_REFUSALS = {
    Fault.REFUSE: (400, "the prompt is too long"),
    Fault.ERROR: (500, "out of memory"),
    Fault.NO_PARSER: (
        400,
        '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set',
    ),
}


def refused(fault: Fault | None, request: Request) -> tuple[dict[str, Any], int] | None:
    """The body and the status of a refusal; None where the request is answered."""
    if fault not in _REFUSALS or (fault is Fault.NO_PARSER and not offers_tools(request.params)):
        return None
    status, message = _REFUSALS[fault]
    return {"error": {"message": message, "type": "BadRequestError", "param": None}}, status


def request_of(body: Mapping[str, Any]) -> Request:
    """What is asked, in the words of this package."""
    params = {key: value for key, value in body.items() if key in ENGINE_PARAMS}
    if "prompt" in body:
        return Request([{"role": "user", "content": body["prompt"]}], params, body.get("logprobs"), raw=True)
    return Request(body["messages"], params, body.get("top_logprobs", 0) if body.get("logprobs") else None)


def whole(final: Final, request: Request, reason: str | None) -> dict[str, Any]:
    """The body of a whole answer; `reason` where another one than the script's is sent."""
    choices = [
        {"index": index, "finish_reason": reason or each.finish_reason, **_said(each, request)}
        for index, each in enumerate((final, *final.others))
    ]
    kind = "text_completion" if request.raw else "chat.completion"
    head = {"id": "fake", "object": kind, "created": 0, "model": final.engine}
    return {**head, "choices": choices, "usage": usage(final)}


def _said(final: Final, request: Request) -> dict[str, Any]:
    if request.raw:
        return {"text": final.text, "logprobs": _text_logprobs(final.tokens)}
    message = {"role": "assistant", "content": final.text or None, "reasoning": final.reasoning or None}
    calls = {"tool_calls": final.tool_calls} if final.tool_calls else {}
    return {"message": {**message, **calls}, "logprobs": _logprobs(final.tokens)}


def chunk(delta: Delta, request: Request) -> dict[str, Any]:
    """A chunk of a stream."""
    tokens = delta.tokens or None
    if request.raw:
        said = {"text": delta.text, "logprobs": _text_logprobs(tokens)}
    else:
        calls = {"tool_calls": delta.tool_calls} if delta.tool_calls else {}
        said = {"delta": {"content": delta.text, **calls}, "logprobs": _logprobs(tokens)}
    return {"choices": [{"index": delta.choice, **said}]}


def ending(final: Final, request: Request, reason: str | None) -> dict[str, Any]:
    """The chunk that ends each choice."""
    empty: dict[str, Any] = {"text": ""} if request.raw else {"delta": {}}
    return {
        "choices": [
            {"index": index, **empty, "finish_reason": reason or each.finish_reason}
            for index, each in enumerate((final, *final.others))
        ]
    }


def usage(final: Final) -> dict[str, Any]:
    """What the answer took. Half of the prompt is said to come from the prefix cache."""
    spent = final.answered_by
    total = spent.prompt_tokens + spent.completion_tokens
    counts = {"prompt_tokens": spent.prompt_tokens, "completion_tokens": spent.completion_tokens}
    details = {"cached_tokens": spent.prompt_tokens // 2}
    return {**counts, "total_tokens": total, "prompt_tokens_details": details}


def event(payload: Mapping[str, Any]) -> bytes:
    """One server-sent event."""
    return b"data: " + msgspec.json.encode(payload) + b"\n\n"


def _logprobs(tokens: tuple[TokenLogprob, ...] | None) -> dict[str, Any] | None:
    return None if tokens is None else {"content": tokens}


def _text_logprobs(tokens: tuple[TokenLogprob, ...] | None) -> dict[str, Any] | None:
    if tokens is None:
        return None
    return {
        "tokens": [token.token for token in tokens],
        "token_logprobs": [token.logprob for token in tokens],
        "top_logprobs": [{top.token: top.logprob for top in token.top_logprobs} for token in tokens],
        "text_offset": [0] * len(tokens),
    }
