"""Who answers, with which verdict, and what of a draft is shown."""

import math
from dataclasses import replace

import pytest

from gpu_cascade.cascade.rules import Fixed
from gpu_cascade.engines.fake import Fake, Fault, Line
from gpu_cascade.errors import Busy, EngineError, EngineLost, TierDown
from gpu_cascade.types import Delta, Final, Reason, Request, Verdict

from ..cascades import cascade
from ..coroutines import left

ASK = Request([{"role": "user", "content": "Is travel refundable?"}])


def small(**line):
    return Fake("small", Line(**{"text": "Yes, within 30 days.", **line}))


def large(**line):
    return Fake("large", Line(**{"text": "Only with a receipt.", **line}))


async def pieces(answerer, request=ASK):
    return [piece async for piece in answerer.stream(request)]


class Down(Fake):
    """An engine that is not there."""

    def __init__(self, name, error):
        super().__init__(name)
        self.error = error

    async def answer(self, request):
        raise self.error

    async def stream(self, request):
        raise self.error
        yield


async def test_a_sure_draft_is_kept():
    """A draft at or above the threshold is the answer, and the large model is not asked."""
    top = large()

    final = await cascade(small(logprob=-0.9), top).answer(ASK)

    assert "Yes, within 30 days." == final.text
    assert (Verdict.KEPT, Reason.SURE, "small") == verdict(final)
    assert -0.9 == final.decision.confidence
    assert [] == top.seen


async def test_an_unsure_draft_escalates_to_large():
    """A draft below the threshold is dropped and the large model answers."""
    final = await cascade(small(logprob=-0.91), large()).answer(ASK)

    assert "Only with a receipt." == final.text
    assert (Verdict.ESCALATED, Reason.UNSURE, "large") == verdict(final)
    assert ["small", "large"] == [use.engine for use in final.uses]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ({"text": "  "}, Reason.INCOMPLETE),
        ({"finish_reason": "length"}, Reason.INCOMPLETE),
        ({"fault": Fault.NO_LOGPROBS}, Reason.NO_EVIDENCE),
        ({"logprob": [-0.1, None, -0.1, -0.1]}, Reason.NO_EVIDENCE),
        ({"logprob": [-0.1, math.nan, -0.1, -0.1]}, Reason.NO_EVIDENCE),
        ({"fault": Fault.ERROR}, Reason.TIER_DOWN),
        ({"fault": Fault.CUT}, Reason.TIER_DOWN),
        ({"fault": Fault.ABORT}, Reason.TIER_DOWN),
        ({"fault": Fault.REFUSE}, Reason.INCOMPLETE),
    ],
)
async def test_a_draft_without_proof_escalates_whatever_the_threshold(line, reason):
    """Empty, cut, without evidence or not written at all: the large model answers even at -1e9."""
    final = await cascade(small(**line), large(), threshold=-1e9).answer(ASK)

    assert (Verdict.ESCALATED, reason, "large") == verdict(final)


async def test_a_threshold_far_below_keeps_every_complete_draft():
    """At -1e9 even a very unsure draft is kept."""
    final = await cascade(small(logprob=-999.0), large(), threshold=-1e9).answer(ASK)

    assert (Verdict.KEPT, Reason.SURE, "small") == verdict(final)


async def test_escalate_all_asks_only_the_last_tier():
    """No draft is written where none can be kept."""
    low, top = small(), large()

    final = await cascade(low, top, threshold=Fixed.ESCALATE_ALL).answer(ASK)

    assert (Verdict.FORCED, Reason.POLICY, "large") == verdict(final)
    assert [] == low.seen


async def test_keep_all_asks_only_the_first_tier():
    """Even a cut draft stands where the operator says so."""
    final = await cascade(small(finish_reason="length"), large(), threshold=Fixed.KEEP_ALL).answer(ASK)

    assert (Verdict.FORCED, Reason.POLICY, "small") == verdict(final)


async def test_the_middle_of_three_tiers_can_keep():
    """A second draft that is sure is the answer; the verdict says that it is not the first tier's."""
    middle = Fake("middle", Line(text="With a receipt.", logprob=-0.2))
    top = large()

    final = await cascade(small(logprob=-2.0), middle, top).answer(ASK)

    assert (Verdict.ESCALATED, Reason.UNSURE, "middle") == verdict(final)
    assert [-2.0, -0.2] == [judgement.signal for judgement in final.decision.judged]
    assert [] == top.seen


@pytest.mark.parametrize("streamed", [True, False])
@pytest.mark.parametrize("top", [Down("large", TierDown("booting")), large(fault=Fault.ERROR)])
async def test_a_lost_last_tier_leaves_the_best_draft(streamed, top):
    """What should have escalated and could not is answered by the draft, and says so."""
    answerer = cascade(small(logprob=-2.0), top)

    final = (await pieces(answerer))[-1] if streamed else await answerer.answer(ASK)

    assert "Yes, within 30 days." == final.text
    assert (Verdict.DEGRADED, Reason.TIER_DOWN, "small") == verdict(final)


async def test_nothing_at_all_is_the_last_tiers_error():
    """With no draft to fall back on the failure is the client's to see."""
    with pytest.raises(TierDown, match="booting"):
        await cascade(small(fault=Fault.ERROR), Down("large", TierDown("booting"))).answer(ASK)


@pytest.mark.parametrize("error", [Busy("full"), EngineError("bad parameter", status=400)])
async def test_what_the_client_must_know_is_not_covered_up(error):
    """A full queue and a refused parameter reach the client though there is a draft."""
    with pytest.raises(type(error)):
        await cascade(small(logprob=-2.0), Down("large", error)).answer(ASK)


async def test_an_escalated_stream_shows_nothing_of_the_draft():
    """The client sees the large model's pieces only, the first of them with the decision."""
    got = await pieces(cascade(small(logprob=-2.0), large()))

    deltas, final = got[:-1], got[-1]
    assert "Only with a receipt." == "".join(delta.text for delta in deltas)
    assert Verdict.ESCALATED is deltas[0].decision.verdict
    assert all(delta.decision is None for delta in deltas[1:])
    assert len(deltas) > 1
    assert isinstance(final, Final)


async def test_a_kept_stream_is_the_draft_replayed():
    """One piece with the decision, then the final."""
    first, final = await pieces(cascade(small(), large()))

    assert isinstance(first, Delta)
    assert ("Yes, within 30 days.", Verdict.KEPT) == (first.text, first.decision.verdict)
    assert first.text == final.text


async def test_a_last_tier_that_dies_in_its_answer_is_an_error():
    """Once a piece was shown nothing can take its place."""
    answerer = cascade(small(logprob=-2.0), large(fault=Fault.CUT))
    got = []
    with pytest.raises(EngineLost, match="broke off"):
        async for piece in answerer.stream(ASK):
            got.append(piece)
    assert "Only" == got[0].text


async def test_drafts_are_sampled_as_the_cascade_says():
    """The client's temperature reaches the last tier alone; the draft keeps the one its threshold is for."""
    low, top = small(logprob=-2.0), large()

    await cascade(low, top).answer(replace(ASK, params={"temperature": 0.7, "max_tokens": 9}))

    assert {"temperature": 0, "max_tokens": 9} == low.seen[0].params
    assert {"temperature": 0.7, "max_tokens": 9} == top.seen[0].params


async def test_logprobs_are_asked_of_the_draft_and_not_of_the_last_tier():
    """The rule needs the draft's; the client's own wish travels to both."""
    low, top = small(logprob=-2.0), large()

    await cascade(low, top).answer(ASK)
    await cascade(low, top).answer(replace(ASK, logprobs=3))

    assert [0, 3] == [request.logprobs for request in low.seen]
    assert [None, 3] == [request.logprobs for request in top.seen]


async def test_what_escalates_is_urgent():
    """Whoever asked has waited for a draft already: it goes before requests that have not."""
    low, top = small(logprob=-2.0), large()
    both = cascade(low, top)

    await both.answer(ASK)
    await pieces(both)
    both.stop_drafting()
    await both.answer(ASK)

    assert [False, False] == [request.urgent for request in low.seen]
    assert [True, True, False] == [request.urgent for request in top.seen]


async def test_closing_the_stream_aborts_the_engine():
    """Whoever stops reading stops the work."""
    top = large(token_s=0.001)
    stream = cascade(small(logprob=-2.0), top).stream(ASK)

    await anext(stream)
    assert 1 == top.running
    await stream.aclose()

    assert 0 == top.running


async def test_cancelling_an_answer_aborts_the_engine():
    """A client that leaves during the draft stops the draft."""
    low = small(fault=Fault.HANG)

    await left(cascade(low, large()).answer(ASK), low)

    assert 0 == low.running


def verdict(final):
    return final.decision.verdict, final.decision.reason, final.decision.tier
