"""Asking the large engine again what a draft has answered, in idle time and for a set share of them."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any

from ..engines.base import Answerer
from ..errors import CascadeError, whereabouts
from ..events import Alarmed, Event, Shadowed
from ..types import Decision, Final, Request, Verdict
from .watch import Watch, compared, sentence, summary

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Plan:
    """How a cascade is watched. `share` of its kept answers in (0, 1]; `limit` of them wait at most."""

    cascade: str
    share: float
    sampling: Mapping[str, Any]  # the cascade's, for what the client left open
    deadline_s: float
    limit: int = 64  # each holds a whole conversation in memory


@dataclass(frozen=True, slots=True)
class _Kept:
    request: Request
    text: str
    decision: Decision


class Shadow:
    """Compares kept answers of one cascade with `large`'s. No client waits for it, none sees it fail.

    `agree` says whether a kept answer and the large model's are the same, `idle` whether `large` has room
    that nobody waits for, `predict` how probable calibration finds it that they agree. `fallback` is called
    at an alarm; without one it only warns. Conversations are held in memory and never written anywhere.

    What gives way in a full queue or fails is missing from the comparison: busy hours and questions that the
    large engine cannot answer in time are seen less often than they come.
    """

    def __init__(
        self,
        plan: Plan,
        large: Answerer,
        agree: Callable[[str, str], bool],
        idle: Callable[[], bool],
        tell: Callable[[Event], None],
        watch: Watch,
        predict: Callable[[Decision], float | None],
        fallback: Callable[[], None] | None,
    ) -> None:
        self.watch = watch
        self.dropped = self.failed = 0
        self._plan, self._large, self._agree, self._idle = plan, large, agree, idle
        self._tell, self._predict, self._fallback = tell, predict, fallback
        self._waiting: deque[_Kept] = deque()
        self._asking: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def cascade(self) -> str:
        """Whose answers these are."""
        return self._plan.cascade

    @property
    def waiting(self) -> int:
        """Kept answers that wait for idle time."""
        return len(self._waiting)

    def start(self) -> None:
        """An alarm from before a restart still holds: the fallback is taken again."""
        if self.watch.alarmed and self._fallback is not None:
            self._fallback()

    def offer(self, request: Request, final: Final) -> None:
        """An answer went out; one that was kept may be asked again. The oldest makes room where none is."""
        decision = final.decision
        if self._closed or decision is None or not vouched(decision):
            return
        if not chosen(request.id, self.cascade, self._plan.share):
            return
        if len(self._waiting) >= self._plan.limit:
            self._waiting.popleft()
            self.dropped += 1
        self._waiting.append(_Kept(request, final.text, decision))
        self.poke()

    def poke(self) -> None:
        """Something ended: there may be idle time now. Cheap; call it after every request."""
        if self._waiting and self._asking is None and self._idle():
            self._asking = asyncio.ensure_future(self._ask_all())

    async def close(self) -> None:
        """Ask nothing more; what runs is cancelled and over when this returns."""
        self._closed = True
        self._waiting.clear()
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)

    def state(self) -> dict[str, Any]:
        """What `GET /v1/cascade/state` shows of it."""
        queue = {"waiting": self.waiting, "dropped": self.dropped, "failed": self.failed}
        on_alarm = "warn" if self._fallback is None else "escalate_all"
        return {"share": self._plan.share, "on_alarm": on_alarm, **summary(self.watch), **queue}

    async def _ask_all(self) -> None:
        """One after the other while there is idle time."""
        try:
            # Between `idle` and the engine's lease nothing is awaited: the room found is the room taken.
            while self._waiting and self._idle():
                await self._ask(self._waiting.popleft())
        finally:
            self._asking = None

    async def _ask(self, kept: _Kept) -> None:
        try:
            async with asyncio.timeout(self._plan.deadline_s):
                final = await self._large.answer(self._again(kept.request))
            self._compare(kept, final)
        except (CascadeError, TimeoutError) as error:
            self.failed += 1
            log.info("%s was not asked again: %s", kept.request.id, type(error).__name__)
        except Exception as error:  # noqa: BLE001 - whatever it is, the next one can still be asked
            self.failed += 1
            log.error("%s could not be compared\n%s", kept.request.id, whereabouts(error))

    def _again(self, request: Request) -> Request:
        """What the last tier would have been asked, had the draft not stood."""
        return replace(
            request,
            params={**self._plan.sampling, **request.params},
            logprobs=None,
            id=f"{request.id}-shadow",
            caller="monitor",
            deadline=time.monotonic() + self._plan.deadline_s,
        )

    def _compare(self, kept: _Kept, final: Final) -> None:
        agreed, predicted = self._agree(kept.text, final.text), self._predict(kept.decision)
        before, share = self.watch, self._plan.share
        self.watch = compared(before, agreed, share, predicted)
        self._tell(Shadowed(self.cascade, kept.request.id, agreed, share, predicted, final.answered_by))
        if self.watch.alarmed and not before.alarmed:
            self._alarm()

    def _alarm(self) -> None:
        warns = self._fallback is None
        reaction = "Drafts are still kept." if warns else "Every request now goes to the last tier."
        said, drift = sentence(self.watch, self.cascade, reaction), self.watch.drift
        log.warning("%s", said)
        self._tell(Alarmed(self.cascade, "disagreement", drift.evidence, 1 / drift.alarm, drift.n, said))
        if self._fallback is not None:
            self._fallback()


def vouched(decision: Decision) -> bool:
    """Whether a draft stands under a certificate: about any other answer calibration has said nothing."""
    kept = bool(decision.judged) and decision.judged[-1].keep
    return kept and decision.certified and decision.verdict in {Verdict.KEPT, Verdict.ESCALATED}


def chosen(id: str, seed: str, share: float) -> bool:  # noqa: A002 - what everybody calls it
    """Whether the request is in the share: by a hash of its id, so that it can be told again afterwards."""
    digest = blake2b(id.encode(), key=seed.encode()[:64], digest_size=8).digest()
    return int.from_bytes(digest) < share * 2**64
