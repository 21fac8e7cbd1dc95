"""Conversations stick: after a turn that went up, the next one is not drafted as any other.

Nothing of a prompt is kept, only a keyed hash of it, in memory.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any, Protocol

from ..engines.base import Answerer, Pieces
from ..types import Decision, Final, Reason, Request, Verdict
from ..types.wish import Sticky
from .messages import text_of

KEPT = 65_536  # conversations of a cascade
UP = frozenset({Verdict.ESCALATED, Verdict.SKIPPED})


class Memory(Protocol):
    """Which conversations went up. Plain data in and out: it may lie in another process."""

    def recall(self, key: bytes) -> bool:
        """Whether it is remembered."""

    def remember(self, key: bytes) -> None:
        """From now on, for a while."""

    def forget(self, key: bytes) -> None:
        """No longer; what is not there need not be."""


class Remembered:
    """A `Memory` in this process: each key for `ttl_s` seconds, the `kept` newest."""

    def __init__(
        self, ttl_s: float, clock: Callable[[], float] = time.monotonic, *, kept: int = KEPT
    ) -> None:
        self._ttl_s, self._clock, self._kept = ttl_s, clock, kept
        self._until: dict[bytes, float] = {}  # the oldest first: all are kept for as long

    def recall(self, key: bytes) -> bool:
        """Whether it was remembered less than `ttl_s` ago."""
        return self._until.get(key, self._clock()) > self._clock()

    def remember(self, key: bytes) -> None:
        """For `ttl_s` from now on; what is over, and the oldest beyond `kept`, goes."""
        now = self._clock()
        self._until.pop(key, None)
        self._until[key] = now + self._ttl_s
        while len(self._until) > self._kept or next(iter(self._until.values())) <= now:
            del self._until[next(iter(self._until))]

    def forget(self, key: bytes) -> None:
        """No longer."""
        self._until.pop(key, None)


def key_of(secret: bytes, caller: str, cascade: str, messages: Sequence[Mapping[str, Any]]) -> bytes:
    """A conversation of that caller with that cascade: a keyed hash of who said what, in this order.

    Of a message its role and its text, without white space around it, count; images and tool calls do not.
    """
    digest = blake2b(key=secret, digest_size=16)
    said = [part for message in messages for part in (str(message.get("role")), text_of(message).strip())]
    for part in (caller, cascade, *said):
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8))  # what ends where must not be for a client to choose
        digest.update(data)
    return digest.digest()


@dataclass(frozen=True, slots=True)
class _Turn:
    """One request of a conversation. `before`: its key up to the answer of the turn before."""

    request: Request
    before: bytes


class Sticking:
    """A cascade whose conversations stick as `mode` says, where a request does not say otherwise.

    `secret` (at most 64 bytes) keys the hashes; who shares `memory` shares it.
    """

    def __init__(self, cascade: Answerer, mode: Sticky, memory: Memory, secret: bytes) -> None:
        self.name = cascade.name
        self._cascade, self._mode, self._memory, self._secret = cascade, mode, memory, secret

    async def answer(self, request: Request) -> Final:
        """The whole answer."""
        turn = self._turn(request)
        if turn is None:
            return await self._cascade.answer(request)
        final = await self._cascade.answer(turn.request)
        self._ended(turn, final)
        return final

    def stream(self, request: Request) -> Pieces:
        """The pieces as they come."""
        turn = self._turn(request)
        return self._cascade.stream(request) if turn is None else self._stream(turn)

    async def _stream(self, turn: _Turn) -> Pieces:
        async with aclosing(self._cascade.stream(turn.request)) as pieces:
            async for piece in pieces:
                if isinstance(piece, Final):
                    self._ended(turn, piece)  # before it goes out: the next turn may come at once
                yield piece

    def _turn(self, request: Request) -> _Turn | None:
        """None where nothing is to stick: a completion has no turns, and a client may have decided all."""
        wish = request.wish
        mode = wish.sticky or self._mode
        if mode is Sticky.OFF or request.raw or wish.tier is not None or wish.confidence is not None:
            return None
        before = self._key(request, until_answer(request.messages))
        stuck = mode if self._memory.recall(before) else None
        return _Turn(replace(request, stuck=stuck), before)

    def _ended(self, turn: _Turn, final: Final) -> None:
        """Remember the conversation as it is now where it went up; forget it where a surer draft stood."""
        decision, request = final.decision, turn.request
        assert decision is not None
        if went_up(decision):
            said = {"role": "assistant", "content": final.text}
            self._memory.remember(self._key(request, [*request.messages, said]))
        elif request.stuck and decision.verdict is Verdict.KEPT:
            self._memory.forget(turn.before)

    def _key(self, request: Request, messages: Sequence[Mapping[str, Any]]) -> bytes:
        return key_of(self._secret, request.caller, self.name, messages)


def until_answer(messages: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """The conversation up to the last answer in it; nothing where there is none."""
    answers = [place for place, message in enumerate(messages) if message.get("role") == "assistant"]
    return messages[: answers[-1] + 1] if answers else ()


def went_up(decision: Decision) -> bool:
    """Whether a higher tier had to answer. A tier that was down says nothing about the conversation."""
    return decision.verdict in UP and decision.reason is not Reason.TIER_DOWN
