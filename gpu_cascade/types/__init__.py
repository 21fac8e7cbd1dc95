"""The words everything else is written in."""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

import msgspec

from .wish import NO_WISH, Sticky, Wish

T = TypeVar("T")
NULL, NOTHING = msgspec.Raw(b"null"), msgspec.Raw(b"[]")


class Verdict(StrEnum):
    """What became of the request."""

    KEPT = "kept"  # the draft was sure enough and is the answer
    ESCALATED = "escalated"  # a later tier answered instead
    DIRECT = "direct"  # the client named an engine, no cascade was asked
    FORCED = "forced"  # the configuration or the request fixed the tier
    SKIPPED = "skipped"  # the gate sent it up without a draft
    DEGRADED = "degraded"  # it should have escalated and could not
    UNANSWERED = "unanswered"  # the last tier failed its checks


class Reason(StrEnum):
    """Why the verdict is what it is."""

    SURE = "sure"
    VERIFIED = "verified"
    UNSURE = "unsure"
    INCOMPLETE = "incomplete"  # empty, or cut by `max_tokens`
    FAILED_CHECK = "failed_check"
    NO_EVIDENCE = "no_evidence"  # a token without a finite logprob
    SINKING = "sinking"
    GATE = "gate"
    STICKY = "sticky"
    POLICY = "policy"
    BUDGET = "budget"
    DEADLINE = "deadline"
    TIER_DOWN = "tier_down"
    OPERATOR = "operator"
    CLIENT = "client"  # it asked for that tier, or for no higher one


class TopLogprob(msgspec.Struct, frozen=True, gc=False):
    """An alternative the engine weighed at one place. `logprob` in nats."""

    token: str
    logprob: float | None = None
    bytes: msgspec.Raw = NULL


class TokenLogprob(msgspec.Struct, frozen=True, gc=False):
    """One generated token. `logprob` in nats, raw (before temperature); None where the engine sent none.

    What else the engine said of it stays JSON until somebody reads it. It is nine tenths of an answer with
    five alternatives per token, and most answers are judged and passed on without: reading it all took 185 us
    of 64 tokens and writing it again as much, this takes 55.
    """

    token: str
    logprob: float | None = None
    bytes: msgspec.Raw = NULL
    alternatives: msgspec.Raw = msgspec.field(default=NOTHING, name="top_logprobs")

    @property
    def top_logprobs(self) -> list[TopLogprob]:
        """The alternatives, as the engine ordered them; none where it sent something else."""
        return _read(_ALTERNATIVES, self.alternatives)

    @property
    def most_alternatives(self) -> int:
        """How many there are at most, without reading them: a token that is the word `logprob` counts too."""
        return bytes(self.alternatives).count(b'"logprob"')

    @property
    def top_values(self) -> list[float | None]:
        """Their logprobs alone, in half the time."""
        return [one.logprob for one in _read(_VALUES, self.alternatives)]


class _Value(msgspec.Struct, frozen=True, gc=False):
    logprob: float | None = None


_ALTERNATIVES = msgspec.json.Decoder(list[TopLogprob])
_VALUES = msgspec.json.Decoder(list[_Value])


def _read(decoder: msgspec.json.Decoder[list[T]], raw: msgspec.Raw) -> list[T]:
    try:
        return decoder.decode(raw)
    except msgspec.MsgspecError:
        return []


def weighed(
    token: str,
    logprob: float | None,
    alternatives: Sequence[TopLogprob] = (),
    in_bytes: Sequence[int] | None = None,
) -> TokenLogprob:
    """A token with what the engine said of it, for whoever does not have it as JSON."""
    encode = msgspec.json.encode
    return TokenLogprob(token, logprob, msgspec.Raw(encode(in_bytes)), msgspec.Raw(encode(alternatives)))


class FunctionCall(msgspec.Struct, frozen=True):
    """What is to be called. `arguments` is JSON as the model wrote it: nobody has parsed it."""

    name: str
    arguments: str = ""


class ToolCall(msgspec.Struct, frozen=True):
    """A tool that the model wants called."""

    id: str
    function: FunctionCall
    type: str = "function"


class FunctionPiece(msgspec.Struct, frozen=True, omit_defaults=True):
    """A piece of a `FunctionCall` in a stream."""

    name: str | None = None
    arguments: str | None = None


class ToolCallPiece(msgspec.Struct, frozen=True, omit_defaults=True):
    """A piece of the answer's `index`-th tool call: id, type and name come once, arguments in pieces."""

    index: int
    id: str | None = None
    type: str | None = None
    function: FunctionPiece | None = None


ANONYMOUS = "anonymous"  # a caller who did not say who it is


def new_id() -> str:
    """A request id, unique without coordination."""
    return f"gc-{os.urandom(16).hex()}"


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be answered. `params` holds only allow-listed parameters, as plain JSON values.

    `raw`: the text of the one message is completed as it stands, without a chat template.
    """

    messages: Sequence[Mapping[str, Any]]
    params: Mapping[str, Any] = field(default_factory=dict)
    logprobs: int | None = None  # alternatives per token wanted; 0: the token alone; None: no logprobs at all
    id: str = field(default_factory=new_id)
    caller: str = ANONYMOUS
    deadline: float | None = None  # `time.monotonic()` seconds after which nobody waits
    urgent: bool = False  # escalated: who asked has waited for a draft already
    raw: bool = False
    wish: Wish = NO_WISH
    stuck: Sticky | None = None  # the turn before this one escalated: what that means for this one

    def left_s(self) -> float | None:
        """Seconds until the deadline, None without one; never negative."""
        return None if self.deadline is None else max(0.0, self.deadline - time.monotonic())


@dataclass(frozen=True, slots=True)
class Use:
    """What one engine spent on one request. `engine_s` is this request's share of the engine's busy time."""

    engine: str
    prompt_tokens: int = 0
    completion_tokens: int = 0
    engine_s: float = 0.0
    queue_s: float = 0.0
    version: str = "unknown"
    cached_tokens: int | None = None  # of the prompt, found in the prefix cache; None: the engine did not say
    created_cache_tokens: int | None = None  # of the prompt, put there
    reasoning_tokens: int | None = None  # of the answer


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a check found. `score` in [0, 1], None for unknown; `evidence` never quotes prompt or answer."""

    name: str
    score: float | None
    evidence: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """One draft, judged: every number that decided. `signal` and `threshold` in the signal's own unit."""

    engine: str
    signal: float | None
    threshold: float | None
    reason: Reason
    keep: bool
    by: str = "logprob_quantile"  # which signal
    outcomes: tuple[Outcome, ...] = ()
    judge: str | None = None  # the engine that was asked whether the draft is right
    p_true: float | None = None  # what it said; None where it was not asked or said neither
    p_least: float | None = None  # what it had to say at least
    tokens_read: int | None = None  # of a draft that was broken off


@dataclass(frozen=True, slots=True)
class Decision:
    """Which tier answered and why. `judged` has one entry per draft, in order."""

    tier: str
    verdict: Verdict
    reason: Reason
    judged: tuple[Judgement, ...] = ()
    certified: bool = False

    @property
    def confidence(self) -> float | None:
        """The last draft's signal: the kept draft's own, or the one that sent the request up."""
        return self.judged[-1].signal if self.judged else None


@dataclass(slots=True)  # not frozen: that takes four times as long, and every chunk of a stream is one
class Delta:
    """A piece of an answer, of its `choice`-th one where several were asked for.

    The first piece of a cascade's answer carries the decision. `followed`: the next piece came with it, so
    whoever writes may wait for that one.
    """

    text: str = ""
    reasoning: str = ""
    tokens: tuple[TokenLogprob, ...] = ()
    decision: Decision | None = None
    tool_calls: tuple[ToolCallPiece, ...] = ()
    choice: int = 0
    followed: bool = False


@dataclass(frozen=True, slots=True)
class Final:
    """A whole answer. `tokens` are all generated ones, the stop token included, as the engine sent them.

    Where several were asked for (`n`) this is the first; `others` are the rest, and `uses` are those of all.
    """

    text: str
    finish_reason: str
    engine: str
    tokens: tuple[TokenLogprob, ...] | None = None  # None: the engine sent no logprobs
    reasoning: str = ""
    uses: tuple[Use, ...] = ()
    decision: Decision | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    others: tuple["Final", ...] = ()
    stop_reason: int | str | None = None  # the `stop` or stop token that ended it; None: something else did

    @property
    def blank(self) -> bool:
        """Whether it says nothing: neither text nor a tool call."""
        return not self.tool_calls and not self.text.strip()

    @property
    def arguments(self) -> list[str]:
        """What its tool calls pass, in order."""
        return [call.function.arguments for call in self.tool_calls]

    @property
    def answered_by(self) -> Use:
        """What the engine whose text this is spent."""
        own = [use for use in self.uses if use.engine == self.engine]
        return own[-1] if own else Use(self.engine)
