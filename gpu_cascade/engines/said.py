"""What an engine has said so far: each choice's text, tokens and tool calls, from a body or from a stream."""

import uuid
from collections import defaultdict
from dataclasses import dataclass, field

from ..types import Delta, Final, FunctionCall, FunctionPiece, TokenLogprob, ToolCall, ToolCallPiece, Use
from .base import BROKEN_OFF
from .wire import AnswerDetails, ChatBody, Choice, PromptDetails, Usage


@dataclass(slots=True)
class Calls:
    """The tool calls of one choice.

    Clients append what they get, so id, type and name may come once only, whatever an engine repeats; and
    each call needs an id, whether the engine gave one or not.
    """

    ids: dict[int, str] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    arguments: dict[int, list[str]] = field(default_factory=dict)

    def add(self, piece: ToolCallPiece) -> ToolCallPiece:
        """Take a piece in; what of it the client has not had yet."""
        index, function = piece.index, piece.function or FunctionPiece()
        self.arguments.setdefault(index, []).append(function.arguments or "")
        name = None if index in self.names or not function.name else function.name
        if name is not None:
            self.names[index] = name
        rest = FunctionPiece(name, function.arguments or "")
        if index in self.ids:
            return ToolCallPiece(index, function=rest)
        self.ids[index] = piece.id or f"call_{uuid.uuid4().hex}"
        return ToolCallPiece(index, self.ids[index], "function", rest)

    def whole(self) -> tuple[ToolCall, ...]:
        """The calls, in the order of their index."""
        return tuple(
            ToolCall(self.ids[index], FunctionCall(self.names.get(index, ""), "".join(pieces)))
            for index, pieces in sorted(self.arguments.items())
        )


@dataclass(slots=True)
class _Said:
    """One choice."""

    texts: list[str] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)
    tokens: list[TokenLogprob] = field(default_factory=list)
    has_logprobs: bool = False
    finish_reason: str | None = None
    stop_reason: int | str | None = None
    calls: Calls = field(default_factory=Calls)
    pieces: int = 0

    def add(self, choice: Choice) -> Delta | None:
        """Take a piece in; None where the client sees nothing of it."""
        delta = choice.delta
        text, thoughts = delta.content or "", delta.thoughts()
        tokens = tuple(choice.logprobs.content or ()) if choice.logprobs else ()
        calls = tuple([self.calls.add(piece) for piece in delta.tool_calls]) if delta.tool_calls else ()
        self.finish_reason = choice.finish_reason or self.finish_reason
        self.stop_reason = self.stop_reason if choice.stop_reason is None else choice.stop_reason
        self.pieces += 1
        if not (text or thoughts or tokens or calls):
            return None
        self.texts.append(text)
        if thoughts:
            self.thoughts.append(thoughts)
        if tokens:
            self.has_logprobs = True
            self.tokens += tokens
        return Delta(text, thoughts, tokens, tool_calls=calls, choice=choice.index)

    def final(self, engine: str, uses: tuple[Use, ...] = (), others: tuple[Final, ...] = ()) -> Final:
        """The choice as it stands."""
        return Final(
            "".join(self.texts),
            self.finish_reason or "stop",
            engine,
            tuple(self.tokens) if self.has_logprobs else None,
            "".join(self.thoughts),
            uses,
            tool_calls=self.calls.whole(),
            others=others,
            stop_reason=self.stop_reason,
        )


class Parts:
    """What a stream has brought so far."""

    def __init__(self) -> None:
        self._said: defaultdict[int, _Said] = defaultdict(_Said)
        self._usage: Usage | None = None

    def add(self, body: ChatBody) -> list[Delta]:
        """Take a chunk in; the pieces of answers in it."""
        if body.usage is not None:
            self._usage = body.usage
        deltas = []
        for choice in body.choices:
            delta = self._said[choice.index].add(choice)
            if delta is not None:
                deltas.append(delta)
        return deltas

    def break_off(self) -> None:
        """The reader has had enough: no choice goes on."""
        for said in self._said.values():
            said.finish_reason = said.finish_reason or BROKEN_OFF

    @property
    def done(self) -> bool:
        """Whether each choice has come to its end."""
        return bool(self._said) and all(said.finish_reason for said in self._said.values())

    @property
    def pieces(self) -> int:
        """How many pieces have come."""
        return sum(said.pieces for said in self._said.values())

    def final(self, engine: str) -> Final:
        """The answer as it stands."""
        first, *rest = [said for _, said in sorted(self._said.items())]
        tokens = sum(len(said.tokens) for said in (first, *rest))
        others = tuple([said.final(engine) for said in rest])
        return first.final(engine, (_use(engine, self._usage, tokens),), others)


def whole(engine: str, body: ChatBody) -> Final:
    """A body that holds the whole answer, of one choice at least."""
    first, *rest = sorted(body.choices, key=_index)
    tokens = sum([len(_tokens(choice) or ()) for choice in body.choices])
    others = tuple([_final(engine, choice) for choice in rest])
    return _final(engine, first, (_use(engine, body.usage, tokens),), others)


def _final(engine: str, choice: Choice, uses: tuple[Use, ...] = (), others: tuple[Final, ...] = ()) -> Final:
    message = choice.message
    return Final(
        message.content or "",
        choice.finish_reason or "stop",
        engine,
        _tokens(choice),
        message.thoughts(),
        uses,
        tool_calls=tuple(message.tool_calls or ()),
        others=others,
        stop_reason=choice.stop_reason,
    )


def _tokens(choice: Choice) -> tuple[TokenLogprob, ...] | None:
    return None if choice.logprobs is None else tuple(choice.logprobs.content or ())


def _index(choice: Choice) -> int:
    return choice.index


def _use(engine: str, usage: Usage | None, tokens: int) -> Use:
    """What all choices took; their `tokens` where the engine did not count."""
    if usage is None:
        return Use(engine, completion_tokens=tokens)
    prompt = usage.prompt_tokens_details or PromptDetails()
    answer = usage.completion_tokens_details or AnswerDetails()
    return Use(
        engine,
        usage.prompt_tokens,
        usage.completion_tokens or 0,
        cached_tokens=prompt.cached_tokens,
        created_cache_tokens=prompt.created_cache_tokens,
        reasoning_tokens=answer.reasoning_tokens,
    )
