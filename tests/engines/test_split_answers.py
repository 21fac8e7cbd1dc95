"""What an engine sends, cut anywhere: the same answer, or an error, and never a shorter answer."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json

from gpu_cascade.engines.fake import Fake, Line
from gpu_cascade.engines.fake_wire import chunk, ending, event, usage, whole
from gpu_cascade.engines.openai_http import Address, OpenAIHttp
from gpu_cascade.errors import EngineError, EngineLost
from gpu_cascade.types import Delta, Final, FunctionCall

from .spoken_to import ask

OSLO = FunctionCall("find", '{"city": "Øslo"}')
TOOLS = {"tools": [{"type": "function", "function": {"name": "find"}}]}
LINES = [Line(match="tool", calls=[OSLO]), Line(text="Où est-ce que \n\n data: c'était ? 🙂", others=["Ja."])]
REQUESTS = [ask("tool", params=TOOLS, logprobs=1), ask("?", logprobs=0), ask("?", params={"n": 2})]


class Bytes:
    """A client whose answer is these pieces of bytes."""

    def __init__(self, pieces):
        self.pieces, self.status = list(pieces), 200

    async def post(self, path, body, left_s):
        return self

    async def read(self):
        return b"".join(self.pieces)

    async def some(self):
        return self.pieces.pop(0) if self.pieces else b""

    def close(self):
        pass


def engine(*pieces):
    """The engine that sends these bytes."""
    client = OpenAIHttp("small", Address("http://engine/v1", "small"))
    client._client = Bytes(pieces)
    return client


async def scripted(request):
    """The pieces of a scripted answer."""
    return [piece async for piece in Fake("small", *LINES).stream(request)]


def sent(request):
    """A stream's bytes, and the whole answer's."""
    *deltas, final = asyncio.run(scripted(request))
    events = [event(chunk(delta, request)) for delta in deltas]
    events += [event(ending(final, request, None)), event({"choices": [], "usage": usage(final)})]
    return b"".join([*events, b"data: [DONE]\n\n"]), json.encode(whole(final, request, None))


async def streamed(request, *pieces):
    return [piece async for piece in engine(*pieces).stream(request)]


async def read(request, *pieces, found):
    """Into `found`, so that what came before an error is there."""
    async for piece in engine(*pieces).stream(request):
        found.append(piece)


def cut(data, places):
    """The data, cut there."""
    places = sorted(place % len(data) for place in places)
    return [part for a, b in zip([0, *places], [*places, len(data)], strict=True) if (part := data[a:b])]


def content(pieces):
    """What the deltas say, however they were cut."""
    return [(one.text, one.tokens, one.tool_calls, one.choice) for one in pieces if isinstance(one, Delta)]


@given(st.sampled_from(REQUESTS), st.lists(st.integers(0, 10_000), max_size=12))
def test_any_split_of_a_stream(request_, places):
    """The same pieces and the same end; `followed` says which came together, and never the last."""
    data, _ = sent(request_)

    expected = asyncio.run(streamed(request_, data))
    found = asyncio.run(streamed(request_, *cut(data, places)))

    assert content(expected) == content(found)
    assert expected[-1].text == found[-1].text
    assert expected[-1].uses == found[-1].uses
    assert [one.text for one in expected[-1].others] == [one.text for one in found[-1].others]
    assert not found[-2].followed


@given(st.sampled_from(REQUESTS), st.integers(0, 10_000), st.lists(st.integers(0, 10_000), max_size=5))
def test_a_stream_that_ends_early(request_, end, places):
    """Where the engine's end is missing there is none; what had come by then was passed on."""
    data, _ = sent(request_)
    last = data.index(b'"finish_reason"', data.rindex(b'"delta"'))
    kept = data[: end % last]
    found = []

    with pytest.raises((EngineLost, EngineError)):
        asyncio.run(read(request_, *cut(kept, places) if kept else [], found=found))

    expected = content(asyncio.run(streamed(request_, data)))
    assert expected[: len(found)] == content(found)


@given(st.sampled_from(REQUESTS), st.integers(0, 10_000))
def test_a_whole_answer_that_ends_early(request_, end):
    """A part of a JSON text is none."""
    _, data = sent(request_)

    with pytest.raises(EngineError, match="no answer"):
        asyncio.run(engine(data[: end % len(data)]).answer(request_))


@given(st.sampled_from(REQUESTS))
def test_what_follows_an_error_is_not_lost_before_it(request_):
    """Pieces that came together with nonsense after them are passed on first."""
    data, _ = sent(request_)
    first = data[: data.index(b"\n\n") + 2]
    found = []

    with pytest.raises(EngineError):
        asyncio.run(read(request_, first + first + b"data: {nonsense\n\n", found=found))

    assert 2 == len(content(found))
    assert [True, False] == [one.followed for one in found]
    assert not any(isinstance(one, Final) for one in found)
