"""From a cascade's section of models.yaml to an Answerer."""

from collections.abc import Callable

from ..cascade.budget import Pace
from ..cascade.cascade import Cascade
from ..cascade.checks.build import build
from ..cascade.rules import Band, Fixed, Rule
from ..cascade.signals import SIGNALS
from ..cascade.tier import Second, Tier
from ..config import CascadeConfig, Config
from ..engines.base import Answerer
from .engines import Engines


def by_hand(name: str, config: Config, engines: Engines) -> Cascade:
    """The cascade of that name with the threshold that stands in the file; it certifies nothing."""
    made = config.cascades[name]
    assert made.threshold is not None, "refused at load"
    *tiers, last = (engines.leased[tier] for tier in made.tiers)
    pace = Pace(engines.load)
    if made.threshold == Fixed.ESCALATE_ALL.value:
        return Cascade(name, [], last, made.sampling, lower=tiers, pace=pace)
    rule, checks = _rule(made), build(made.checks, config.resolve)
    drafting = [
        Tier(
            tier,
            rule,
            checks=checks,
            second=_second(made, rule, engines.judge),
            early=made.early_abort == "on",
        )
        for tier in tiers
    ]
    return Cascade(name, drafting, last, made.sampling, lower=tiers, pace=pace)


def _rule(made: CascadeConfig) -> Rule:
    threshold = made.threshold
    verify = made.verify
    band = None
    if verify is not None and verify.width is not None and verify.min is not None:
        band = Band(verify.width, verify.min)
    decides = Fixed(threshold) if isinstance(threshold, str) else threshold
    assert decides is not None
    return Rule(decides, SIGNALS[made.signal], band)


def _second(made: CascadeConfig, rule: Rule, judge: Callable[[str], Answerer]) -> Second | None:
    if made.verify is None or rule.band is None:
        return None
    return Second(judge(made.verify.by), rule.band, keep_unseen=made.verify.when_asleep == "keep")
