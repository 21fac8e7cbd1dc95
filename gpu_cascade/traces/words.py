"""The words that decisions are told in. Pure."""

import math
from collections.abc import Sequence

from ..types import Decision, Judgement, Reason, Use, Verdict

# Signals that are one token's log-probability: these are told as a probability as well.
LOGPROBS = frozenset({"logprob_quantile", "min_logprob"})
STRICTER = "The turn before this one went up, so the draft had to be surer than otherwise."
UNDRAFTED = {
    (Verdict.DIRECT, Reason.POLICY): "The client asked for the {tier} model by name, so no draft was made.",
    (
        Verdict.FORCED,
        Reason.CLIENT,
    ): "The client fixed the tier, so the {tier} model answered, without a draft.",
    (
        Verdict.FORCED,
        Reason.POLICY,
    ): "{model} sends every request up (threshold: escalate_all), so no draft was "
    "made and the {tier} model answered.",
    (Verdict.SKIPPED, Reason.GATE): "The gate found a draft hopeless, so none was made and the {tier} model "
    "answered.",
    (Verdict.ESCALATED, Reason.POLICY): "The {tier} model spoke before a draft was judged, so it answered "
    "(stream: race).",
    (Verdict.SKIPPED, Reason.STICKY): "The turn before this one went up, so no draft was made and the {tier} "
    "model answered.",
}
CAUSES = {
    Reason.DEADLINE: "there was no time left for the next model",
    Reason.BUDGET: "the client's time limit could not pay for the next model",
}


def decided(model: str, decision: Decision, uses: Sequence[Use]) -> list[str]:
    """A sentence or two for each draft, the last one with what became of the request to `model`."""
    judged = decision.judged
    if not judged:
        return [_undrafted(model, decision)]
    *earlier, last = [_draft(judgement, uses) for judgement in judged]
    told = [*(f"{draft}." for draft in earlier), f"{last}, {_outcome(model, decision)}."]
    return [*told, STRICTER] if decision.reason is Reason.STICKY else told


def spent(use: Use) -> str:
    """What one engine spent."""
    return (
        f"{use.engine}: {use.prompt_tokens}+{use.completion_tokens} tokens, {use.engine_s:.2f} engine-seconds"
    )


def _undrafted(model: str, decision: Decision) -> str:
    """Nothing was judged. What is newer than this file is told by its words."""
    sentence = UNDRAFTED.get((decision.verdict, decision.reason), "The {tier} model answered, {words}.")
    return sentence.format(model=model, tier=decision.tier, words=_words(decision))


def _draft(judgement: Judgement, uses: Sequence[Use]) -> str:
    """What one tier wrote and what was made of it; ends open, for the outcome to follow."""
    use = next((use for use in uses if use.engine == judgement.engine), None)
    if use is None:  # it was asked and sent nothing
        refused = judgement.reason is Reason.INCOMPLETE
        return f"The {judgement.engine} model {'refused the request' if refused else 'could not answer'}"
    count = use.completion_tokens
    drafted = f"The {judgement.engine} model drafted {count} token{'s' * (count != 1)}"
    return f"{drafted}. {_judged(judgement, count)}"


def _judged(judgement: Judgement, tokens: int) -> str:
    """The draft's judgement: its numbers, what the checks found, what another model thought of it."""
    said = [_decisive(judgement, tokens), _found(judgement), _looked(judgement)]
    return ". ".join(sentence for sentence in said if sentence)


def _decisive(judgement: Judgement, tokens: int) -> str:
    """What the draft's own tokens said.

    1. Incomplete or without evidence: no number decided. 2. No threshold: the number is told all the same.
    3. Broken off. 4. Otherwise the signal and the threshold decided.
    """
    signal, threshold = judgement.signal, judgement.threshold
    if judgement.reason is Reason.INCOMPLETE and not judgement.outcomes:  # (1)
        return "It was empty or cut off"
    if signal is None or judgement.reason is Reason.NO_EVIDENCE:
        return "Not every token came with a log-probability, and no evidence never counts as sure"
    subject, sure = _subject(judgement, tokens), judgement.by in LOGPROBS
    if threshold is None:  # (2)
        return f"{subject} {_number(signal)}{_sure(signal, ' sure') if sure else ''}"
    digits = _digits(signal, threshold)
    asked = f"the threshold of {_number(threshold, digits)}{_sure(threshold) if sure else ''}"
    if judgement.tokens_read is not None:  # (3)
        read = f"It was broken off after {judgement.tokens_read} token{'s' * (judgement.tokens_read != 1)}"
        return f"{read}: {judgement.by} could be at most {_number(signal, digits)}, below {asked}"
    found = f"{subject} {_number(signal, digits)}{_sure(signal, ' sure') if sure else ''}"  # (4)
    return f"{found}, {'not below' if signal >= threshold else 'below'} {asked}"


def _subject(judgement: Judgement, tokens: int) -> str:
    """Whose number it is: of drafts of up to 41 tokens one decides, of longer ones the k-th least sure."""
    if judgement.by not in LOGPROBS:
        return f"Its {judgement.by} was"
    return f"Its least sure token{'s' * (tokens > 41)} had a log-probability of"


def _found(judgement: Judgement) -> str:
    """The checks, each with its score and its evidence."""
    told = [f"{one.name} {_score(one.score)} ({one.evidence})" for one in judgement.outcomes]
    return f"Checks: {', '.join(told)}" if told else ""


def _looked(judgement: Judgement) -> str:
    """What another engine said of the draft, or that it could not be asked."""
    if judgement.judge is None:
        return ""
    if judgement.p_true is None:
        down = judgement.reason is Reason.TIER_DOWN
        return f"The {judgement.judge} model {'could not be asked' if down else 'said neither yes nor no'}"
    given, least = _number(judgement.p_true), _number(judgement.p_least or 0.0)
    return f"The {judgement.judge} model gave it {given} of being right, at least {least} is asked"


def _score(score: float | None) -> str:
    return "unknown" if score is None else _number(score)


def _outcome(model: str, decision: Decision) -> str:
    """Which tier answered, as the end of the sentence about the last draft.

    1. No draft is ever in question. 2. The last one stands, or was shown before it turned out cut. 3. It went
    up. 4. It went as far up as the client let it. 5. It should have and could not.
    """
    last = decision.judged[-1]
    if last.keep and last.reason is Reason.POLICY:  # (1)
        return f"but {model} keeps every draft (threshold: keep_all), so it is the answer"
    if last.keep and decision.verdict in {Verdict.KEPT, Verdict.ESCALATED}:  # (2)
        cut = decision.reason is Reason.INCOMPLETE
        return f"so its draft is the answer{', shown as it came, though it was cut off' if cut else ''}"
    if decision.verdict is Verdict.ESCALATED:  # (3)
        return f"so the {decision.tier} model answered instead"
    if decision.reason is Reason.CLIENT:  # (4)
        return f"so the {decision.tier} model answered instead, the highest that the client allowed"
    if decision.verdict is Verdict.DEGRADED:  # (5)
        cause = CAUSES.get(decision.reason, "the next model could not answer")
        return f"but {cause}, so the draft of the {decision.tier} model is the answer all the same"
    return f"and the {decision.tier} model answered, {_words(decision)}"


def _words(decision: Decision) -> str:
    return f"{decision.verdict} ({decision.reason.replace('_', ' ')})"


def _sure(logprob: float, word: str = "") -> str:
    """The probability behind a log-probability, in brackets; nothing for numbers that are none."""
    return f" ({math.exp(logprob):.0%}{word})".replace("%", " %") if logprob <= 0 else ""


def _number(value: float, digits: int = 2) -> str:
    return f"{value:.{digits}f}" if abs(value) < 1000 else f"{value:.3g}"


def _digits(a: float, b: float) -> int:
    """Two decimals, more where the two numbers would read alike: "-0.90, below -0.90" explains nothing."""
    return next((n for n in range(2, 9) if a == b or _number(a, n) != _number(b, n)), 9)
