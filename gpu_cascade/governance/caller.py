"""Whoever stands behind a request, and what they may do. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from ..types import ANONYMOUS


class Role(StrEnum):
    """What a caller may look at beside their own answers."""

    USER = "user"
    OPERATOR = "operator"  # state, metrics, everybody's decisions


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. `groups` say which documents they see; a role opens none.

    `cascades` are the names that they may put in `model`, None for all. The name of who has no key of their
    own is `ANONYMOUS`.
    """

    name: str
    groups: frozenset[str]
    team: str | None
    role: Role
    cascades: frozenset[str] | None

    @property
    def is_operator(self) -> bool:
        """Whether state, metrics and everybody's decisions are theirs to see."""
        return self.role is Role.OPERATOR

    def may_use(self, model: str) -> bool:
        """Whether a cascade or an engine exists for them."""
        return self.cascades is None or model in self.cascades

    def may_read(self, owner: str) -> bool:
        """Whether a decision about `owner` is theirs to see. What nobody put a name to belongs to nobody."""
        return self.is_operator or (self.name == owner and owner != ANONYMOUS)


PUBLIC = Caller(ANONYMOUS, frozenset(), None, Role.USER, None)  # without a key, where keys are in use
# The holder of the one static key; and the person at the machine, while no key was ever made.
OPERATOR = Caller(ANONYMOUS, frozenset(), None, Role.OPERATOR, None)
