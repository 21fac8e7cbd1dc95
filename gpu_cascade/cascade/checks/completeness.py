"""Whether a draft is whole: neither cut, empty nor refused, nothing left open, nothing missing."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import regex

from ...types import Final, Request
from ..rules import COMPLETE
from .base import Seen
from .patterns import matches
from .refusals import refuses

ALL_REFUSAL = 400  # characters; a longer answer that opens with a refusal may still hold what was asked

_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)', re.DOTALL)


def look(_: Request, draft: Final, *, required: Sequence[regex.Pattern[str]] = ()) -> Seen:
    """The lowest score of what is found.

    | score | what is found |
    |---|---|
    | 0.0 | nothing, or blanks alone |
    | 0.0 | a finish reason other than stop, tool_calls and length: nobody knows what is missing |
    | 0.0 | a tool call whose arguments are no JSON object |
    | 0.1 | a refusal at the start of at most 400 characters |
    | 0.2 | cut by `max_tokens` (finish reason length) |
    | 0.4 | JSON left open: begins with { or [, does not parse, more brackets opened than closed |
    | 0.5 | a refusal at the start of a longer answer |
    | 0.6 | a code fence that is left open: an odd number of ``` |
    | 0.7 × found / required | required parts are missing |
    | unknown | a pattern of the required parts was not done in time |
    | 1.0 | none of these |

    Begins with a bracket and does not parse is not enough: so does "[1] says that ...".
    """
    if draft.blank:
        return 0.0, f"{len(draft.text)} characters, all blank"
    if draft.tool_calls:
        return min([*_ending(draft), *_calls(draft.arguments)], default=(1.0, "whole"))
    found = [*_ending(draft), *_refusal(draft.text), *_open(draft.text), *_parts(draft.text, required)]
    return min(found, key=lambda seen: -1.0 if seen[0] is None else seen[0], default=(1.0, "whole"))


def _ending(draft: Final) -> Iterator[tuple[float, str]]:
    if draft.finish_reason == "length":
        yield 0.2, f"cut by max_tokens after {len(draft.text)} characters"
    elif draft.finish_reason not in COMPLETE:
        yield 0.0, f"finish reason {draft.finish_reason}"


def _calls(arguments: Sequence[str]) -> Iterator[tuple[float, str]]:
    for place, text in enumerate(arguments, 1):
        try:
            msgspec.json.decode(text, type=dict[str, Any])
        except (ValueError, RecursionError):
            yield 0.0, f"the arguments of tool call {place} of {len(arguments)} are no JSON object"


def _refusal(text: str) -> Iterator[Seen]:
    if refuses(text):
        yield 0.1 if len(text) <= ALL_REFUSAL else 0.5, f"opens with a refusal, {len(text)} characters"


def _open(text: str) -> Iterator[Seen]:
    if brackets := _open_brackets(text.strip()):
        yield 0.4, f"JSON with {brackets} brackets left open"
    if (fences := text.count("```")) % 2:
        yield 0.6, f"{fences} code fences, one left open"


def _open_brackets(text: str) -> int:
    """How many brackets a text that begins like JSON opens and does not close; 0 where it parses."""
    if not text.startswith(("{", "[")):
        return 0
    try:
        msgspec.json.decode(text)
        return 0
    except (ValueError, RecursionError):  # not JSON, lone surrogates, or nested too deep to be parsed
        bare = _STRING.sub("", text)
        return max(0, bare.count("{") + bare.count("[") - bare.count("}") - bare.count("]"))


def _parts(text: str, required: Sequence[regex.Pattern[str]]) -> Iterator[Seen]:
    found = [matches(pattern, text) for pattern in required]
    if None in found:
        yield None, f"{found.count(None)} of {len(found)} required parts could not be looked for in time"
    elif not all(found):
        yield 0.7 * found.count(True) / len(found), f"{found.count(True)} of {len(found)} required parts"
