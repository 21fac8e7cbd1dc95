"""The body of a chat completion."""

from typing import Annotated, Any, Literal

import msgspec

from ...errors import BadRequest
from .fields import Count, Format, Known, Metadata, NamedTool, Tool
from .messages import check_messages
from .refused import CHAT
from .request import Asked, asked, parse
from .sampling import Sampling
from .wish import Headers


class ChatBody(Sampling, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of a chat completion: the fields that are used, passed on, or harmless."""

    messages: Annotated[list[dict[str, Any]], msgspec.Meta(min_length=1)]
    logprobs: bool | None = None
    top_logprobs: Annotated[int, msgspec.Meta(ge=0, le=20)] | None = None
    max_completion_tokens: Count = None
    tools: Annotated[list[Tool], msgspec.Meta(min_length=1, max_length=128)] | None = None
    tool_choice: Literal["none", "auto", "required"] | NamedTool | None = None
    parallel_tool_calls: bool | None = None
    response_format: Format | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = None
    chat_template_kwargs: dict[str, Any] | None = None
    documents: list[dict[str, str]] | None = None
    add_generation_prompt: bool | None = None
    continue_final_message: bool | None = None
    # Without effect, and harmless: only values that promise nothing, or what is so anyway.
    metadata: Metadata | None = None
    store: bool | None = None
    service_tier: Literal["auto", "default"] | None = None
    modalities: list[Literal["text"]] | None = None
    prompt_cache_key: Known = None
    safety_identifier: Known = None


_decode = msgspec.json.Decoder(ChatBody).decode


def read_chat(data: bytes, deadline_s: float, headers: Headers = ()) -> Asked:
    """Body and headers as a request; `BadRequest` names the parameter that is wrong."""
    body = parse(data, _decode, ChatBody, CHAT)
    check_messages(body.messages)
    _check(body)
    logprobs = (body.top_logprobs or 0) if body.logprobs else None
    return asked(body, body.messages, logprobs, deadline_s, headers)


def _check(body: ChatBody) -> None:
    """What no single field can say."""
    if body.top_logprobs is not None and not body.logprobs:
        raise BadRequest("top_logprobs needs logprobs: true", param="top_logprobs")
    if body.store:
        raise BadRequest("store: true is not taken: no answer is kept to be listed later", param="store")
    if body.tools is None:
        _check_no_tools(body)
    elif isinstance(body.tool_choice, NamedTool):
        _check_named(body.tools, body.tool_choice)


def _check_no_tools(body: ChatBody) -> None:
    if body.tool_choice not in (None, "none"):
        raise BadRequest("tool_choice needs tools", param="tool_choice")
    if body.parallel_tool_calls is not None:
        raise BadRequest("parallel_tool_calls needs tools", param="parallel_tool_calls")


def _check_named(tools: list[Tool], choice: NamedTool) -> None:
    names = [tool.function.name for tool in tools]
    if choice.function.name not in names:
        known = ", ".join(names)
        raise BadRequest(f"tool_choice names {choice.function.name}; tools has {known}", param="tool_choice")
