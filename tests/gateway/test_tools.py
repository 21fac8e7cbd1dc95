"""Tools through the gateway, with the official client: called directly, and judged in a cascade."""

import json

import openai
import pytest

from gpu_cascade.engines.fake import Fake, Fault, Line
from gpu_cascade.types import FunctionCall

pytestmark = pytest.mark.asyncio(loop_scope="module")

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "find",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
        },
    }
]
OSLO, ROME = FunctionCall("find", '{"city": "Oslo"}'), FunctionCall("find", '{"city": "Rome"}')
# <tool_call>, the name, two words of arguments, the end; then the stop token
SURE, UNSURE = [-0.01, -0.01, -0.2, -0.3, -0.01], [-0.01, -0.01, -0.2, -3.0, -0.01]


async def test_calls_whole(serve):
    """Null content, calls with ids, finish reason tool_calls; the arguments as the model wrote them."""
    served = await serve(large=Line(calls=[OSLO, ROME]))

    choice = (await served.ask("large", tools=TOOLS)).choices[0]

    assert (None, "tool_calls") == (choice.message.content, choice.finish_reason)
    assert [(OSLO.name, OSLO.arguments), (ROME.name, ROME.arguments)] == called(choice.message.tool_calls)
    assert ["call_0", "call_1"] == [call.id for call in choice.message.tool_calls]


@pytest.mark.parametrize("model", ["large", "cascade"])
async def test_calls_streamed(serve, model):
    """The client's own accumulation gives the calls of the whole answer, live or from a kept draft."""
    line = Line(calls=[OSLO, ROME])
    served = await serve(small=line, large=line)

    async with served.client.chat.completions.stream(
        model=model, messages=[{"role": "user", "content": "?"}], tools=TOOLS
    ) as stream:
        final = await stream.get_final_completion()

    choice = final.choices[0]
    assert "tool_calls" == choice.finish_reason
    assert [(OSLO.name, OSLO.arguments), (ROME.name, ROME.arguments)] == called(choice.message.tool_calls)


async def test_pieces_of_calls(serve):
    """Index in each, id, type and name once, the arguments in pieces; no content beside them."""
    served = await serve(large=Line(calls=[OSLO]))

    deltas = [chunk.choices[0].delta async for chunk in await served.ask("large", tools=TOOLS, stream=True)]

    pieces = [call for delta in deltas for call in delta.tool_calls or ()]
    assert {0} == {piece.index for piece in pieces}
    assert [("call_0", "function", "find")] == [(p.id, p.type, p.function.name) for p in pieces if p.id]
    assert ["", '{"city":', ' "Oslo"}'] == [piece.function.arguments for piece in pieces]
    assert all(delta.content is None for delta in deltas if delta.tool_calls)


@pytest.mark.parametrize(
    ("logprob", "verdict"), [(SURE, ("kept", "sure", -0.3)), (UNSURE, ("escalated", "unsure", -3.0))]
)
async def test_a_drafts_call_is_judged_by_its_arguments(serve, logprob, verdict):
    """Nothing of an unsure call reaches the client; what the wrapping says counts for nothing."""
    small, large = Line(calls=[OSLO], logprob=logprob), Line(calls=[ROME])
    served = await serve(small=small, large=large)

    for stream in (False, True):
        answer = await served.ask(tools=TOOLS, stream=stream)
        said = [chunk async for chunk in answer] if stream else [answer]
        cascade = said[-1].cascade
        assert verdict == (cascade["verdict"], cascade["reason"], cascade["confidence"])
        shown = "".join(one.model_dump_json() for one in said)
        assert ("Oslo" in shown, "Rome" in shown) == (verdict[0] == "kept", verdict[0] != "kept")


async def test_arguments_that_are_rewritten_are_no_evidence(serve):
    """An engine that sends other JSON than its tokens spell leaves nothing to judge by."""

    class Anew(Fake):
        async def answer(self, request):
            final = await super().answer(request)
            return final.__class__(
                final.text,
                final.finish_reason,
                final.engine,
                (),
                uses=final.uses,
                tool_calls=final.tool_calls,
            )

    served = await serve(small=Anew("small", Line(calls=[OSLO])), large=Line(calls=[ROME]))

    answer = await served.ask(tools=TOOLS)

    assert ("escalated", "no_evidence") == (answer.cascade["verdict"], answer.cascade["reason"])


async def test_an_engine_without_a_parser(serve):
    """Asked by name: 400 that names tool_choice. As a drafting tier: the next one answers."""
    served = await serve(small=Line(fault=Fault.NO_PARSER), large=Line(calls=[OSLO]))

    with pytest.raises(openai.BadRequestError) as refused:
        await served.ask("small", tools=TOOLS)
    answer = await served.ask(tools=TOOLS)

    assert "tool_choice" == refused.value.param
    assert ("escalated", "large") == (answer.cascade["verdict"], answer.cascade["tier"])


async def test_a_conversation_with_tools(serve):
    """The client sends the call back with its answer; the engine sees all of it as it was sent."""
    small = Fake("small", Line(match="Oslo is cold", text="It is cold."), Line(calls=[OSLO]))
    served = await serve(small=small)
    messages = [{"role": "user", "content": "Weather?"}]

    first = (
        await served.client.chat.completions.create(model="small", messages=messages, tools=TOOLS)
    ).choices[0]
    messages.append(first.message.model_dump(exclude_none=True) | {"content": None})
    messages.append({"role": "tool", "tool_call_id": "call_0", "content": "Oslo is cold"})
    second = await served.client.chat.completions.create(model="small", messages=messages)

    assert "It is cold." == second.choices[0].message.content
    assert messages == small.seen[-1].messages


async def test_the_record_of_a_call(serve):
    """Where the operator keeps content, the calls are the answer."""
    served = await serve(large=Line(calls=[OSLO]), keep_text=True)

    await served.ask("large", tools=TOOLS)

    assert OSLO.arguments == json.loads(served.events[0].answer)[0]["tool_calls"][0]["function"]["arguments"]


def called(calls):
    return [(call.function.name, call.function.arguments) for call in calls]
