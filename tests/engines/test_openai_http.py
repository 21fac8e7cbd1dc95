"""The engine client against a scripted engine in a process of its own, over a Unix socket."""

import asyncio
import time
from dataclasses import replace

import aiohttp.web
import pytest

from gpu_cascade.engines.fake import Fault, Line
from gpu_cascade.engines.openai_http import Address, OpenAIHttp
from gpu_cascade.engines.wire import SseReader
from gpu_cascade.errors import DeadlineExceeded, EngineError, EngineLost
from gpu_cascade.types import Delta, Final

from .spoken_to import ask, engine_process

pytestmark = pytest.mark.scripted

SCRIPT = [
    Line(match="refuse", fault=Fault.REFUSE),
    Line(match="error", fault=Fault.ERROR),
    Line(match="abort", fault=Fault.ABORT),
    Line(match="cut", text="One two three.", fault=Fault.CUT),
    Line(match="hang", fault=Fault.HANG),
    Line(match="blind", fault=Fault.NO_LOGPROBS),
    Line(match="long", text="word " * 2000, token_s=0.01),
    Line(text="The capital of France is Paris.", logprob=-0.25),
]


@pytest.fixture
async def engine(tmp_path):
    async with engine_process(tmp_path, SCRIPT) as client:
        yield client


async def running(client):
    """What the engine says it has running."""
    to = aiohttp.UnixConnector(str(client._address.socket))
    async with (
        aiohttp.ClientSession(connector=to) as session,
        session.get("http://engine/metrics") as response,
    ):
        lines = (await response.text()).splitlines()
    return next(float(line.split()[-1]) for line in lines if line.startswith("vllm:num_requests_running"))


async def test_whole_answers(engine):
    """Text, finish reason, usage; logprobs with the stop token where they were asked for."""
    plain = await engine.answer(ask())
    rich = await engine.answer(ask(logprobs=1))

    assert ("The capital of France is Paris.", "stop", None) == (
        plain.text,
        plain.finish_reason,
        plain.tokens,
    )
    assert ["The", " capital", " of", " France", " is", " Paris.", "<|im_end|>"] == [
        token.token for token in rich.tokens
    ]
    assert -0.25 == rich.tokens[0].top_logprobs[0].logprob
    assert ("small", 7) == (rich.answered_by.engine, rich.answered_by.completion_tokens)


async def test_a_stream_and_a_whole_answer_agree(engine):
    """The final of a stream is the whole answer."""
    pieces = [piece async for piece in engine.stream(ask(logprobs=0))]
    whole = await engine.answer(ask(logprobs=0))

    final = pieces[-1]
    assert isinstance(final, Final)
    assert whole.text == final.text == "".join(piece.text for piece in pieces if isinstance(piece, Delta))
    assert whole.uses == final.uses
    assert [token.token for token in whole.tokens] == [token.token for token in final.tokens]


async def test_parameters_are_allow_listed(engine):
    """What is not on the list never reaches the engine."""
    final = await engine.answer(ask(params={"max_tokens": 2, "skip_reading_prefix_cache": False}))

    assert ("The capital", "length") == (final.text, final.finish_reason)


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(
    ("text", "status", "says"),
    [
        ("refuse", 400, "the prompt is too long"),
        ("error", 502, "out of memory"),
        ("abort", 502, "aborted"),
        ("cut", 503, "broke"),
    ],
)
async def test_failures_become_ours(engine, streamed, text, status, says):
    """An engine's errors keep their sentence; an abort in a 200 and a broken connection are no answers."""
    with pytest.raises((EngineError, EngineLost), match=says) as caught:
        if streamed:
            async for _ in engine.stream(ask(text)):
                pass
        else:
            await engine.answer(ask(text))

    assert status == caught.value.status


async def test_logprobs_left_out_are_none(engine):
    """An engine that sends none is told apart from one that sent an empty list."""
    assert (await engine.answer(ask("blind", logprobs=0))).tokens is None


async def test_deadlines_travel(engine):
    """Nobody waits for an answer that comes too late."""
    with pytest.raises(DeadlineExceeded, match="small"):
        await engine.answer(ask("hang", deadline=time.monotonic() + 0.1))


async def test_a_closed_stream_stops_the_engine(engine):
    """Within a second after the iterator was closed the engine runs nothing."""
    stream = engine.stream(ask("long"))
    await anext(stream)
    assert 1 == await running(engine)

    await stream.aclose()

    async with asyncio.timeout(1):
        while await running(engine):
            await asyncio.sleep(0.01)


async def test_a_cancelled_answer_stops_the_engine(engine):
    """The same for a whole answer whose caller left."""
    work = asyncio.ensure_future(engine.answer(ask("long")))
    while not await running(engine):
        await asyncio.sleep(0.01)

    work.cancel()
    await asyncio.gather(work, return_exceptions=True)

    async with asyncio.timeout(1):
        while await running(engine):
            await asyncio.sleep(0.01)


async def test_nobody_there(tmp_path):
    """A missing socket is an engine error, not a traceback of the client library."""
    client = OpenAIHttp("small", Address("http://engine/v1", "small", tmp_path / "none.sock"))

    with pytest.raises(EngineLost, match="small broke the connection"):
        await client.answer(ask())

    await client.close()


async def test_a_key_is_sent_to_remote_addresses(aiohttp_echo):
    """A remote engine gets its own key and its own model name."""
    url, seen = aiohttp_echo
    client = OpenAIHttp("remote", Address(f"{url}/v1", "their-name", key="k3y"))

    final = await client.answer(ask())
    await client.close()

    assert ("Bearer k3y", "their-name") == (seen["authorization"], seen["model"])
    assert ("Hello.", "remote") == (final.text, final.engine)


async def test_escalated_requests_go_first_where_the_engine_ranks(aiohttp_echo):
    """Lower is sooner; an engine that does not rank is told nothing."""
    url, seen = aiohttp_echo
    found = []
    for ranks, urgent in ((True, True), (True, False), (False, True)):
        client = OpenAIHttp("large", Address(f"{url}/v1", "large", ranks=ranks))
        await client.answer(replace(ask(), urgent=urgent))
        await client.close()
        found.append(seen["priority"])

    assert [0, 1, None] == found


@pytest.fixture
async def aiohttp_echo():
    """A foreign server that answers anything and remembers what it was sent."""
    seen = {}

    async def answer(request):
        seen["authorization"] = request.headers.get("authorization")
        body = await request.json()
        seen["model"], seen["priority"] = body["model"], body.get("priority")
        message = {"role": "assistant", "content": "Hello."}
        return aiohttp.web.json_response({"choices": [{"message": message, "finish_reason": "stop"}]})

    app = aiohttp.web.Application()
    app.router.add_post("/v1/chat/completions", answer)
    runner = aiohttp.web.AppRunner(app)
    await runner.setup()
    site = aiohttp.web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}", seen
    await runner.cleanup()


def test_sse_is_read_wherever_it_is_cut():
    """Any split of the bytes gives the same payloads; comments and blank lines are none."""
    data = b': hold\n\ndata: {"a":1}\n\ndata:{"b":2}\r\n\r\nevent: x\ndata: [DONE]\n\n'
    whole = SseReader().feed(data)
    for cut in range(len(data)):
        reader = SseReader()
        assert whole == reader.feed(data[:cut]) + reader.feed(data[cut:])
    assert [b'{"a":1}', b'{"b":2}', b"[DONE]"] == whole
