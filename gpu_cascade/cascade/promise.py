"""Which answers a certificate speaks for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..types import Judgement, Reason, Request, Verdict

# What changes neither a draft's tokens nor their probabilities, only where it ends.
LENGTHS = frozenset({"max_tokens", "max_completion_tokens"})
KEPT_ITS_WORD = frozenset({Verdict.KEPT, Verdict.ESCALATED, Verdict.SKIPPED})


@dataclass(frozen=True, slots=True)
class Promise:
    """A certificate in force: for which sampling, which other parameters, and while what is running stands.

    `params` are the names that the calibrated requests carried. `stands` is asked at every answer: an engine
    may come back in another version.
    """

    sampling: Mapping[str, Any]
    params: frozenset[str]
    stands: Callable[[], bool]

    def covers(self, request: Request) -> bool:
        """Whether the request is like those that were calibrated: a parameter of its own takes it out.

        So does a raw prompt: chats were calibrated; and so does whatever else was to decide: the client's own
        wish, the turn before.
        """
        if request.raw or request.stuck is not None or request.wish.overrides:
            return False
        return self.stands() and all(
            name in LENGTHS or name in self.params or self.sampling.get(name) == value
            for name, value in request.params.items()
        )


def keeps_its_word(verdict: Verdict, judged: tuple[Judgement, ...]) -> bool:
    """Whether an answer came about as certified: nothing degraded, no draft kept that nobody could judge."""
    unseen = any(judgement.keep and judgement.reason is Reason.TIER_DOWN for judgement in judged)
    return verdict in KEPT_ITS_WORD and not unseen
