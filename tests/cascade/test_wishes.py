"""What a client asks of a cascade for one request, and what comes of it."""

import math
from dataclasses import replace

import pytest

from gpu_cascade.cascade.budget import Pace
from gpu_cascade.cascade.features import NAMES
from gpu_cascade.cascade.learned import Learned, Sigmoid
from gpu_cascade.cascade.promise import Promise
from gpu_cascade.cascade.rules import Band, Fixed, Rule, rule_for
from gpu_cascade.cascade.tier import Second, Tier
from gpu_cascade.engines.fake import Fake, Fault, Line
from gpu_cascade.errors import BadRequest, EngineError
from gpu_cascade.types import Reason, Request, Verdict
from gpu_cascade.types.wish import Sticky, Wish

from ..cascades import cascade
from .clock import Clock

UNSURE = Line(text="Perhaps.", logprob=-2.0)
SURE = Line(text="Yes.", logprob=-0.2)
ANSWER = Line(text="No.")
PROMISE = Promise({"temperature": 0}, frozenset(), lambda: True)


class Hopeless:
    """A gate that finds every draft hopeless."""

    def hopeless(self, _):
        return True


def ask(**wish):
    return Request([{"role": "user", "content": "?"}], wish=Wish(**wish))


def three(small=UNSURE, mid=UNSURE, large=ANSWER, **more):
    tiers = [Fake(name, line) for name, line in (("small", small), ("mid", mid), ("large", large))]
    return cascade(*tiers, **more), tiers


def told(final):
    return final.decision.verdict, final.decision.reason, final.decision.tier


@pytest.mark.parametrize("tier", ["small", "mid", "large"])
async def test_a_tier_that_is_asked_for_answers_alone(tier):
    """No draft, no judgement, no other engine; whole and streamed."""
    made, tiers = three()

    final = await made.answer(ask(tier=tier))
    streamed = [piece async for piece in made.stream(ask(tier=tier))]

    assert (Verdict.FORCED, Reason.CLIENT, tier) == told(final) == told(streamed[-1])
    assert Verdict.FORCED == streamed[0].decision.verdict
    assert () == final.decision.judged
    assert [tier] == [one.name for one in tiers if one.seen]


async def test_a_tier_may_be_asked_for_that_drafts_nothing():
    """Where everything escalates the engines below are there all the same."""
    made, _ = three(threshold=Fixed.ESCALATE_ALL)

    assert "small" == (await made.answer(ask(tier="small"))).engine


@pytest.mark.parametrize(
    ("small", "cap", "expected"),
    [
        (UNSURE, "small", (Verdict.FORCED, Reason.CLIENT, "small")),
        (SURE, "mid", (Verdict.KEPT, Reason.SURE, "small")),
        (UNSURE, "mid", (Verdict.FORCED, Reason.CLIENT, "mid")),
        (UNSURE, "large", (Verdict.ESCALATED, Reason.UNSURE, "large")),
    ],
)
async def test_no_tier_above_the_highest_allowed_is_asked(small, cap, expected):
    """The highest one answers as the last one does, unsure or not."""
    made, (_, _, large) = three(small)

    final = await made.answer(ask(max_tier=cap))

    assert expected == told(final)
    assert (cap == "large") == bool(large.seen)


async def test_the_best_draft_stands_in_for_the_highest_allowed_tier():
    """As it does for the last one; without a draft the client sees the error."""
    made, _ = three(mid=Line(fault=Fault.ERROR))

    final = await made.answer(ask(max_tier="mid"))

    assert (Verdict.DEGRADED, Reason.TIER_DOWN, "small") == told(final)
    with pytest.raises(EngineError):
        await made.answer(ask(tier="mid"))


async def test_no_larger_engine_looks_where_tiers_are_capped():
    """A second look costs what the client would not have spent."""
    judge = Fake("large", Line(text="YES", logprob=-0.01))
    rule = Rule(-0.9, band=Band(5.0, 0.5))
    tier = Tier(Fake("small", UNSURE), rule, second=Second(judge, Band(5.0, 0.5), keep_unseen=True))

    await tier.suited(ask(max_tier="small")).draft(ask(max_tier="small"))
    assert [] == judge.seen

    await tier.suited(ask()).draft(ask())
    assert 1 == len(judge.seen)


@pytest.mark.parametrize(("confidence", "verdict"), [(-2.0, Verdict.KEPT), (-1.99, Verdict.ESCALATED)])
async def test_a_confidence_is_the_threshold_of_this_request(confidence, verdict):
    """Looser or stricter than the cascade's own -0.9; the judgement carries it."""
    made, _ = three()

    final = await made.answer(ask(confidence=confidence))
    later = await made.answer(ask())

    assert verdict == final.decision.verdict
    assert confidence == final.decision.judged[0].threshold
    assert -0.9 == later.decision.judged[0].threshold


async def test_a_confidence_decides_where_every_draft_was_kept():
    """The signal is there, only nobody had asked it."""
    made, _ = three(threshold=Fixed.KEEP_ALL)

    assert Verdict.ESCALATED == (await made.answer(ask(confidence=-0.1))).decision.verdict


async def test_a_confidence_without_drafts_is_refused():
    """Where everything escalates there is nothing that it could decide."""
    made, _ = three(threshold=Fixed.ESCALATE_ALL)

    with pytest.raises(BadRequest, match=r"cascade\.confidence has nothing to decide"):
        await made.answer(ask(confidence=-0.1))


async def test_a_confidence_goes_on_where_an_alarm_has_stopped_drafting():
    """Going up is as sure as it gets: no client is refused for a fallback that it cannot know of."""
    made, _ = three()
    made.stop_drafting()

    assert "large" == (await made.answer(ask(confidence=-0.1))).engine


async def test_a_gate_is_not_asked_about_another_threshold():
    """It was fitted to the cascade's own."""
    made, _ = three(small=SURE, gate=Hopeless())

    assert Verdict.KEPT == (await made.answer(ask(confidence=-0.5))).decision.verdict
    assert (Verdict.SKIPPED, Reason.GATE, "large") == told(await made.answer(ask()))


def test_a_learned_rule_is_asked_for_a_probability():
    """Its threshold is a score, its calibrator says which; a stricter one has twice the odds."""
    one = (1.0,) * len(NAMES)
    rule = Rule(0.0, Learned(NAMES, one, one, one, 0.0, Sigmoid(-1.0, 0.0)).signal())
    stuck = Request([], stuck=Sticky.STRICTER)

    assert math.log(9) == pytest.approx(rule_for(rule, ask(confidence=0.9)).threshold)
    assert math.log(2) == rule_for(rule, stuck).threshold


def timed(clock, **took_s):
    pace = Pace(clock=clock)
    for tier, seconds in took_s.items():
        pace.took(tier, clock() - seconds, [])
    return pace


async def test_where_time_cannot_pay_for_the_next_tier_the_best_draft_stands():
    """Not an error and not late: `degraded`, and the large engine was not asked."""
    clock = Clock()
    made, (_, _, large) = three(pace=timed(clock, mid=1.0, large=5.0))

    final = await made.answer(ask(due=clock() + 4.9))

    assert (Verdict.DEGRADED, Reason.BUDGET, "mid") == told(final)
    assert [] == large.seen
    assert ["small", "mid"] == [use.engine for use in final.uses]


@pytest.mark.parametrize(
    ("took", "left_s", "tier"),
    [
        ({"mid": 2.0, "large": 5.0}, 1.0, "small"),
        ({"mid": 2.0, "large": 5.0}, 5.0, "large"),
        ({"mid": 2.0}, 0.001, "small"),
        ({}, 0.001, "large"),
        ({"small": 9.0}, 0.001, "large"),
    ],
    ids=["not even the next draft", "all", "no longer", "unknown", "there must be a draft"],
)
async def test_how_far_time_pays(took, left_s, tier):
    """What nobody has timed is tried; and the first draft is written, however late: something must answer."""
    clock = Clock()
    made, _ = three(pace=timed(clock, **took))

    assert tier == (await made.answer(ask(due=clock() + left_s))).engine


async def test_a_budget_streams_the_same():
    """The first piece carries the decision, as ever."""
    clock = Clock()
    made, _ = three(pace=timed(clock, mid=9.0))

    pieces = [piece async for piece in made.stream(ask(due=clock() + 1))]

    assert Reason.BUDGET == pieces[0].decision.reason
    assert "Perhaps." == pieces[-1].text


@pytest.mark.parametrize("stuck", [None, Sticky.SKIP])
async def test_what_goes_up_without_a_draft_does_so_only_where_time_pays(stuck):
    """Gate and conversation: where the last tier would be late a draft is all that there can be."""
    clock = Clock()
    made, _ = three(small=SURE, gate=None if stuck else Hopeless(), pace=timed(clock, large=5.0))
    plain = replace(ask(), stuck=stuck)
    hurried = replace(plain, wish=Wish(due=clock() + 1))

    assert Verdict.KEPT == (await made.answer(hurried)).decision.verdict
    assert Verdict.SKIPPED == (await made.answer(plain)).decision.verdict


async def test_under_a_budget_drafts_are_read_to_their_end():
    """One that was broken off could not be served."""
    made, _ = three(small=Line(text="a b c d e f", logprob=-3.0), early=True)

    short = replace(ask(), params={"max_tokens": 9})
    plain = await made.answer(short)
    due = await made.answer(replace(short, wish=Wish(due=math.inf)))

    assert [Reason.UNSURE, Reason.SINKING] == [one.decision.judged[0].reason for one in (due, plain)]


async def test_every_whole_answer_is_timed():
    """Drafts, the last tier's answers, whole and streamed; what failed tells nothing."""
    clock = Clock()
    pace = Pace(clock=clock)
    made, _ = three(mid=Line(fault=Fault.ERROR), pace=pace)

    await made.answer(ask())

    assert [0.0, None, 0.0] == [pace.expected_s(name) for name in ("small", "mid", "large")]


@pytest.mark.parametrize(
    "wish", [{"tier": "small"}, {"max_tier": "large"}, {"due": math.inf}, {"confidence": -0.1}]
)
async def test_what_overrides_the_calibrated_is_not_certified(wish):
    """Not even a stricter threshold: nobody has counted its errors."""
    made, _ = three(small=SURE, promise=PROMISE)

    assert not (await made.answer(ask(**wish))).decision.certified
    assert (await made.answer(ask(explain=True, sticky=Sticky.OFF))).decision.certified


@pytest.mark.parametrize("stuck", [Sticky.SKIP, Sticky.STRICTER])
async def test_a_turn_that_sticks_is_not_certified(stuck):
    """Nothing calibrates such turns."""
    made, _ = three(small=SURE, promise=PROMISE)

    final = await made.answer(replace(ask(), stuck=stuck))

    assert not final.decision.certified
