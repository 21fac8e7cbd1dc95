"""What `stream` in a cascade's section means: how its tiers draft, and what joins them."""

from collections.abc import Callable, Sequence

from ..cascade.cascade import Cascade
from ..cascade.checks.build import Required
from ..cascade.commit import Committing
from ..cascade.gate import Gate
from ..cascade.promise import Promise
from ..cascade.race import Race
from ..cascade.rules import Rule
from ..cascade.tier import Drafting, Second, Tier
from ..config import CascadeConfig
from ..engines.base import Answerer


def drafts(
    made: CascadeConfig,
    engine: Answerer,
    rule: Rule,
    checks: Sequence[Required],
    second: Second | None,
    *,
    early: bool,
) -> Drafting:
    """A tier that drafts; without checks and a second look where drafts are shown before their end."""
    if made.first_tokens is not None:
        return Committing(engine, rule, made.first_tokens)
    return Tier(engine, rule, checks=checks, second=second, early=early, streamed=made.stream == "race")


def joined(
    name: str,
    made: CascadeConfig,
    drafting: Sequence[Drafting],
    last: Answerer,
    awake: Callable[[str], Answerer],
    *,
    promise: Promise | None = None,
    gate: Gate | None = None,
) -> Cascade:
    """The cascade of these tiers; `awake` gives an engine that answers only while it is awake."""
    if made.stream != "race":
        return Cascade(name, drafting, last, made.sampling, promise=promise, gate=gate)
    rival = awake(last.name)
    return Race(name, drafting, last, made.sampling, promise=promise, gate=gate, rival=rival)
