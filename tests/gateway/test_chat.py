"""Chat completions over HTTP, asked with the official client and by hand."""

import asyncio
import json

import openai
import pytest

from gpu_cascade.engines.fake import Fake, Fault, Line
from gpu_cascade.events import Answered, Failed

from .conftest import ANSWER, DRAFT

pytestmark = pytest.mark.asyncio(loop_scope="module")

UNSURE = Line(text="Perhaps.", logprob=-2.0)


async def test_a_kept_draft(serve):
    """The client gets the draft, the verdict in body and headers, and the small model's usage."""
    served = await serve()

    raw = await served.client.chat.completions.with_raw_response.create(
        model="cascade", messages=[{"role": "user", "content": "Is travel refundable?"}]
    )
    answer = raw.parse()

    assert DRAFT.text == answer.choices[0].message.content
    assert "stop" == answer.choices[0].finish_reason
    assert "cascade" == answer.model
    assert 5 == answer.usage.completion_tokens
    assert ["kept", "sure", "small", "-0.2500", "false"] == [
        raw.headers[f"x-cascade-{name}"] for name in ("verdict", "reason", "tier", "confidence", "certified")
    ]
    assert answer.id == raw.headers["x-cascade-id"] == answer.cascade["id"]
    assert -0.9 == answer.cascade["judged"][0]["threshold"]


async def test_an_escalated_answer(serve):
    """Nothing of the draft reaches the client; usage is the large model's, the spending is whole."""
    served = await serve(small=UNSURE)

    answer = await served.ask()

    assert ANSWER.text == answer.choices[0].message.content
    assert ("escalated", "unsure", "large") == verdict(answer.cascade)
    assert ["small", "large"] == [use["engine"] for use in answer.cascade["uses"]]
    assert "Perhaps" not in answer.model_dump_json()


async def test_an_engine_asked_by_name(serve):
    """An engine's name in `model` goes straight to it."""
    served = await serve()

    answer = await served.ask("large")

    assert ANSWER.text == answer.choices[0].message.content
    assert ("direct", "policy", "large") == verdict(answer.cascade)


async def test_logprobs_only_where_the_client_asks(serve):
    """The rule's own logprobs stay inside."""
    served = await serve()

    assert (await served.ask()).choices[0].logprobs is None
    asked = await served.ask(logprobs=True, top_logprobs=1)

    tokens = asked.choices[0].logprobs.content
    assert ["Yes,", " within", " 30", " days."] == [token.token for token in tokens[:4]]
    assert -0.25 == tokens[0].top_logprobs[0].logprob


async def test_a_kept_stream(serve):
    """Role, text, finish with the cascade object, usage, [DONE]."""
    served = await serve()

    chunks = await events(served, stream_options={"include_usage": True})

    assert "[DONE]" == chunks[-1]
    assert "assistant" == chunks[0]["choices"][0]["delta"]["role"]
    assert DRAFT.text == text(chunks)
    assert "kept" == chunks[-3]["cascade"]["verdict"]
    assert "stop" == chunks[-3]["choices"][0]["finish_reason"]
    assert ([], 5) == (chunks[-2]["choices"], chunks[-2]["usage"]["completion_tokens"])


async def test_an_escalated_stream_is_live(serve):
    """The large model's pieces arrive one by one while it still writes; no token of the draft is in it."""
    served = await serve(small=UNSURE, large=Line(text=ANSWER.text, token_s=0.05))
    seen = []

    stream = await served.ask(stream=True)
    async for chunk in stream:
        seen.append(chunk)

    pieces = [chunk.choices[0].delta.content for chunk in seen if chunk.choices[0].delta.content]
    assert ["Only", " with", " a", " receipt."] == pieces
    assert ("escalated", "unsure", "large") == verdict(seen[-1].cascade)


async def test_the_stream_says_its_verdict_in_headers(serve):
    """A stream's headers are sent once the verdict is known."""
    served = await serve(small=UNSURE)
    body = {"model": "cascade", "messages": [{"role": "user", "content": "?"}], "stream": True}

    async with served.http.post(f"{served.url}/v1/chat/completions", json=body) as response:
        assert "escalated" == response.headers["x-cascade-verdict"]
        assert response.headers["content-type"].startswith("text/event-stream")


async def test_a_long_hold_is_kept_open_by_comments(serve):
    """After `hold_s` the connection gets comments, then the answer."""
    served = await serve(small=Line(text="Late.", prefill_s=0.2), hold_s=0.02)
    body = {"model": "cascade", "messages": [{"role": "user", "content": "?"}], "stream": True}

    async with served.http.post(f"{served.url}/v1/chat/completions", json=body) as response:
        assert "x-cascade-verdict" not in response.headers
        lines = (await response.text()).split("\n\n")

    assert lines[0].startswith(": ")
    assert "Late." in "".join(lines)


async def test_a_failure_before_the_verdict_is_a_status(serve):
    """Nothing was sent yet, so the stream fails as a plain error."""
    served = await serve(small=Line(fault=Fault.ERROR), large=Line(fault=Fault.ERROR))

    with pytest.raises(openai.InternalServerError) as caught:
        await served.ask(stream=True)

    assert (502, "engine") == (caught.value.status_code, caught.value.body["source"])


async def test_a_failure_in_a_stream_is_an_event_that_raises(serve):
    """An engine that dies in its answer is never a silent cut."""
    served = await serve(small=UNSURE, large=Line(text=ANSWER.text, fault=Fault.CUT))

    seen = []
    with pytest.raises(openai.APIError, match="broke off"):
        async for chunk in await served.ask(stream=True):
            seen.append(chunk)
    assert "Only" in [chunk.choices[0].delta.content for chunk in seen]
    assert [503] == [event.status for event in served.events if isinstance(event, Failed)]


@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_that_leaves_stops_the_engine(serve, stream):
    """The engine's work ends with the connection, and the record says 499."""
    small = Fake("small", Line(fault=Fault.HANG))
    served = await serve(small=small)
    asking = asyncio.ensure_future(served.ask(stream=stream))
    await until(lambda: small.running)

    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    await until(lambda: served.events)

    assert 0 == small.running
    assert [Failed(served.events[0].id, "cascade", 499)] == served.events


async def test_each_answer_leaves_a_record(serve):
    """The record can be read at once by the id that the answer carried; it holds no text."""
    served = await serve(small=UNSURE)
    answer = await served.ask(user="ann")

    async with served.http.get(f"{served.url}/v1/cascade/decisions/{answer.id}") as response:
        record = await response.json()

    assert ("anonymous", "cascade", "escalated") == (record["caller"], record["model"], record["verdict"])
    assert (-2.0, -0.9) == (record["confidence"], record["threshold"])
    assert "receipt" not in json.dumps(record)
    assert "refundable" not in json.dumps(record)
    assert [answer.id] == [event.id for event in served.events if isinstance(event, Answered)]


async def test_text_is_kept_where_the_operator_says_so(serve):
    """The event carries prompt, answer and who asked only with `keep_text`."""
    served = await serve(keep_text=True)

    await served.ask(user="ann")

    assert "refundable" in served.events[0].prompt
    assert (DRAFT.text, "ann") == (served.events[0].answer, served.events[0].caller)


async def test_no_place_for_the_record_no_answer(serve):
    """With the store full a request is refused before an engine is asked."""
    small = Fake("small")
    served = await serve(small=small, places=0)

    with pytest.raises(openai.InternalServerError, match="decision record") as caught:
        await served.ask()

    assert 503 == caught.value.status_code
    assert "retry-after" in caught.value.response.headers
    assert [] == small.seen


async def test_what_is_not_taken_is_refused_by_name(serve):
    """No parameter is dropped in silence: the error names it, and says what to do."""
    served = await serve()
    body = {
        "model": "cascade",
        "messages": [{"role": "user", "content": "?"}],
        "functions": [{"name": "find"}],
    }

    status, _, answer = await served.post(body)

    assert (400, "functions") == (status, answer["error"]["param"])
    assert "OpenAI calls it tools now" in answer["error"]["message"]


async def test_an_unknown_model_lists_the_known(serve):
    """A 404 with the names there are."""
    served = await serve()

    with pytest.raises(openai.NotFoundError, match="known: cascade, small, large"):
        await served.ask("gpt-4o")


async def test_several_turns(serve):
    """The whole conversation reaches the engine."""
    small = Fake("small", DRAFT)
    served = await serve(small=small)
    turns = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Hello."},
        {"role": "user", "content": [{"type": "text", "text": "And now?"}]},
    ]

    await served.client.chat.completions.create(model="cascade", messages=turns)

    assert turns == small.seen[0].messages


class Careless(Fake):
    """An engine with a fault of ours whose message quotes the prompt."""

    async def answer(self, request):
        raise RuntimeError(f"cannot handle {request.messages}")


async def test_a_fault_of_ours_keeps_the_prompt_out_of_answer_and_log(serve, caplog):
    """A 500 with the exception's type; the log says where it was, and neither quotes what was asked."""
    served = await serve(small=Careless("small"))

    with pytest.raises(openai.InternalServerError, match="RuntimeError") as caught:
        await served.ask(text="a secret question")

    assert "in answer" in caplog.text
    assert "RuntimeError" in caplog.text
    assert "secret" not in caplog.text + str(caught.value)


def verdict(cascade):
    return cascade["verdict"], cascade["reason"], cascade["tier"]


async def events(served, **more):
    body = {"model": "cascade", "messages": [{"role": "user", "content": "?"}], "stream": True, **more}
    async with served.http.post(f"{served.url}/v1/chat/completions", json=body) as response:
        lines = (await response.text()).split("\n\n")
    payloads = [line.removeprefix("data: ") for line in lines if line]
    return [payload if payload == "[DONE]" else json.loads(payload) for payload in payloads]


def text(chunks):
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks[:-1] if chunk["choices"]]
    return "".join(delta.get("content", "") for delta in deltas)


async def until(happened):
    async with asyncio.timeout(5):
        while not happened():
            await asyncio.sleep(0.001)
