"""A scripted engine: for laptops, for speed, and for faults that a real one shows only once a year."""

import asyncio
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from enum import StrEnum

import msgspec

from ..errors import EngineError, EngineLost
from ..types import Delta, Final, FunctionCall, Request, Use
from .base import BROKEN_OFF, Enough, Pieces, collect
from .fake_words import (
    Word,
    blank,
    blanks_allowed,
    called,
    cut_to,
    ended,
    in_turn,
    offers_tools,
    spoken,
    written,
)


class Fault(StrEnum):
    """What goes wrong."""

    REFUSE = "refuse"  # answers 400
    ERROR = "error"  # answers 500
    CUT = "cut"  # the connection breaks in the middle of the answer
    HANG = "hang"  # takes the request and never answers
    ABORT = "abort"  # 200 with finish_reason "abort", as vLLM does when it is put to sleep
    NO_LOGPROBS = "no_logprobs"  # leaves out what was asked for
    NO_PARSER = "no_parser"  # cannot read tool calls: answers 400 where a request may lead to one
    BLANKS = "blanks"  # under a grammar it writes blanks for as long as it may


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is said when `match` (a regular expression) is found in the last message. Times in seconds."""

    match: str = ""
    text: str = "All right."
    logprob: float | list[float | None] = -0.05  # of every token, or one for each
    finish_reason: str = "stop"
    reasoning: str = ""
    prefill_s: float = 0.0
    token_s: float = 0.0
    fault: Fault | None = None
    calls: list[FunctionCall] = []  # where the request offers tools, these are called instead
    others: list[str] = []  # what the choices after the first say, where several are asked for


DEFAULT_SCRIPT = (
    Line(match=r"(?i)\bhard\b", text="I would rather not say.", logprob=-3.0),
    Line(text="This is a scripted answer."),
)


class Fake:
    """Answers by its script; the first line that matches wins. `seen` keeps every request."""

    def __init__(self, name: str, *lines: Line) -> None:
        self.name = name
        self.seen: list[Request] = []
        self.running = self.most = 0  # requests at once: now, and ever
        self._lines = lines or DEFAULT_SCRIPT

    async def answer(self, request: Request) -> Final:
        """The whole of `stream`."""
        return await collect(self.stream(request))

    async def stream(self, request: Request) -> Pieces:
        """The scripted answer, a token at a time."""
        self.seen.append(request)
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            line = self.line_for(request.messages[-1].get("content"))
            await _before(self.name, line, request)
            choices = _choices(line, request)
            shown: list[list[Word]] = [[] for _ in choices]
            for choice, word in in_turn(choices):
                await asyncio.sleep(line.token_s)
                shown[choice].append(word)
                if line.fault is Fault.CUT and len(shown[0]) > 1:
                    raise EngineLost(f"{self.name} broke off after {len(shown[0])} tokens")
                tokens = (word.token,) if _tells(line, request) else ()
                try:
                    yield Delta(word.text, tokens=tokens, tool_calls=word.calls, choice=choice)
                except Enough:
                    yield replace(self._final(line, shown, request), finish_reason=BROKEN_OFF)
                    return
            yield self._final(line, shown, request)
        finally:
            self.running -= 1

    def line_for(self, content: object) -> Line:
        """The first line whose `match` is found in the last message."""
        text = content if isinstance(content, str) else str(content)
        return next(line for line in (*self._lines, Line()) if re.search(line.match, text))

    def _final(self, line: Line, shown: Sequence[Sequence[Word]], request: Request) -> Final:
        known = _tells(line, request)
        first, *others = [
            written(self.name, words, _reason(line, words), line.reasoning, logprobs=known) for words in shown
        ]
        spent = Use(self.name, prompt_tokens(request.messages), sum(map(len, shown)))
        return replace(first, uses=(spent,), others=tuple(others))


def _tells(line: Line, request: Request) -> bool:
    """Whether log-probabilities come."""
    return request.logprobs is not None and line.fault is not Fault.NO_LOGPROBS


def _choices(line: Line, request: Request) -> list[list[Word]]:
    """What is said: the calls where the request offers tools, else a text for each choice."""
    count = request.params.get("n") or 1
    if line.calls and offers_tools(request.params):
        return [cut_to(called(line.calls, line.logprob), request)] * count
    if line.fault is Fault.BLANKS and (bound := blanks_allowed(request.params)) is not None:
        return [cut_to(blank(bound, line.logprob), request)]
    texts = [line.text, *line.others]
    ends = line.finish_reason == "stop"
    said = [spoken(texts[choice % len(texts)], line.logprob, ends=ends) for choice in range(count)]
    return [cut_to(words, request) for words in said]


def _reason(line: Line, words: Sequence[Word]) -> str:
    if not ended(words) and line.finish_reason == "stop":
        return "length"
    return "tool_calls" if any(word.calls for word in words) else line.finish_reason


async def _before(name: str, line: Line, request: Request) -> None:
    """Everything that can happen before the first token."""
    await asyncio.sleep(line.prefill_s)
    if line.fault is Fault.HANG:
        await asyncio.Event().wait()
    if line.fault is Fault.REFUSE:
        raise EngineError(f"{name} answered 400: the prompt is too long", status=400)
    if line.fault is Fault.NO_PARSER and offers_tools(request.params):
        raise EngineError(f"{name} has no parser for tool calls", status=400, param="tool_choice")
    if line.fault is Fault.ERROR:
        raise EngineError(f"{name} answered 500: out of memory")
    if line.fault is Fault.ABORT:
        raise EngineError(f"{name} aborted its answer")


def prompt_tokens(messages: Iterable[object]) -> int:
    """A word is a token."""
    return sum(len(str(message).split()) for message in messages)
