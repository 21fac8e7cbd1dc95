"""Two tiers that start together: who speaks first answers, and nothing of the other is left."""

import asyncio

import pytest

from gpu_cascade.cascade.race import Race
from gpu_cascade.cascade.rules import Rule
from gpu_cascade.cascade.tier import Tier
from gpu_cascade.engines.fake import Fake, Fault, Line
from gpu_cascade.engines.leased import IfAwake, Leased
from gpu_cascade.engines.meter import BusyMeter
from gpu_cascade.errors import EngineError, EngineLost
from gpu_cascade.types import Delta, Reason, Request, Verdict

from ..places import places

ASK = Request([{"role": "user", "content": "Is travel refundable?"}])


class Gated(Fake):
    """An engine whose next token comes when the test says so. `gone`: its work was ended."""

    def __init__(self, name, **line):
        super().__init__(name, Line(**line))
        self.go, self.gone = asyncio.Event(), asyncio.Event()

    async def stream(self, request):
        try:
            async for piece in super().stream(request):
                await self.go.wait()
                yield piece
        finally:
            self.gone.set()


def race(small, large, awake=True, **more):
    tier = Tier(small, Rule(-0.9), streamed=True)
    rival = IfAwake(large, lambda: awake)
    return Race("cascade", [tier], large, {"temperature": 0}, rival=rival, **more)


def gated(**draft):
    return Gated("small", text="Yes.", **draft), Gated("large", text="Only with a receipt.")


async def test_a_draft_that_is_kept_first_is_the_answer():
    """The large engine's work is ended at once."""
    small, large = gated()
    small.go.set()

    final = await race(small, large).answer(ASK)

    assert (Verdict.KEPT, Reason.SURE, "Yes.") == shown(final)
    assert 1 == len(large.seen)
    assert large.gone.is_set()
    assert final.decision.certified is False


async def test_the_large_engine_that_speaks_first_answers():
    """The draft, which nobody has judged yet, is ended; not one token of it is shown."""
    small, large = gated()
    large.go.set()

    seen = [piece async for piece in race(small, large).stream(ASK)]

    assert (Verdict.ESCALATED, Reason.POLICY, "Only with a receipt.") == shown(seen[-1])
    assert "Only with a receipt." == "".join(piece.text for piece in seen[:-1])
    assert seen[0].decision == seen[-1].decision
    assert small.gone.is_set()


async def test_a_rejected_draft_leaves_the_answer_that_has_begun():
    """The large engine is asked once, and what it had begun goes on, with the draft's reason."""
    small, large = gated(logprob=-2.0)
    small.go.set()
    stream = race(small, large).stream(ASK)
    first = asyncio.ensure_future(anext(stream))
    await small.gone.wait()
    large.go.set()

    piece = await first
    final = [later async for later in stream][-1]

    assert (Verdict.ESCALATED, Reason.UNSURE) == (piece.decision.verdict, piece.decision.reason)
    assert (Verdict.ESCALATED, Reason.UNSURE, "Only with a receipt.") == shown(final)
    assert 1 == len(large.seen)


async def test_what_both_spent_is_told():
    """The one that was ended as well: its tokens so far, its share of the engine's time; leases are back."""
    leases = places(small=1, large=1)
    meters = {"small": BusyMeter(), "large": BusyMeter()}
    small = Gated("small", text="Yes.")
    large = Fake("large", Line(text="Only with a receipt.", prefill_s=0.05))
    small.go.set()
    leased = [Leased(engine, leases, meters[engine.name]) for engine in (small, large)]

    final = await race(*leased).answer(ASK)

    assert ["small", "large"] == [use.engine for use in final.uses]
    assert [use.engine_s for use in final.uses] == [meters[n].busy_s for n in ("small", "large")]
    assert (0, "large-1") == (final.uses[1].completion_tokens, final.uses[1].version)
    assert all(leases.core.engines[name].desk.idle for name in ("small", "large"))


async def test_a_draft_that_loses_is_paid_for():
    """Its tokens up to then are counted."""
    leases = places(small=1, large=1)
    slow = Fake("small", Line(text="one two three", token_s=0.02))
    large = Gated("large", text="Only with a receipt.")
    small = Leased(slow, leases, BusyMeter())
    asked = asyncio.ensure_future(race(small, Leased(large, leases, BusyMeter())).answer(ASK))
    while not slow.running:
        await asyncio.sleep(0)
    large.go.set()

    final = await asked

    assert ["small", "large"] == [use.engine for use in final.uses]
    assert 0 == slow.running


async def test_a_large_engine_that_sleeps_is_woken_only_for_an_escalation():
    """A kept draft leaves it asleep; an unsure one asks it as without a race."""
    kept, untouched = gated()
    unsure, woken = gated(logprob=-2.0)
    for engine in (kept, unsure, woken):
        engine.go.set()

    first = await race(kept, untouched, awake=False).answer(ASK)
    second = await race(unsure, woken, awake=False).answer(ASK)

    assert (Verdict.KEPT, []) == (first.decision.verdict, untouched.seen)
    assert (Verdict.ESCALATED, Reason.UNSURE, "Only with a receipt.") == shown(second)


async def test_a_large_engine_that_fails_at_once_leaves_the_draft():
    """A kept draft is the answer; an unsure one stands in, marked so."""
    kept = await race(Fake("small", Line(text="Yes.")), Fake("large", Line(fault=Fault.ERROR))).answer(ASK)
    unsure = Fake("small", Line(text="Yes.", logprob=-2.0))
    degraded = await race(unsure, Fake("large", Line(fault=Fault.ERROR))).answer(ASK)

    assert (Verdict.KEPT, Reason.SURE, "Yes.") == shown(kept)
    assert (Verdict.DEGRADED, Reason.TIER_DOWN, "Yes.") == shown(degraded)


@pytest.mark.parametrize("fault", [Fault.ERROR, Fault.CUT, Fault.REFUSE])
async def test_a_draft_that_fails_leaves_the_large_engine(fault):
    """It answers, once."""
    large = Fake("large", Line(text="Only with a receipt."))

    final = await race(Fake("small", Line(text="Yes.", fault=fault)), large).answer(ASK)

    assert "Only with a receipt." == final.text
    assert 1 == len(large.seen)


async def test_a_large_engine_that_dies_in_its_answer_is_an_error():
    """What was shown is not glued to the draft."""
    small = Gated("small", text="Yes.")
    large = Fake("large", Line(text="Only with a receipt.", fault=Fault.CUT))
    seen = []

    with pytest.raises(EngineLost):
        async for piece in race(small, large).stream(ASK):
            seen.append(piece)

    assert "Only" == "".join(piece.text for piece in seen)
    assert small.gone.is_set()


async def test_both_refuse():
    """The last tier's refusal is the client's to know."""
    engines = [Fake(name, Line(fault=Fault.REFUSE)) for name in ("small", "large")]

    with pytest.raises(EngineError, match="large answered 400"):
        await race(*engines).answer(ASK)


@pytest.mark.parametrize("shows", [False, True])
async def test_a_client_that_leaves_ends_both(shows):
    """Before the verdict, and while the large engine speaks."""
    small, large = gated()
    stream = race(small, large).stream(ASK)
    first = asyncio.ensure_future(anext(stream))
    while not (small.running and large.running):
        await asyncio.sleep(0)
    if shows:
        large.go.set()
        assert isinstance(await first, Delta)

    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    await stream.aclose()

    assert (0, 0) == (small.running, large.running)


async def test_without_drafts_there_is_no_race():
    """Where drafting was stopped the last tier answers alone."""
    small, large = gated()
    large.go.set()
    cascade = race(small, large)
    cascade.stop_drafting()

    final = await cascade.answer(ASK)

    assert (Verdict.FORCED, []) == (final.decision.verdict, small.seen)


def shown(final):
    return final.decision.verdict, final.decision.reason, final.text
