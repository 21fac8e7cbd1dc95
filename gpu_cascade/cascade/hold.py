"""Reading a draft as it streams: one that can no longer be kept is broken off."""

from contextlib import aclosing
from dataclasses import dataclass

from ..engines.base import BROKEN_OFF, Answerer, break_off
from ..types import Delta, Final, Request, TokenLogprob
from .running import Running, running
from .signals import SIGNALS, Signal
from .tokens import top_of

# Here the answer's own tokens are known at its end only: a stop string is cut off, forced ones are left out,
# and of a tool call only the arguments count.
UNREADABLE = frozenset({"stop", "structured_outputs", "response_format", "tools"})


@dataclass(frozen=True, slots=True)
class Held:
    """A draft, whole or broken off: then `bound` is what its signal could have been at most."""

    final: Final
    bound: float | None = None
    tokens_read: int = 0


async def hold(answerer: Answerer, request: Request, signal: Signal, floor: float) -> Held:
    """The draft, read while it is written, and broken off at the first token that puts it below `floor`.

    The verdict is that of the whole draft: what is tracked can only fall. The newest token is left out until
    another one comes, since it may be the stop token, which is none of the answer's own.
    """
    follow = _Follow(signal, floor, request)
    async with aclosing(answerer.stream(request)) as pieces:
        async for piece in pieces:
            if isinstance(piece, Final):
                return Held(piece)
            if follow.sinks(piece):
                final = await break_off(pieces) or Final("", BROKEN_OFF, answerer.name)
                return Held(final, follow.bound, follow.read)
    raise AssertionError("a stream ended without a Final")


class _Follow:
    """The signal of a draft so far."""

    def __init__(self, signal: Signal, floor: float, request: Request) -> None:
        self._running = _running(signal, request)
        self._floor = floor
        self._newest: TokenLogprob | None = None
        self.bound = 0.0
        self.read = 0

    def sinks(self, piece: Delta) -> bool:
        """Whether the draft is below the floor for good."""
        if piece.reasoning:  # the answer's first token may come in the same piece, and nobody knows where
            self._running = None
        if self._running is None:
            return False
        for token in piece.tokens:
            bound = self._before(token, self._running)
            if bound is not None and bound < self._floor:
                self.bound = bound
                return True
        return False

    def _before(self, token: TokenLogprob, running: Running) -> float | None:
        """Take in the token before this one."""
        newest, self._newest = self._newest, token
        if newest is None:
            return None
        self.read += 1
        return running.add(newest.logprob, top_of(newest))


def _running(signal: Signal, request: Request) -> Running | None:
    if not UNREADABLE.isdisjoint(request.params) or signal.name not in SIGNALS:  # a learned rule may rise
        return None
    limit = request.params.get("max_completion_tokens") or request.params.get("max_tokens")
    return running(signal.name, limit)
