"""From a draft to keep or climb. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from ..types import Final, Judgement, Reason
from .signals import answer_tokens, finite_logprobs, logprob_quantile

COMPLETE = frozenset({"stop", "tool_calls"})


class Fixed(StrEnum):
    """A rule that asks nothing of the draft."""

    KEEP_ALL = "keep_all"
    ESCALATE_ALL = "escalate_all"


@dataclass(frozen=True, slots=True)
class Rule:
    """Keep a draft whose signal is at least `threshold` (nats), or what a fixed rule says."""

    threshold: float | Fixed


def judge(draft: Final, rule: Rule) -> Judgement:
    """Whether the draft stands.

    1. The rule keeps everything: it stands, by policy.
    2. It is empty or was cut: incomplete.
    3. A logprob of the answer's own tokens is missing or not finite: no evidence.
    4. Its signal is at least the threshold: sure; below: unsure.
    """
    logprobs = finite_logprobs(answer_tokens(draft))
    signal = None if logprobs is None else logprob_quantile(logprobs)
    if isinstance(rule.threshold, Fixed):  # (1)
        keep = rule.threshold is Fixed.KEEP_ALL
        return Judgement(draft.engine, signal, None, Reason.POLICY, keep)
    threshold = rule.threshold
    if not draft.text.strip() or draft.finish_reason not in COMPLETE:  # (2)
        return Judgement(draft.engine, signal, threshold, Reason.INCOMPLETE, keep=False)
    if signal is None:  # (3)
        return Judgement(draft.engine, None, threshold, Reason.NO_EVIDENCE, keep=False)
    sure = signal >= threshold  # (4)
    return Judgement(draft.engine, signal, threshold, Reason.SURE if sure else Reason.UNSURE, sure)
