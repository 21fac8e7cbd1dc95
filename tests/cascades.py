"""A cascade of Answerers by one hand-written threshold, as the tests of several parts need it."""

from gpu_cascade.cascade.cascade import Cascade
from gpu_cascade.cascade.rules import Fixed, Rule
from gpu_cascade.cascade.tier import Tier


def cascade(*tiers, threshold=-0.9, sampling=None, early=False, **more):
    rule = Rule(threshold)
    drafting = [] if threshold is Fixed.ESCALATE_ALL else [Tier(t, rule, early=early) for t in tiers[:-1]]
    return Cascade("cascade", drafting, tiers[-1], sampling or {"temperature": 0}, lower=tiers[:-1], **more)
