"""Every decision that can be made is told in words, with the numbers that made it."""

import pytest

from gpu_cascade.traces import explain, why
from gpu_cascade.types import Judgement, Outcome, Reason, Use, Verdict
from gpu_cascade.types.wish import Wish

from ..records import SMALL, SURE, UNSURE, record


def judged(reason, signal=None, threshold=-0.9, engine="small", keep=False):
    return Judgement(engine, signal, threshold, reason, keep)


def test_an_escalation_is_told_whole():
    """Draft, signal and threshold with their probabilities, cost per engine, time and waiting."""
    assert why(record()) == (
        "The small model drafted 14 tokens. Its least sure token had a log-probability of -1.74 (18 % sure), "
        "below the threshold of -0.90 (41 %), so the large model answered instead. "
        "small: 43+14 tokens, 0.41 engine-seconds; large: 42+31 tokens, 1.90 engine-seconds. "
        "Answered in 2.4 s, of which 0.2 s waiting."
    )


def test_a_kept_draft_is_told():
    """Sure enough: the same numbers, the other way round, and one engine."""
    told = why(record(judged=[SURE], uses=[SMALL], tier="small", verdict=Verdict.KEPT, reason=Reason.SURE))
    assert "-0.12 (89 % sure), not below the threshold of -0.90 (41 %), so its draft is the answer." in told
    assert "large" not in told


CASES = {
    "incomplete": (
        {"judged": [judged(Reason.INCOMPLETE, -0.3)], "reason": Reason.INCOMPLETE},
        "drafted 14 tokens. It was empty or cut off, so the large model answered instead.",
    ),
    "no_evidence": (
        {"judged": [judged(Reason.NO_EVIDENCE)], "reason": Reason.NO_EVIDENCE},
        "Not every token came with a log-probability, and no evidence never counts as sure, so the large",
    ),
    "tier_down": (
        {
            "judged": [judged(Reason.TIER_DOWN, threshold=None)],
            "uses": [Use("large", 42, 31, 1.9)],
            "reason": Reason.TIER_DOWN,
        },
        "The small model could not answer, so the large model answered instead. large: 42+31",
    ),
    "refused": (
        {
            "judged": [judged(Reason.INCOMPLETE, threshold=None)],
            "uses": [Use("large", 42, 31, 1.9)],
            "reason": Reason.INCOMPLETE,
        },
        "The small model refused the request, so the large model answered instead.",
    ),
    "direct": (
        {"judged": [], "uses": [SMALL], "tier": "small", "verdict": Verdict.DIRECT, "reason": Reason.POLICY},
        "The client asked for the small model by name, so no draft was made. small: 43+14 tokens",
    ),
    "escalate_all": (
        {"judged": [], "verdict": Verdict.FORCED, "reason": Reason.POLICY},
        "cascade sends every request up (threshold: escalate_all), so no draft was made and the large model",
    ),
    "keep_all": (
        {
            "judged": [judged(Reason.POLICY, -1.74, None, keep=True)],
            "tier": "small",
            "verdict": Verdict.FORCED,
            "reason": Reason.POLICY,
        },
        "-1.74 (18 % sure), but cascade keeps every draft (threshold: keep_all), so it is the answer.",
    ),
    "degraded by a lost engine": (
        {"tier": "small", "verdict": Verdict.DEGRADED, "reason": Reason.TIER_DOWN},
        "below the threshold of -0.90 (41 %), but the next model could not answer, so the draft of the small",
    ),
    "degraded by the deadline": (
        {"tier": "small", "verdict": Verdict.DEGRADED, "reason": Reason.DEADLINE},
        "but there was no time left for the next model, so the draft of the small model is the answer",
    ),
    "kept by the second of three": (
        {
            "judged": [UNSURE, judged(Reason.SURE, -0.2, engine="mid", keep=True)],
            "uses": [SMALL, Use("mid", 42, 1, 0.1)],
            "tier": "mid",
        },
        "(41 %). The mid model drafted 1 token. Its least sure token had a log-probability of -0.20 (82 %",
    ),
    "skipped": (
        {"judged": [], "verdict": Verdict.SKIPPED, "reason": Reason.GATE},
        "The gate found a draft hopeless, so none was made and the large model answered.",
    ),
    "skipped in a conversation": (
        {"judged": [], "verdict": Verdict.SKIPPED, "reason": Reason.STICKY},
        "The turn before this one went up, so no draft was made and the large model answered.",
    ),
    "a conversation that must be surer": (
        {"reason": Reason.STICKY},
        "so the large model answered instead. The turn before this one went up, so the draft had to be surer",
    ),
    "kept in such a conversation": (
        {"judged": [SURE], "tier": "small", "verdict": Verdict.KEPT, "reason": Reason.STICKY},
        "so its draft is the answer. The turn before this one went up, so the draft had to be surer",
    ),
    "a tier that the client fixed": (
        {"judged": [], "uses": [SMALL], "tier": "small", "verdict": Verdict.FORCED, "reason": Reason.CLIENT},
        "The client fixed the tier, so the small model answered, without a draft.",
    ),
    "the highest tier that the client allowed": (
        {"tier": "mid", "verdict": Verdict.FORCED, "reason": Reason.CLIENT},
        "(41 %), so the mid model answered instead, the highest that the client allowed.",
    ),
    "degraded by the client's budget": (
        {"tier": "small", "verdict": Verdict.DEGRADED, "reason": Reason.BUDGET},
        "but the client's time limit could not pay for the next model, so the draft of the small model is",
    ),
    "another signal": (
        {"judged": [Judgement("small", 0.31, 0.5, Reason.UNSURE, keep=False, by="margin_mean")]},
        "Its margin_mean was 0.31, below the threshold of 0.50, so the large model answered instead.",
    ),
    "broken off": (
        {
            "judged": [Judgement("small", -2.5, -0.9, Reason.SINKING, keep=False, tokens_read=8)],
            "reason": Reason.SINKING,
        },
        "It was broken off after 8 tokens: logprob_quantile could be at most -2.50, below the threshold",
    ),
    "a failed check": (
        {
            "judged": [
                Judgement(
                    "small",
                    -0.2,
                    -0.9,
                    Reason.FAILED_CHECK,
                    keep=False,
                    outcomes=(
                        Outcome("number", 0.0, "7 is above 5"),
                        Outcome("command", None, "exit code 3"),
                    ),
                )
            ],
            "reason": Reason.FAILED_CHECK,
        },
        "(41 %). Checks: number 0.00 (7 is above 5), command unknown (exit code 3), so the large model",
    ),
    "verified": (
        {
            "judged": [
                Judgement(
                    "small", -1.1, -0.9, Reason.VERIFIED, keep=True, judge="large", p_true=0.83, p_least=0.7
                )
            ],
            "tier": "small",
            "verdict": Verdict.KEPT,
            "reason": Reason.VERIFIED,
        },
        "The large model gave it 0.83 of being right, at least 0.70 is asked, so its draft is the answer.",
    ),
    "not verified": (
        {"judged": [Judgement("small", -1.1, -0.9, Reason.UNSURE, keep=False, judge="large", p_least=0.7)]},
        "The large model said neither yes nor no, so the large model answered instead.",
    ),
    "a judge that sleeps": (
        {
            "judged": [
                Judgement("small", -1.1, -0.9, Reason.TIER_DOWN, keep=True, judge="large", p_least=0.7)
            ],
            "tier": "small",
            "verdict": Verdict.KEPT,
            "reason": Reason.TIER_DOWN,
        },
        "The large model could not be asked, so its draft is the answer.",
    ),
    "something newer than this file": (
        {"judged": [], "verdict": Verdict.UNANSWERED, "reason": Reason.FAILED_CHECK},
        "The large model answered, unanswered (failed check).",
    ),
    "something newer, after a draft": (
        {"verdict": Verdict.UNANSWERED, "reason": Reason.FAILED_CHECK},
        "below the threshold of -0.90 (41 %), and the large model answered, unanswered (failed check).",
    ),
}


@pytest.mark.parametrize(("changed", "expected"), CASES.values(), ids=CASES)
def test_each_decision_has_its_own_sentence(changed, expected):
    """Whoever asks why reads what happened, not a code."""
    assert expected in why(record(**changed))


def test_numbers_that_round_alike_are_told_apart():
    """-0.9004 is below -0.9, and two decimals would hide it."""
    told = why(record(judged=[judged(Reason.UNSURE, -0.9004)]))
    assert "-0.9004 (41 % sure), below the threshold of -0.9000 (41 %)" in told


@pytest.mark.parametrize(("signal", "expected"), [(-1e9, "-1e+09 (0 % sure)"), (-0.7, "-0.70 (50 % sure)")])
def test_odd_numbers_stay_readable(signal, expected):
    """Huge numbers are short."""
    assert expected in why(record(judged=[judged(Reason.UNSURE, signal, 0.8)]))


def test_long_drafts_are_judged_by_several_tokens():
    """From 42 tokens on the k-th least sure one decides."""
    assert "Its least sure tokens had" in why(record(uses=[Use("small", 43, 80, 0.4)]))


def test_the_end_of_a_race_is_told():
    """Nobody judged the draft: the large model had spoken."""
    told = why(record(judged=[], reason=Reason.POLICY))

    assert told.startswith("The large model spoke before a draft was judged, so it answered (stream: race).")


def test_a_live_draft_that_was_cut_is_told():
    """Its numbers were sure enough; its end is told all the same."""
    kept = {"tier": "small", "verdict": Verdict.KEPT, "reason": Reason.INCOMPLETE}

    told = why(record(judged=[SURE], uses=[SMALL], **kept))

    assert "so its draft is the answer, shown as it came, though it was cut off." in told


def test_an_answer_is_explained_in_the_words_of_its_record():
    """A sentence for each thing that decided, and the client's own wish, which no record has."""
    told = record()

    explained = explain("cascade", told.decision, told.uses, Wish(confidence=-0.9))

    assert "The client asked for a confidence of -0.9." == explained[0]
    assert explained[1] in why(told)
    assert ["small: 43+14 tokens, 0.41 engine-seconds.", "large: 42+31 tokens, 1.90 engine-seconds."] == (
        explained[2:]
    )
