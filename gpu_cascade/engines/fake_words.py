"""What a scripted engine says, token by token: text, or tool calls with the wrapping around them."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import Any

import msgspec

from ..types import (
    Final,
    FunctionCall,
    FunctionPiece,
    Request,
    TokenLogprob,
    ToolCall,
    ToolCallPiece,
    TopLogprob,
    weighed,
)

END_OF_TURN = "<|im_end|>"
ENDLESS = 100_000  # tokens: more than any request allows
STOP = -0.01  # the logprob of what a script gives none for


@dataclass(frozen=True, slots=True)
class Word:
    """A token and what the client sees of it."""

    token: TokenLogprob
    text: str = ""
    calls: tuple[ToolCallPiece, ...] = ()


def spoken(text: str, logprob: float | Sequence[float | None], *, ends: bool) -> list[Word]:
    """The text's words; with the stop token where the answer ends by itself."""
    said = [(word, word, ()) for word in re.findall(r"\s*\S+", text)]
    return _weighed([*said, *([(END_OF_TURN, "", ())] if ends else [])], logprob)


def blank(count: int, logprob: float | Sequence[float | None]) -> list[Word]:
    """An empty object with that many blanks in it."""
    said = [(word, word, ()) for word in ("{", *[" "] * count, "}")]
    return _weighed([*said, (END_OF_TURN, "", ())], logprob)


def called(calls: Sequence[FunctionCall], logprob: float | Sequence[float | None]) -> list[Word]:
    """The calls as a model of the Hermes family writes them, and as vLLM's parser streams them."""
    said = chain.from_iterable(_call(index, call) for index, call in enumerate(calls))
    return _weighed([*said, (END_OF_TURN, "", ())], logprob)


def _call(index: int, call: FunctionCall) -> Iterator[tuple[str, str, tuple[ToolCallPiece, ...]]]:
    begun = ToolCallPiece(index, f"call_{index}", "function", FunctionPiece(call.name, ""))
    yield "<tool_call>", "", ()
    yield f'{{"name": {json.dumps(call.name)}, "arguments": ', "", (begun,)
    for word in re.findall(r"\s*\S+", call.arguments):
        yield word, "", (ToolCallPiece(index, function=FunctionPiece(arguments=word)),)
    yield "}</tool_call>", "", ()


def _weighed(
    said: Sequence[tuple[str, str, tuple[ToolCallPiece, ...]]], logprob: float | Sequence[float | None]
) -> list[Word]:
    values = [logprob] * len(said) if isinstance(logprob, float | int) else [*logprob, *[STOP] * len(said)]
    return [
        Word(_token(token, value), text, calls)
        for (token, text, calls), value in zip(said, values, strict=False)
    ]


def _token(word: str, logprob: float | None) -> TokenLogprob:
    in_bytes = list(word.encode())
    itself = TopLogprob(word, logprob, msgspec.Raw(msgspec.json.encode(in_bytes)))
    return weighed(word, logprob, [itself], in_bytes)


def ended(words: Sequence[Word]) -> bool:
    """Whether the stop token has come."""
    return bool(words) and words[-1].token.token == END_OF_TURN


def offers_tools(params: Mapping[str, Any]) -> bool:
    """Whether the answer may be a tool call."""
    return bool(params.get("tools")) and params.get("tool_choice") != "none"


def blanks_allowed(params: Mapping[str, Any]) -> int | None:
    """How many blanks the request's grammar lets stand in a row, as vLLM reads it; None without a grammar."""
    asked, own = params.get("response_format"), params.get("structured_outputs") or {}
    if own.get("structural_tag"):
        asked = msgspec.json.decode(own["structural_tag"])
    if asked is None and not own:
        return None
    most = (asked or {}).get("format", {}).get("max_whitespace_cnt")
    return ENDLESS if most is None else int(most)


def cut_to(words: list[Word], request: Request) -> list[Word]:
    """At most as many tokens as the request allows."""
    limit = request.params.get("max_completion_tokens") or request.params.get("max_tokens")
    return words[:limit] if limit else words


def in_turn(choices: Sequence[Sequence[Word]]) -> Iterator[tuple[int, Word]]:
    """The choices' words as a batch brings them: one of each, then the next of each."""
    for row in zip_longest(*choices):
        yield from ((index, word) for index, word in enumerate(row) if word is not None)


def written(engine: str, words: Sequence[Word], reason: str, reasoning: str, *, logprobs: bool) -> Final:
    """The answer that these words make."""
    tokens = tuple(word.token for word in words) if logprobs else None
    text, calls = "".join(word.text for word in words), _calls(words)
    return Final(text, reason, engine, tokens, reasoning, tool_calls=calls)


def _calls(words: Sequence[Word]) -> tuple[ToolCall, ...]:
    pieces = [piece for word in words for piece in word.calls]
    begun = [piece for piece in pieces if piece.id]
    return tuple(ToolCall(str(first.id), _function(pieces, first.index)) for first in begun)


def _function(pieces: Sequence[ToolCallPiece], index: int) -> FunctionCall:
    own = [piece.function for piece in pieces if piece.index == index and piece.function is not None]
    return FunctionCall("".join(one.name or "" for one in own), "".join(one.arguments or "" for one in own))
