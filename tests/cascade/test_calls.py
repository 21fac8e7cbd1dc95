"""Drafts that are tool calls, from the rule to the replay; and what a cascade will not draft."""

import pytest

from gpu_cascade.cascade.cascade import Cascade, replay
from gpu_cascade.cascade.checks.build import build, run
from gpu_cascade.cascade.checks.completeness import look
from gpu_cascade.cascade.promise import Promise
from gpu_cascade.cascade.rules import Band, Rule
from gpu_cascade.cascade.tier import Second, Tier
from gpu_cascade.config.checks import ChecksConfig
from gpu_cascade.engines.fake import Fake, Fault, Line
from gpu_cascade.engines.said import Calls
from gpu_cascade.errors import BadRequest
from gpu_cascade.types import Final, FunctionCall, Request, ToolCall, Verdict

from ..cascades import cascade

ASK = Request([{"role": "user", "content": "?"}], {"tools": [{"type": "function"}]})
OSLO, ROME = FunctionCall("find", '{"city": "Oslo"}'), FunctionCall("find", '{"city": "Rome"}')


def small(*calls, logprob=-0.2, **line):
    return Fake("small", Line(calls=list(calls or (OSLO,)), logprob=logprob, **line))


def draft(*arguments, finish_reason="tool_calls"):
    calls = tuple(ToolCall(f"call_{n}", FunctionCall("find", text)) for n, text in enumerate(arguments))
    return Final("", finish_reason, "small", tool_calls=calls)


async def test_a_sure_call_is_kept():
    """A draft without text says something where it calls."""
    final = await cascade(small(), Fake("large")).answer(ASK)

    assert (Verdict.KEPT, (ToolCall("call_0", OSLO),)) == (final.decision.verdict, final.tool_calls)


async def test_each_of_several_calls_counts():
    """The least sure token of any call's arguments decides."""
    # <tool_call>, name, two words, end; the same for the second call
    logprob = [-0.01, -0.01, -0.2, -0.3, -0.01, -0.01, -0.01, -0.2, -4.0, -0.01]

    final = await cascade(small(OSLO, ROME, logprob=logprob), Fake("large", Line(calls=[ROME]))).answer(ASK)

    assert (Verdict.ESCALATED, -4.0) == (final.decision.verdict, final.decision.confidence)


async def test_a_call_stands_in_for_a_last_tier_that_is_lost():
    """The best draft may be one."""
    final = await cascade(small(logprob=-3.0), Fake("large", Line(fault=Fault.ERROR))).answer(ASK)

    assert (Verdict.DEGRADED, OSLO) == (final.decision.verdict, final.tool_calls[0].function)


def test_a_replayed_call_is_the_call():
    """Put together from its pieces it is what the draft said."""
    final = draft(OSLO.arguments, ROME.arguments)
    calls = Calls()

    for piece in replay(final)[0].tool_calls:
        calls.add(piece)

    assert final.tool_calls == calls.whole()


async def test_no_second_look_at_a_call():
    """A judge would be shown an empty text: the call climbs, and nobody is asked."""
    judge = Fake("large", Line(calls=[ROME]))
    tier = Tier(
        small(logprob=-1.0),
        Rule(-0.9, band=Band(0.5, 0.7)),
        second=Second(judge, Band(0.5, 0.7), keep_unseen=True),
    )

    final = await Cascade("cascade", [tier], judge, {}).answer(ASK)

    assert (Verdict.ESCALATED, 1) == (final.decision.verdict, len(judge.seen))


@pytest.mark.parametrize(
    ("final", "score"),
    [
        (draft(OSLO.arguments), 1.0),
        (draft(OSLO.arguments, finish_reason="stop"), 1.0),
        (draft(OSLO.arguments, "{"), 0.0),
        (draft("[1]"), 0.0),
        (draft(""), 0.0),
        (draft(OSLO.arguments, finish_reason="length"), 0.2),
        (draft(OSLO.arguments, finish_reason="abort"), 0.0),
    ],
)
def test_a_call_is_complete_with_arguments_that_are_an_object(final, score):
    """Each of them, and not cut."""
    assert score == look(ASK, final)[0]


async def test_checks_of_text_cannot_say_of_a_call():
    """Unknown, which never passes; completeness can."""
    section = {"completeness": {}, "json_schema": {"schema": {"type": "object"}}}
    checks = build(ChecksConfig.model_validate(section), lambda path: path)

    outcomes = await run(checks, ASK, draft(OSLO.arguments))

    assert [("completeness", 1.0), ("json_schema", None)] == [(one.name, one.score) for one in outcomes]


@pytest.mark.parametrize("streamed", [False, True])
async def test_several_answers_are_not_drafted(streamed):
    """Refused before any engine is asked, whole and streamed."""
    tiers = small(), Fake("large")
    asked = Request(ASK.messages, {"n": 2})
    answerer = cascade(*tiers)

    with pytest.raises(BadRequest, match="judges one draft"):
        await (anext(answerer.stream(asked)) if streamed else answerer.answer(asked))

    assert [] == [request for tier in tiers for request in tier.seen]


def test_a_raw_prompt_is_not_what_was_certified():
    """Chats were calibrated."""
    promise = Promise({"temperature": 0}, frozenset(), lambda: True)

    assert promise.covers(Request(ASK.messages))
    assert not promise.covers(Request(ASK.messages, raw=True))
