"""How a tier judges its drafts: by tokens, checks, another engine; and what is promised of the answer."""

import math
from dataclasses import replace

import pytest

from gpu_cascade.cascade.cascade import Cascade
from gpu_cascade.cascade.checks.build import build
from gpu_cascade.cascade.promise import Promise
from gpu_cascade.cascade.rules import Band, Rule
from gpu_cascade.cascade.signals import SIGNALS
from gpu_cascade.cascade.tier import Second, Tier
from gpu_cascade.cascade.verify import QUESTION
from gpu_cascade.config.checks import ChecksConfig
from gpu_cascade.engines.fake import Fake, Fault, Line
from gpu_cascade.errors import EngineError, TierDown
from gpu_cascade.types import Final, Reason, Request, TopLogprob, Use, Verdict, weighed

ASK = Request([{"role": "user", "content": "How many days?"}])


class Judge:
    """An engine that answers, and says of a draft what it was told to."""

    def __init__(self, yes=0.0, no=0.0, error=None):
        self.name = "large"
        self.seen = []
        self.tops = [
            TopLogprob(word, logprob) for word, logprob in ((" Yes", log(yes)), ("NO", log(no))) if logprob
        ]
        self.error = error

    async def answer(self, request):
        self.seen.append(request)
        if request.messages[-1]["content"] != QUESTION:
            return Final("Thirty days.", "stop", self.name, uses=(Use(self.name, 9, 3, 1.0),))
        if self.error is not None:
            raise self.error
        token = weighed("?", -0.1, self.tops)
        return Final("?", "length", self.name, (token,), uses=(Use(self.name, 12, 1, 0.1),))


def log(p):
    return math.log(p) if p else None


def small(**line):
    return Fake("small", Line(**{"text": "30 days", "logprob": -1.0, **line}))


def cascade(engine, judge, *, checks=None, keep_unseen=True, width=0.5, **more):
    band = Band(width, 0.7)
    tier = Tier(
        engine,
        Rule(-0.9, band=band),
        checks=build(ChecksConfig.model_validate(checks or {}), lambda path: path),
        second=Second(judge, band, keep_unseen=keep_unseen),
    )
    return Cascade("cascade", [tier], judge, {"temperature": 0}, **more)


async def test_an_unsure_draft_that_the_judge_calls_right_is_kept():
    """A token's worth of the large engine saves a whole answer of it."""
    judge = Judge(yes=0.8, no=0.1)

    final = await cascade(small(), judge).answer(ASK)

    judgement = final.decision.judged[0]
    assert ("30 days", Verdict.KEPT, Reason.VERIFIED) == shown(final)
    assert (pytest.approx(0.8 / 0.9), 0.7, "large") == (judgement.p_true, judgement.p_least, judgement.judge)
    assert ["small", "large"] == [use.engine for use in final.uses]
    assert [1] == [request.params["max_tokens"] for request in judge.seen]


async def test_the_judge_sees_prompt_and_draft_as_one_conversation():
    """The prompt comes first and unchanged, so its prefix cache serves a later answer."""
    judge = Judge(yes=0.9, no=0.05)

    await cascade(small(), judge).answer(ASK)

    asked = judge.seen[0].messages
    assert ASK.messages == asked[:1]
    assert {"role": "assistant", "content": "30 days"} == asked[1]


@pytest.mark.parametrize(
    ("judge", "why"),
    [
        (Judge(yes=0.3, no=0.6), "it says no"),
        (Judge(yes=0.4, no=0.05), "yes and no together are below half: it was not answering"),
        (Judge(), "neither word is among the alternatives"),
        (Judge(error=EngineError("500")), "it failed"),
    ],
)
async def test_what_the_judge_does_not_call_right_escalates(judge, why):
    """Only a clear yes saves a draft."""
    final = await cascade(small(), judge).answer(ASK)

    assert ("Thirty days.", Verdict.ESCALATED, Reason.UNSURE) == shown(final), why


@pytest.mark.parametrize("logprob", [-0.2, -2.0])
async def test_the_judge_is_asked_in_the_band_only(logprob):
    """A sure draft needs no second look, and one far below the threshold is not worth it."""
    judge = Judge(yes=0.9)

    await cascade(small(logprob=logprob), judge).answer(ASK)

    assert [] == [request for request in judge.seen if request.messages[-1]["content"] == QUESTION]


@pytest.mark.parametrize(
    ("keep_unseen", "expected"),
    [
        (True, ("30 days", Verdict.KEPT, Reason.TIER_DOWN)),
        (False, ("Thirty days.", Verdict.ESCALATED, Reason.TIER_DOWN)),
    ],
)
async def test_a_judge_that_sleeps_leaves_it_to_the_configuration(keep_unseen, expected):
    """`when_asleep` decides, and nothing kept that way is called certified."""
    judge = Judge(error=TierDown("asleep"))

    final = await cascade(small(), judge, keep_unseen=keep_unseen, promise=promise()).answer(ASK)

    assert expected == shown(final)
    assert final.decision.certified is not keep_unseen


async def test_a_failed_check_escalates_a_sure_draft():
    """However sure its tokens are; the trace has every score with its evidence."""
    checks = {"number": {"low": 0, "high": 5}, "python_ast": {}}

    final = await cascade(small(logprob=-0.1), Judge(), checks=checks).answer(ASK)

    assert ("Thirty days.", Verdict.ESCALATED, Reason.FAILED_CHECK) == shown(final)
    outcomes = {outcome.name: outcome for outcome in final.decision.judged[0].outcomes}
    assert 0.0 == outcomes["number"].score
    assert "30 days" not in outcomes["number"].evidence
    assert {"number", "python_ast"} == outcomes.keys()


async def test_a_refusal_is_incomplete():
    """A well-formed refusal is no answer, whatever its probability."""
    engine = small(text="I'm sorry, but I cannot help with that.", logprob=-0.01)

    final = await cascade(engine, Judge(), checks={"completeness": {}}).answer(ASK)

    assert ("Thirty days.", Verdict.ESCALATED, Reason.INCOMPLETE) == shown(final)


async def test_a_draft_that_fails_a_check_is_not_shown_to_the_judge():
    """A second look cannot save what is known to be wrong."""
    judge = Judge(yes=0.99)

    final = await cascade(small(), judge, checks={"number": {"high": 5}}).answer(ASK)

    assert ("Thirty days.", Verdict.ESCALATED, Reason.FAILED_CHECK) == shown(final)
    assert 1 == len(judge.seen)


def promise(stands=True, params=()):
    return Promise({"temperature": 0}, frozenset(params), lambda: stands)


@pytest.mark.parametrize(
    ("params", "stands", "certified"),
    [
        ({}, True, True),
        ({"max_tokens": 20}, True, True),
        ({"temperature": 0}, True, True),
        ({"temperature": 0.7}, True, False),
        ({"logit_bias": {"5": 1}}, True, False),
        ({"frequency_penalty": 0.1}, True, False),
        ({"seed": 3}, True, True),
        ({}, False, False),
    ],
)
@pytest.mark.parametrize("logprob", [-0.1, -3.0])
async def test_certified_is_only_what_was_certified(params, stands, certified, logprob):
    """Outside the calibrated sampling, or with another engine version running, no promise is made."""
    answerer = cascade(small(logprob=logprob), Judge(), promise=promise(stands, ["seed"]))

    final = await answerer.answer(replace(ASK, params=params))

    assert certified is final.decision.certified


async def test_what_degraded_is_not_certified():
    """The draft that stands in for a lost tier was not kept by the rule."""
    engine = small(logprob=-3.0)
    lost = Fake("large", Line(fault=Fault.ERROR))
    answerer = Cascade("cascade", [Tier(engine, Rule(-0.9))], lost, {"temperature": 0}, promise=promise())

    final = await answerer.answer(ASK)

    assert (Verdict.DEGRADED, False) == (final.decision.verdict, final.decision.certified)


@pytest.mark.parametrize("threshold", [-5.0, -2.0, -1.0, -0.5, 0.0])
async def test_keeping_falls_as_the_threshold_rises(threshold):
    """A draft that is kept at a threshold is kept at every lower one."""
    kept = []
    for logprob in (-3.0, -1.5, -0.7, -0.2):
        drafted = await Tier(small(logprob=logprob), Rule(threshold)).draft(ASK)
        lower = await Tier(small(logprob=logprob), Rule(threshold - 0.6)).draft(ASK)
        kept.append(drafted.judgement.keep)
        assert lower.judgement.keep >= drafted.judgement.keep
    assert sorted(kept) == kept


async def test_the_draft_is_asked_for_as_many_alternatives_as_its_signal_needs():
    """Not more than that, unless the client wants more itself."""
    engine = small()

    await Tier(engine, Rule(-0.9, SIGNALS["margin_mean"])).draft(ASK)
    await Tier(engine, Rule(-0.9, SIGNALS["margin_mean"])).draft(replace(ASK, logprobs=7))

    assert [2, 7] == [request.logprobs for request in engine.seen]


def shown(final):
    return final.text, final.decision.verdict, final.decision.reason
