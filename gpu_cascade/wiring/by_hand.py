"""From a cascade's section of models.yaml to an Answerer."""

from collections.abc import Callable

from ..cascade.cascade import Cascade
from ..cascade.checks.build import build
from ..cascade.rules import Band, Fixed, Rule
from ..cascade.signals import SIGNALS
from ..cascade.tier import Second
from ..config import CascadeConfig, Config
from ..engines.base import Answerer
from .engines import Tiers
from .streams import drafts, joined


def by_hand(name: str, config: Config, engines: Tiers) -> Cascade:
    """The cascade of that name with the threshold that stands in the file; it certifies nothing."""
    made = config.cascades[name]
    assert made.threshold is not None, "refused at load"
    tiers = [engines.leased[tier] for tier in made.tiers]
    if made.threshold == Fixed.ESCALATE_ALL.value:
        return joined(name, made, [], tiers, engines)
    rule, checks = _rule(made), build(made.checks, config.resolve)
    second, early = _second(made, rule, engines.judge), made.early_abort == "on"
    drafting = [drafts(made, tier, rule, checks, second, early=early) for tier in tiers[:-1]]
    return joined(name, made, drafting, tiers, engines)


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
