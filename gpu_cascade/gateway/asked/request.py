"""From a typed body to a request; and what is said of a body that cannot be used."""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from ...engines.wire import ENGINE_PARAMS
from ...errors import BadRequest
from ...types import ANONYMOUS, Request
from .fields import StreamOptions
from .sampling import Sampling
from .wish import Headers, read_wish

B = TypeVar("B", bound=Sampling)
_TYPED = frozenset({"tools", "tool_choice", "response_format", "structured_outputs"})


@dataclass(frozen=True, slots=True)
class Asked:
    """A request and how its answer is to be sent."""

    model: str
    request: Request
    stream: bool
    include_usage: bool


def parse(data: bytes, decode: Callable[[bytes], B], kind: type[B], refused: Mapping[str, str]) -> B:
    """The body by type; where that fails once more, slowly: without null fields, and to say what is wrong.

    `refused` has a sentence for each field that is known and not taken; a null one is as good as absent.
    """
    try:
        return decode(data)
    except msgspec.MsgspecError:
        return _slowly(data, kind, refused)
    except RecursionError:
        raise BadRequest("the body is nested too deep") from None


def _slowly(data: bytes, kind: type[B], refused: Mapping[str, str]) -> B:
    try:
        body = msgspec.json.decode(data, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise BadRequest(f"the body is not a JSON object: {error}") from None
    for name in sorted(refused.keys() & body.keys()):
        if body.pop(name) is not None:
            raise BadRequest(f"{name} is not taken: {refused[name]}", param=name)
    try:
        return msgspec.convert(body, kind)
    except msgspec.ValidationError as error:
        raise BadRequest(str(error), param=_param(str(error))) from None


def _param(sentence: str) -> str | None:
    """The field that msgspec's sentence is about: where it happened, else which is missing or unknown.

    Of `cascade` the field inside it: there each is a parameter.
    """
    at, named = re.search(r"`\$\.(\w+)", sentence), re.search(r"(?:unknown|required) field `(\w+)`", sentence)
    if at is not None and at[1] == "cascade":
        inside = re.search(r"`\$\.cascade\.(\w+)", sentence) or named
        return f"cascade.{inside[1]}" if inside else "cascade"
    found = at or named
    return found[1] if found else None


def asked(
    body: Sampling,
    messages: Sequence[Mapping[str, Any]],
    logprobs: int | None,
    deadline_s: float,
    headers: Headers,
    *,
    raw: bool = False,
) -> Asked:
    """The request, to be answered within `deadline_s`."""
    if body.stream_options is not None and not body.stream:
        raise BadRequest("stream_options needs stream: true", param="stream_options")
    request = Request(
        messages,
        _params(body),
        logprobs,
        caller=body.user or ANONYMOUS,
        deadline=time.monotonic() + deadline_s,
        raw=raw,
        wish=read_wish(body.cascade, headers, raw=raw),
    )
    options = body.stream_options or StreamOptions()
    return Asked(body.model, request, bool(body.stream), options.include_usage)


def _params(body: Sampling) -> dict[str, Any]:
    """What goes on to engines, as plain JSON values; what would be so without a word is left out."""
    found = {name: value for name in ENGINE_PARAMS if (value := getattr(body, name, None)) is not None}
    for name in found.keys() & _TYPED:
        found[name] = msgspec.to_builtins(found[name])
    if found.get("n") == 1:
        del found["n"]
    if found.get("response_format") == {"type": "text"}:
        del found["response_format"]
    return found
