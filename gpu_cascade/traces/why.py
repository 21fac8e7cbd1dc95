"""A decision told in a few plain words: of a record, and of an answer that is just going out. Pure."""

from collections.abc import Sequence

from ..types import Decision, Use
from ..types.wish import Wish
from .record import Record
from .words import decided, spent


def why(record: Record) -> str:
    """What was drafted, how sure it was, who answered and why, what it cost."""
    told = decided(record.model, record.decision, record.uses)
    cost = "; ".join(spent(use) for use in record.uses)
    return " ".join([*told, *([f"{cost}."] if cost else []), _timed(record)])


def explain(model: str, decision: Decision, uses: Sequence[Use], wish: Wish) -> list[str]:
    """The same as a list of sentences, for who asked `model` with that wish and waits for the answer."""
    own = [] if wish.confidence is None else [f"The client asked for a confidence of {wish.confidence:g}."]
    return [*own, *decided(model, decision, uses), *(f"{spent(use)}." for use in uses)]


def _timed(record: Record) -> str:
    waiting_s = sum(use.queue_s for use in record.uses)
    return f"Answered in {record.total_s:.1f} s, of which {waiting_s:.1f} s waiting."
