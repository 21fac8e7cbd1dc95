"""Tools, grammars, several choices and raw prompts, against a scripted engine in a process of its own."""

import pytest

from gpu_cascade.engines.base import break_off
from gpu_cascade.engines.fake import Fault, Line
from gpu_cascade.errors import EngineError
from gpu_cascade.types import Final, FunctionCall, ToolCall

from .spoken_to import ask, engine_process

pytestmark = pytest.mark.scripted

TOOLS = {"tools": [{"type": "function", "function": {"name": "find"}}]}
OSLO, ROME = FunctionCall("find", '{"city": "Oslo"}'), FunctionCall("find", '{"city": "Rome"}')
SCRIPT = [
    Line(match="weather", logprob=-0.25, calls=[OSLO, ROME]),
    Line(match="no parser", fault=Fault.NO_PARSER),
    Line(match="blanks", fault=Fault.BLANKS),
    Line(match="endless", text="word " * 2000, token_s=0.005),
    Line(text="One two.", others=["Three four five."], logprob=-0.25),
]


@pytest.fixture
async def engine(tmp_path):
    async with engine_process(tmp_path, SCRIPT) as client:
        yield client


async def streamed(engine, request):
    """The pieces of a stream, and its end."""
    pieces = [piece async for piece in engine.stream(request)]
    return pieces[:-1], pieces[-1]


async def test_tool_calls(engine):
    """Whole and streamed alike: ids, names, arguments; the tokens of all of it; no text."""
    request = ask("weather", params=TOOLS, logprobs=0)

    whole = await engine.answer(request)
    pieces, final = await streamed(engine, request)

    assert (ToolCall("call_0", OSLO), ToolCall("call_1", ROME)) == whole.tool_calls == final.tool_calls
    assert ("", "tool_calls") == (whole.text, whole.finish_reason) == (final.text, final.finish_reason)
    assert '{"city": "Oslo"}' in "".join(token.token for token in whole.tokens)
    assert whole.tokens == final.tokens
    calls = [call for piece in pieces for call in piece.tool_calls]
    assert [("call_0", "find"), ("call_1", "find")] == [(c.id, c.function.name) for c in calls if c.id]
    assert '{"city": "Rome"}' == "".join(c.function.arguments for c in calls if c.index == 1)


async def test_without_tools_there_are_no_calls(engine):
    """None offered, or none allowed."""
    for params in ({}, {**TOOLS, "tool_choice": "none"}):
        assert () == (await engine.answer(ask("weather", params=params))).tool_calls


async def test_an_engine_that_cannot_read_tool_calls(engine):
    """A 400 that names tool_choice and what to write into models.yaml."""
    with pytest.raises(EngineError, match="enable-auto-tool-choice: true") as refused:
        await engine.answer(ask("no parser", params=TOOLS))

    assert (400, "tool_choice") == (refused.value.status, refused.value.param)


async def test_several_choices(engine):
    """Each with its own text, ending and tokens; what all of them took stands at the first."""
    request = ask("?", params={"n": 3}, logprobs=0)

    whole = await engine.answer(request)
    pieces, final = await streamed(engine, request)

    texts = ["One two.", "Three four five.", "One two."]
    assert (
        texts == [one.text for one in (whole, *whole.others)] == [one.text for one in (final, *final.others)]
    )
    assert texts == ["".join(p.text for p in pieces if p.choice == choice) for choice in range(3)]
    assert ["stop"] * 3 == [one.finish_reason for one in (final, *final.others)]
    assert [3, 4, 3] == [len(one.tokens) for one in (final, *final.others)]
    assert 10 == whole.answered_by.completion_tokens == final.answered_by.completion_tokens


async def test_several_choices_are_broken_off_together(engine):
    """The reader of one stream has had enough of all."""
    stream = engine.stream(ask("endless", params={"n": 2}))
    await anext(stream)
    await anext(stream)

    final = await break_off(stream)

    assert isinstance(final, Final)
    assert ["broken_off"] * 2 == [one.finish_reason for one in (final, *final.others)]


async def test_a_raw_prompt(engine):
    """It goes to /v1/completions, and what comes back reads as any answer."""
    request = ask("Once", raw=True, logprobs=1)

    whole = await engine.answer(request)
    pieces, final = await streamed(engine, request)

    assert "One two." == whole.text == final.text == "".join(piece.text for piece in pieces)
    assert ["One", " two.", "<|im_end|>"] == [token.token for token in final.tokens]
    assert [-0.25] * 3 == [token.top_logprobs[0].logprob for token in whole.tokens]


async def test_cached_tokens_are_told_where_the_engine_tells_them(engine):
    """Half of the prompt, says the scripted engine."""
    used = (await engine.answer(ask("one two three four"))).answered_by

    assert used.prompt_tokens // 2 == used.cached_tokens


@pytest.mark.parametrize(
    "params",
    [
        {"response_format": {"type": "json_object"}},
        {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "x", "schema": {"type": "object"}},
            }
        },
        {"structured_outputs": {"json": {"type": "object"}}},
        {"structured_outputs": {"json": '{"type": "object"}'}},
        {"structured_outputs": {"json_object": True}},
    ],
)
async def test_a_schema_never_costs_max_tokens_of_blanks(engine, params):
    """A model that writes blanks for as long as the grammar lets it comes to an end."""
    final = await engine.answer(ask("blanks", params={**params, "max_tokens": 200}))

    assert ("stop", "{}") == (final.finish_reason, final.text.replace(" ", ""))
    assert final.answered_by.completion_tokens < 20
