"""What `stream` in a cascade's section means: how its tiers draft, and what joins them."""

from collections.abc import Sequence
from functools import partial

from ..cascade.budget import Pace
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
from .engines import Tiers


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
    tiers: Sequence[Answerer],
    engines: Tiers,
    *,
    promise: Promise | None = None,
    gate: Gate | None = None,
) -> Cascade:
    """The cascade of these tiers, cheapest first, of which `drafting` draft."""
    *lower, last = tiers
    make = partial(Race, rival=engines.judge(last.name)) if made.stream == "race" else Cascade
    return make(
        name, drafting, last, made.sampling, lower=lower, promise=promise, gate=gate, pace=Pace(engines.load)
    )
