"""A scripted engine: for laptops, for speed, and for faults that a real one shows only once a year."""

import asyncio
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from enum import StrEnum

import msgspec

from ..errors import EngineError, EngineLost
from ..types import Delta, Final, Request, TokenLogprob, TopLogprob, Use
from .base import BROKEN_OFF, Enough, Pieces, collect

END_OF_TURN = "<|im_end|>"


class Fault(StrEnum):
    """What goes wrong."""

    REFUSE = "refuse"  # answers 400
    ERROR = "error"  # answers 500
    CUT = "cut"  # the connection breaks in the middle of the answer
    HANG = "hang"  # takes the request and never answers
    ABORT = "abort"  # 200 with finish_reason "abort", as vLLM does when it is put to sleep
    NO_LOGPROBS = "no_logprobs"  # leaves out what was asked for


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


DEFAULT_SCRIPT = (
    Line(match=r"(?i)\bhard\b", text="I would rather not say.", logprob=-3.0),
    Line(text="This is a scripted answer."),
)


class Fake:
    """Answers by its script; the first line that matches wins. `seen` keeps every request."""

    def __init__(self, name: str, *lines: Line) -> None:
        self.name = name
        self.seen: list[Request] = []
        self.running = 0
        self._lines = lines or DEFAULT_SCRIPT

    async def answer(self, request: Request) -> Final:
        """The whole of `stream`."""
        return await collect(self.stream(request))

    async def stream(self, request: Request) -> Pieces:
        """The scripted answer, a token at a time."""
        self.seen.append(request)
        self.running += 1
        try:
            line = self.line_for(request.messages[-1].get("content"))
            await _before(self.name, line)
            tokens = cut_to(script_tokens(line), request)
            shown: list[TokenLogprob] = []
            for token in tokens:
                await asyncio.sleep(line.token_s)
                shown.append(token)
                if line.fault is Fault.CUT and len(shown) > 1:
                    raise EngineLost(f"{self.name} broke off after {len(shown)} tokens")
                try:
                    yield Delta(_visible(token), tokens=() if request.logprobs is None else (token,))
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

    def _final(self, line: Line, tokens: Sequence[TokenLogprob], request: Request) -> Final:
        whole = bool(tokens) and tokens[-1].token == END_OF_TURN
        finish_reason = line.finish_reason if whole or line.finish_reason != "stop" else "length"
        known = request.logprobs is not None and line.fault is not Fault.NO_LOGPROBS
        return Final(
            "".join(_visible(token) for token in tokens),
            finish_reason,
            self.name,
            tuple(tokens) if known else None,
            line.reasoning,
            (Use(self.name, prompt_tokens(request.messages), len(tokens)),),
        )


async def _before(name: str, line: Line) -> None:
    """Everything that can happen before the first token."""
    await asyncio.sleep(line.prefill_s)
    if line.fault is Fault.HANG:
        await asyncio.Event().wait()
    if line.fault is Fault.REFUSE:
        raise EngineError(f"{name} answered 400: the prompt is too long", status=400)
    if line.fault is Fault.ERROR:
        raise EngineError(f"{name} answered 500: out of memory")
    if line.fault is Fault.ABORT:
        raise EngineError(f"{name} aborted its answer")


def script_tokens(line: Line) -> list[TokenLogprob]:
    """The line's words as tokens, with the stop token at the end of an answer that ends by itself."""
    words = re.findall(r"\s*\S+", line.text)
    words += [END_OF_TURN] if line.finish_reason == "stop" else []
    scripted = line.logprob
    values = scripted if isinstance(scripted, list) else [scripted] * len(words)
    return [_token(word, value) for word, value in zip(words, values + [-0.01] * len(words), strict=False)]


def _token(word: str, logprob: float | None) -> TokenLogprob:
    return TokenLogprob(word, logprob, list(word.encode()), [TopLogprob(word, logprob, list(word.encode()))])


def cut_to(tokens: list[TokenLogprob], request: Request) -> list[TokenLogprob]:
    """At most as many tokens as the request allows."""
    limit = request.params.get("max_completion_tokens") or request.params.get("max_tokens")
    return tokens[:limit] if limit else tokens


def prompt_tokens(messages: Iterable[object]) -> int:
    """A word is a token."""
    return sum(len(str(message).split()) for message in messages)


def _visible(token: TokenLogprob) -> str:
    return "" if token.token == END_OF_TURN else token.token
