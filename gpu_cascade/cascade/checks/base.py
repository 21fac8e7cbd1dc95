"""What a check of a draft is: it looks at request and draft, and says a score with its evidence."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from ...types import Final, Outcome, Request

# How many characters are looked at: 25,000 and 5,000 tokens of English. One look at so many takes 75 ms at
# most, hostile ones included; at 2,000 characters of prose, JSON or code less than 1 ms.
LONGEST = 100_000
LONGEST_DENSE = 20_000  # where each character may be a number, a quotation or a node of a syntax tree

# A score in [0, 1] and its evidence, as `Outcome` has them. None: it cannot say, which never passes.
Seen = tuple[float | None, str]


class Check(Protocol):
    """A check of a draft."""

    @property
    def name(self) -> str:
        """Its key in models.yaml."""

    async def check(self, request: Request, draft: Final) -> Outcome:
        """The draft's score. Never raises for what a draft may be."""


@dataclass(frozen=True, slots=True)
class Pure:
    """A check that only computes: `look` at up to `longest` characters. A longer draft's score is unknown."""

    name: str
    look: Callable[[Request, Final], Seen]
    longest: int = LONGEST

    async def check(self, request: Request, draft: Final) -> Outcome:
        """What `look` sees."""
        length = len(draft.text)
        if length > self.longest:
            return Outcome(self.name, None, f"{length} characters, of which {self.longest} are read at most")
        score, evidence = self.look(request, draft)
        return Outcome(self.name, score, evidence)


def passes(outcome: Outcome, minimum: float) -> bool:
    """Whether the score is known and at least `minimum`."""
    return outcome.score is not None and outcome.score >= minimum
