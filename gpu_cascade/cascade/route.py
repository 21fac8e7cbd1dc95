"""Which tiers a request may use, by the client's own wish; and wishes that mean nothing here. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..engines.base import Answerer
from ..errors import BadRequest
from ..types.wish import Wish
from .signals import Signal
from .tier import Drafting


@dataclass(frozen=True, slots=True)
class Route:
    """The tiers that draft, and the one that answers as it is. `forced`: the client has put it there."""

    drafting: tuple[Drafting, ...]
    last: Answerer
    forced: bool = False


def route(wish: Wish, drafting: Sequence[Drafting], tiers: Sequence[Answerer]) -> Route:
    """The way of a request; `tiers` are all that there are, cheapest first.

    1. Nothing is asked: all of them. 2. One tier: no other drafts. 3. No tier above one: that one is the
    last, and answers as the last does, unjudged. Raises `BadRequest` for a tier that is not there.
    """
    top = wish.tier or wish.max_tier
    if top is None:  # (1)
        return Route(tuple(drafting), tiers[-1])
    names = [tier.name for tier in tiers]
    if top not in names:
        param = "cascade.tier" if wish.tier else "cascade.max_tier"
        raise BadRequest(f"{param} is {top!r}; the tiers here are {', '.join(names)}", param=param)
    place = names.index(top)
    if wish.tier:  # (2)
        return Route((), tiers[place], forced=True)
    below = tuple(tier for tier in drafting if tier.name in names[:place])  # (3)
    return Route(below, tiers[place], forced=top != names[-1])


def refuse_confidence(confidence: float, signals: Sequence[Signal]) -> None:
    """Raises `BadRequest` where such a number cannot decide about drafts that these signals judge."""
    wrong = _wrong(confidence, signals)
    if wrong is not None:
        raise BadRequest(f"cascade.confidence {wrong}", param="cascade.confidence")


def _wrong(confidence: float, signals: Sequence[Signal]) -> str | None:
    """What is wrong with it, None where nothing is."""
    names = sorted({signal.name for signal in signals})
    if not names:
        return "has nothing to decide: this cascade sends every request up; leave it out"
    if len(names) > 1:
        return (
            f"would mean something else at each tier: they are judged by {' and '.join(names)}; leave it out"
        )
    if all(signal.odds is None for signal in signals):
        return None
    if not 0 <= confidence <= 1:
        return f"is {confidence:g}; here it is the probability that a draft is right, from 0 to 1"
    if any(signal.odds is not None and signal.odds.reach(confidence) is None for signal in signals):
        return "needs probabilities, and this calibration has too few rows for them; leave it out"
    return None


def refuse_wishes(engine: str, wish: Wish) -> None:
    """Raises `BadRequest` for the first wish about a cascade, where the client named an engine itself."""
    for name in wish.named():
        raise BadRequest(
            f"cascade.{name} has nothing to decide: model names the engine {engine} itself; ask a cascade, "
            f"or leave it out",
            param=f"cascade.{name}",
        )
