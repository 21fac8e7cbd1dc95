"""From a draft to keep or climb. Pure."""

from dataclasses import dataclass, replace
from enum import StrEnum

from ..types import Final, Judgement, Outcome, Reason, Request
from ..types.wish import Sticky
from .signals import SIGNALS, Signal
from .tokens import evidence

COMPLETE = frozenset({"stop", "tool_calls"})


class Fixed(StrEnum):
    """A rule that asks nothing of the draft."""

    KEEP_ALL = "keep_all"
    ESCALATE_ALL = "escalate_all"


@dataclass(frozen=True, slots=True)
class Band:
    """Drafts worth a second look: up to `width` below the threshold; P(True) >= `least` keeps them."""

    width: float
    least: float


@dataclass(frozen=True, slots=True)
class Rule:
    """Keep a draft whose signal is at least `threshold` (in its unit), or what a fixed rule says."""

    threshold: float | Fixed
    signal: Signal = SIGNALS["logprob_quantile"]
    band: Band | None = None

    def doubts(self, judgement: Judgement) -> bool:
        """Whether a second look may still save this draft."""
        if self.band is None or judgement.reason is not Reason.UNSURE or judgement.signal is None:
            return False
        return not isinstance(self.threshold, Fixed) and judgement.signal >= self.threshold - self.band.width

    @property
    def floor(self) -> float | None:
        """Below it a draft climbs whatever else is found; None where no number decides."""
        if isinstance(self.threshold, Fixed):
            return None
        return self.threshold - (self.band.width if self.band else 0.0)


def rule_for(rule: Rule, request: Request) -> Rule:
    """The rule for this request.

    1. The client said how sure a draft must be. 2. The turn before escalated: a stricter threshold; where
    none decides there is none to move. 3. The rule itself.
    """
    signal, confidence = rule.signal, request.wish.confidence
    if confidence is not None:  # (1)
        least = confidence if signal.odds is None else signal.odds.reach(confidence)
        assert least is not None, "refused before anything was drafted"
        return replace(rule, threshold=least)
    if request.stuck is Sticky.STRICTER and not isinstance(rule.threshold, Fixed):  # (2)
        return replace(rule, threshold=signal.stricter(rule.threshold))
    return rule  # (3)


def judge(draft: Final, rule: Rule, *, guided: bool = False, first: int | None = None) -> Judgement:
    """Whether the draft stands, by its own tokens, or by the `first` so many of them.

    `guided`: a grammar chose some of them.

    1. The rule keeps everything: it stands, by policy.
    2. It is empty or was cut: incomplete.
    3. A number that the signal needs is missing or not finite: no evidence.
    4. Its signal is at least the threshold: sure; below: unsure.
    """
    found = evidence(draft, guided=guided, first=first, tops=rule.signal.tops > 0)
    signal = None if found is None else rule.signal.score(found)
    if isinstance(rule.threshold, Fixed):  # (1)
        keep = rule.threshold is Fixed.KEEP_ALL
        return Judgement(draft.engine, signal, None, Reason.POLICY, keep, rule.signal.name)
    reason = _reason(draft, signal, rule.threshold)
    return Judgement(draft.engine, signal, rule.threshold, reason, reason is Reason.SURE, rule.signal.name)


def _reason(draft: Final, signal: float | None, threshold: float) -> Reason:
    if draft.blank or draft.finish_reason not in COMPLETE:  # (2)
        return Reason.INCOMPLETE
    if signal is None:  # (3)
        return Reason.NO_EVIDENCE
    return Reason.SURE if signal >= threshold else Reason.UNSURE  # (4)


def sunk(engine: str, rule: Rule, bound: float, tokens_read: int) -> Judgement:
    """A draft that was broken off: whatever had come, its signal would have stayed below the threshold."""
    threshold = rule.threshold if isinstance(rule.threshold, float) else None
    return Judgement(
        engine, bound, threshold, Reason.SINKING, keep=False, by=rule.signal.name, tokens_read=tokens_read
    )


def checked(judgement: Judgement, outcomes: tuple[Outcome, ...], failed: Outcome | None) -> Judgement:
    """The judgement after the checks: one that failed, or could not say, sends the draft up."""
    if not outcomes:
        return judgement
    if failed is None:
        return replace(judgement, outcomes=outcomes)
    reason = Reason.INCOMPLETE if failed.name == "completeness" else Reason.FAILED_CHECK
    return replace(judgement, outcomes=outcomes, reason=reason, keep=False)


def verified(judgement: Judgement, judge_name: str, p_true: float | None, band: Band) -> Judgement:
    """The judgement after the second look; a judge that says neither yes nor no has not said yes."""
    keep = p_true is not None and p_true >= band.least
    return replace(
        judgement,
        reason=Reason.VERIFIED if keep else Reason.UNSURE,
        keep=keep,
        judge=judge_name,
        p_true=p_true,
        p_least=band.least,
    )
