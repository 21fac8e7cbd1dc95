"""Drafts that are shown while they are written: their first tokens decide, and what was shown stays."""

from contextlib import aclosing
from dataclasses import replace

import pytest

from gpu_cascade.cascade.budget import Pace
from gpu_cascade.cascade.cascade import Cascade
from gpu_cascade.cascade.commit import Committing, judge_first
from gpu_cascade.cascade.promise import Promise
from gpu_cascade.cascade.rules import Rule
from gpu_cascade.cascade.signals import SIGNALS
from gpu_cascade.engines.fake import Fake, Fault, Line
from gpu_cascade.engines.leased import Leased
from gpu_cascade.engines.meter import BusyMeter
from gpu_cascade.errors import EngineLost
from gpu_cascade.types import Delta, Final, Reason, Request, TokenLogprob, Verdict
from gpu_cascade.types.wish import Wish

from ..coroutines import left
from ..places import places
from .clock import Clock

ASK = Request([{"role": "user", "content": "Is travel refundable?"}])
LONG = "one two three four five six seven eight"
RULE = Rule(-0.9, SIGNALS["min_logprob"])
ANSWER = Line(text="Only with a receipt.")


def cascade(small, large=None, first=3, **more):
    drafting = [Committing(small, RULE, first)]
    return Cascade("cascade", drafting, large or Fake("large", ANSWER), {"temperature": 0}, **more)


def small(**line):
    return Fake("small", Line(**{"text": LONG, **line}))


async def pieces(answerer, request=ASK):
    return [piece async for piece in answerer.stream(request)]


async def test_a_sure_draft_streams_live():
    """What waited for the verdict comes first, then each piece as it is written; none is lost or doubled."""
    seen = await pieces(cascade(small()))

    texts = [piece.text for piece in seen if isinstance(piece, Delta)]
    assert [*(word if i == 0 else f" {word}" for i, word in enumerate(LONG.split())), ""] == texts
    assert [Verdict.KEPT] == [piece.decision.verdict for piece in seen[:-1] if piece.decision]
    assert (Verdict.KEPT, Reason.SURE, LONG) == shown(seen[-1])
    assert -0.05 == seen[-1].decision.judged[0].signal


async def test_it_goes_out_before_its_end():
    """The first piece is there while the engine still writes."""
    engine = small(token_s=0.01)
    stream = cascade(engine).stream(ASK)

    first = await anext(stream)

    assert ("one", 1) == (first.text, engine.running)
    await stream.aclose()
    assert 0 == engine.running


async def test_only_the_first_tokens_decide():
    """An unsure token behind them changes nothing: what is certified is their signal."""
    final = await cascade(small(logprob=[-0.1, -0.1, -0.1, -5.0])).answer(ASK)

    assert (Verdict.KEPT, Reason.SURE, LONG) == shown(final)
    assert -0.1 == final.decision.judged[0].signal


async def test_an_unsure_draft_is_broken_off():
    """Nothing of it is shown; its engine stops at the token after those that decide, and it is paid for."""
    leases, meter = places(small=1), BusyMeter()
    engine = Leased(small(logprob=[-0.1, -2.0, -0.1], token_s=0.001), leases, meter)

    seen = await pieces(cascade(engine))

    assert (Verdict.ESCALATED, Reason.UNSURE, "Only with a receipt.") == shown(seen[-1])
    assert "one" not in "".join(piece.text for piece in seen)
    assert ("small", 4) == (seen[-1].uses[0].engine, seen[-1].uses[0].completion_tokens)
    assert leases.core.engines["small"].desk.idle


async def test_whole_and_streamed_answers_are_the_same():
    """A request that is not streamed is decided by the same tokens."""
    for logprob in (-0.1, [-0.1, -2.0], [-0.1, -0.1, -0.1, -5.0], [-0.1, None]):
        whole = await cascade(small(logprob=logprob)).answer(ASK)
        streamed = (await pieces(cascade(small(logprob=logprob))))[-1]
        assert shown(whole) == shown(streamed)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ({"text": "one two", "finish_reason": "length"}, Reason.INCOMPLETE),
        ({"text": "  "}, Reason.INCOMPLETE),
        ({"logprob": [-0.1, None, -0.1]}, Reason.NO_EVIDENCE),
        ({"fault": Fault.NO_LOGPROBS}, Reason.NO_EVIDENCE),
        ({"fault": Fault.ERROR}, Reason.TIER_DOWN),
        ({"fault": Fault.REFUSE}, Reason.INCOMPLETE),
        ({"fault": Fault.CUT}, Reason.TIER_DOWN),
    ],
)
async def test_what_is_no_proof_escalates(line, reason):
    """A short draft is judged whole; a number that is missing among the first is no evidence."""
    final = await cascade(small(**line)).answer(ASK)

    assert (Verdict.ESCALATED, reason, "Only with a receipt.") == shown(final)


async def test_a_short_draft_is_held():
    """One that ends within the first tokens, or right after them, comes in one piece, judged as any other."""
    seen = await pieces(cascade(small(text="one two three")))

    assert ["one two three"] == [piece.text for piece in seen[:-1]]
    assert (Verdict.KEPT, Reason.SURE, "one two three") == shown(seen[-1])


async def test_a_shown_draft_that_is_cut_says_so():
    """It stays, is told by finish reason and reason, and no certificate speaks for it."""
    promise = Promise({"temperature": 0}, frozenset(), lambda: True)
    request = replace(ASK, params={"max_tokens": 5})

    final = await cascade(small(), promise=promise).answer(request)

    assert (Verdict.KEPT, Reason.INCOMPLETE, "one two three four five") == shown(final)
    assert ("length", False) == (final.finish_reason, final.decision.certified)
    assert (await cascade(small(), promise=promise).answer(ASK)).decision.certified


class Dies(Fake):
    """An engine that is lost after five tokens."""

    async def stream(self, request):
        async with aclosing(super().stream(request)) as pieces:
            for _ in range(5):
                yield await anext(pieces)
        raise EngineLost("small broke off after 5 tokens")


async def test_a_shown_draft_whose_engine_dies_is_an_error():
    """It is never glued to another engine's answer."""
    large = Fake("large", ANSWER)
    seen = []

    with pytest.raises(EngineLost):
        async for piece in cascade(Dies("small", Line(text=LONG)), large).stream(ASK):
            seen.append(piece)

    assert "one two three four five" == "".join(piece.text for piece in seen)
    assert [] == large.seen


@pytest.mark.parametrize("params", [{"stop": ["."]}, {"structured_outputs": {"choice": ["a"]}}])
async def test_where_only_the_end_tells_a_draft_is_held(params):
    """With a stop string or a grammar it comes in one piece, by the same first tokens, if it is complete."""
    request = replace(ASK, params=params)

    kept = await pieces(cascade(small(logprob=[-0.1, -0.1, -0.1, -5.0])), request)
    cut = await cascade(small(finish_reason="length")).answer(request)

    assert [LONG] == [piece.text for piece in kept[:-1]]
    assert (Verdict.ESCALATED, Reason.INCOMPLETE) == shown(cut)[:2]


class Thinks:
    """An engine that thinks before it answers."""

    name = "small"

    async def stream(self, request):
        words = [word async for word in Fake("small", Line(text=LONG, logprob=-0.1)).stream(request)]
        yield Delta("", "Let me see.", words[0].tokens)
        for word in words:
            yield word


async def test_after_thoughts_only_the_end_tells():
    """Which token begins the answer is not known before, so the draft is held and looked up in the whole."""
    seen = await pieces(cascade(Thinks()))

    assert [LONG] == [piece.text for piece in seen[:-1]]


def test_the_rule_does_not_depend_on_how_it_is_read():
    """The same judgement of the beginning and of the whole, once there is more than what decides."""
    tokens = _tokens([-0.1, -0.2, -0.3, -0.4, -5.0])
    whole = Final("abcde", "length", "small", tokens)
    begun = Final("abcd", "", "small", tokens[:4])

    assert judge_first(whole, RULE, 3, {}) == judge_first(begun, RULE, 3, {})
    assert Reason.INCOMPLETE is judge_first(whole, RULE, 5, {}).reason


async def test_three_tiers_commit_too():
    """The second draft streams live; the verdict says that it is not the first tier's."""
    middle = Fake("middle", Line(text=LONG, logprob=-0.1))
    drafting = [Committing(small(logprob=-2.0), RULE, 2), Committing(middle, RULE, 2)]

    seen = await pieces(Cascade("cascade", drafting, Fake("large"), {"temperature": 0}))

    assert 9 == len(seen[:-1])
    assert (Verdict.ESCALATED, Reason.UNSURE, LONG) == shown(seen[-1])
    assert ["small", "middle"] == [use.engine for use in seen[-1].uses]


async def test_a_client_that_leaves_before_the_verdict_stops_the_engine():
    """The stream is closed while the draft is held."""
    engine = Fake("small", Line(fault=Fault.HANG))

    await left(anext(cascade(engine).stream(ASK)), engine)

    assert 0 == engine.running


def _tokens(numbers):
    return tuple(TokenLogprob(letter, number) for letter, number in zip("abcde", numbers, strict=True))


def shown(final):
    return final.decision.verdict, final.decision.reason, final.text


async def test_a_client_may_say_how_sure_the_first_tokens_must_be():
    """Its number takes the threshold's place, for that request alone."""
    made = cascade(small(logprob=[-0.5, -0.5, -0.5, -0.5]))

    stricter = await made.answer(replace(ASK, wish=Wish(confidence=-0.2)))
    as_ever = await made.answer(ASK)

    assert [Verdict.ESCALATED, Verdict.KEPT] == [one.decision.verdict for one in (stricter, as_ever)]


async def test_where_time_is_short_an_unsure_draft_is_written_to_its_end():
    """It has to stand in for the answer of a tier that takes longer than the client waits."""
    clock = Clock()
    pace = Pace(clock=clock)
    pace.took("large", began=clock.now - 10, uses=())
    made = cascade(small(logprob=[-2.0, -2.0, -2.0, -2.0]), pace=pace)

    final = await made.answer(replace(ASK, wish=Wish(due=clock.now + 5)))

    assert (Verdict.DEGRADED, Reason.BUDGET, LONG) == shown(final)
