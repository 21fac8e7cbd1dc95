"""What the client asked, from the bytes of its body: every field is used, or refused by name."""

import re
import time
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec

from ..engines.wire import ENGINE_PARAMS
from ..errors import BadRequest
from ..types import Request

Penalty = Annotated[float, msgspec.Meta(ge=-2, le=2)] | None
Count = Annotated[int, msgspec.Meta(ge=1)] | None
ROLES = ("system", "developer", "user", "assistant")


class StreamOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a stream ends."""

    include_usage: bool = False


class _Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a chat completion: the fields that are used."""

    model: str
    messages: Annotated[list[dict[str, Any]], msgspec.Meta(min_length=1)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, msgspec.Meta(ge=0, le=20)] | None = None
    n: Annotated[int, msgspec.Meta(ge=1, le=1)] | None = None
    user: Annotated[str, msgspec.Meta(max_length=256)] | None = None
    temperature: Annotated[float, msgspec.Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, msgspec.Meta(gt=0, le=1)] | None = None
    top_k: Annotated[int, msgspec.Meta(ge=-1)] | None = None
    min_p: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    max_tokens: Count = None
    max_completion_tokens: Count = None
    stop: str | Annotated[list[str], msgspec.Meta(max_length=16)] | None = None
    seed: int | None = None
    frequency_penalty: Penalty = None
    presence_penalty: Penalty = None
    logit_bias: dict[str, Annotated[float, msgspec.Meta(ge=-100, le=100)]] | None = None


_decode = msgspec.json.Decoder(_Body).decode

# Fields of the OpenAI API and of vLLM that are known and not available yet: refused unless null.
NOT_YET = frozenset(
    {
        "audio",
        "cascade",
        "chat_template_kwargs",
        "function_call",
        "functions",
        "metadata",
        "modalities",
        "parallel_tool_calls",
        "prediction",
        "reasoning_effort",
        "response_format",
        "service_tier",
        "store",
        "structured_outputs",
        "tool_choice",
        "tools",
        "verbosity",
        "web_search_options",
    }
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request and how its answer is to be sent."""

    model: str
    request: Request
    stream: bool
    include_usage: bool


def read(data: bytes, deadline_s: float) -> Asked:
    """The body as a request; `BadRequest` names the parameter that is wrong."""
    body = _parse(data)
    _check_messages(body.messages)
    if body.top_logprobs is not None and not body.logprobs:
        raise BadRequest("top_logprobs needs logprobs: true", param="top_logprobs")
    if body.stream_options is not None and not body.stream:
        raise BadRequest("stream_options needs stream: true", param="stream_options")
    params = {name: value for name in ENGINE_PARAMS if (value := getattr(body, name, None)) is not None}
    request = Request(
        body.messages,
        params,
        (body.top_logprobs or 0) if body.logprobs else None,
        caller=body.user or "anonymous",
        deadline=time.monotonic() + deadline_s,
    )
    options = body.stream_options or StreamOptions()
    return Asked(body.model, request, bool(body.stream), options.include_usage)


def _parse(data: bytes) -> _Body:
    """By type; where that fails once more, slowly, to say what is wrong."""
    try:
        return _decode(data)
    except msgspec.MsgspecError:
        return _parse_slowly(data)


def _parse_slowly(data: bytes) -> _Body:
    """As `_parse`, for bodies with null fields that are not available yet, and for the error sentences."""
    try:
        body = msgspec.json.decode(data, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise BadRequest(f"the body is not a JSON object: {error}") from None
    for name in sorted(NOT_YET & set(body)):
        if body.pop(name) is not None:
            raise BadRequest(f"{name} is not available yet; leave it out", param=name)
    try:
        return msgspec.convert(body, _Body)
    except msgspec.ValidationError as error:
        found = re.search(r"`\$\.(\w+)|unknown field `(\w+)`|required field `(\w+)`", str(error))
        param = next((name for name in found.groups() if name), None) if found else None
        raise BadRequest(str(error), param=param) from None


def _check_messages(messages: list[dict[str, Any]]) -> None:
    """Roles we know, and text. The engines' own templates judge the rest."""
    for place, message in enumerate(messages):
        param = f"messages[{place}]"
        if message.get("role") not in ROLES:
            raise BadRequest(
                f"{param}.role is {message.get('role')!r}; it must be one of {', '.join(ROLES)}", param=param
            )
        if not _is_text(message.get("content")):
            raise BadRequest(f"{param}.content must be a string or a list of text parts", param=param)


def _is_text(content: object) -> bool:
    if isinstance(content, list):
        return all(isinstance(part, dict) and isinstance(part.get("text"), str) for part in content)
    return isinstance(content, str)
