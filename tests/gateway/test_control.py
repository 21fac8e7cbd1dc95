"""A client decides for one request, and a conversation sticks: through the official client."""

import aiohttp
import openai
import pytest

from gpu_cascade.cascade.budget import Pace
from gpu_cascade.engines.fake import Fake, Line
from gpu_cascade.types.wish import Sticky

from .conftest import ANSWER, DRAFT

pytestmark = pytest.mark.asyncio(loop_scope="module")

UNSURE = Line(text="Perhaps.", logprob=-2.0)
TURNS = (Line(match="first", text="Perhaps.", logprob=-2.0), Line(text="Yes.", logprob=-0.6))


def asked(**wish):
    return {"extra_body": {"cascade": wish}}


async def refusal(served, **more):
    """The parameter that is refused, and the sentence."""
    with pytest.raises(openai.BadRequestError) as refused:
        await served.ask(**more)
    return refused.value.param, refused.value.message


async def test_a_tier_by_the_body_and_by_a_header(serve):
    """The small engine answers an unsure draft, the large one a sure one: as asked."""
    served = await serve(small=UNSURE)

    small = await served.ask(**asked(tier="small"))
    large = await served.ask(extra_headers={"X-Cascade-Tier": "large"})

    assert ("small", "forced", "client") == tuple(small.cascade[n] for n in ("tier", "verdict", "reason"))
    assert "Perhaps." == small.choices[0].message.content
    assert ("large", "forced") == (large.cascade["tier"], large.cascade["verdict"])


async def test_a_cap_streams(serve):
    """The highest tier that is allowed streams live, and its headers say who it is."""
    served = await serve(small=UNSURE)

    stream = await served.client.chat.completions.with_raw_response.create(
        model="cascade",
        messages=[{"role": "user", "content": "?"}],
        stream=True,
        **asked(max_tier="small", explain=True),
    )
    chunks = [chunk async for chunk in stream.parse()]

    assert ("small", "forced") == (stream.headers["x-cascade-tier"], stream.headers["x-cascade-verdict"])
    assert "Perhaps." == "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert "The client fixed the tier, so the small model answered" in chunks[-1].cascade["explained"][0]


async def test_a_confidence_and_its_explanation(serve):
    """An unsure draft is kept at the client's own threshold, and told in plain words."""
    served = await serve(small=UNSURE)

    answer = await served.ask(**asked(confidence=-2.5, explain=True))

    assert ("kept", False) == (answer.cascade["verdict"], answer.cascade["certified"])
    own, decided, spent = answer.cascade["explained"]
    assert "The client asked for a confidence of -2.5." == own
    assert "not below the threshold of -2.50 (8 %), so its draft is the answer." in decided
    assert spent.startswith("small: ")


async def test_a_completion_is_decided_the_same_way(serve):
    """The older form takes the same object and headers."""
    served = await serve(small=UNSURE)

    answer = await served.client.completions.create(model="cascade", prompt="?", **asked(confidence=-2.5))
    capped = await served.client.completions.create(
        model="cascade", prompt="?", extra_headers={"x-cascade-tier": "small"}
    )

    assert ("kept", "forced") == (answer.cascade["verdict"], capped.cascade["verdict"])


async def test_unasked_nothing_is_explained(serve):
    """The object stays as small as it is."""
    served = await serve()

    assert "explained" not in (await served.ask()).cascade


async def test_a_budget_that_cannot_pay(serve):
    """The draft is served as it is: `degraded`, `budget`, and in the record too."""
    pace = Pace()
    pace.took("large", pace.now() - 60, [])
    large = Fake("large", ANSWER)
    served = await serve(small=UNSURE, large=large, pace=pace)

    answer = await served.ask(**asked(max_latency_ms=5000))

    assert ("degraded", "budget") == (answer.cascade["verdict"], answer.cascade["reason"])
    assert "Perhaps." == answer.choices[0].message.content
    assert "budget" == served.traces.get(answer.id).decision.reason
    assert [] == large.seen


@pytest.mark.parametrize(
    ("wish", "param"),
    [
        ({"tier": "huge"}, "cascade.tier"),
        ({"colour": "red"}, "cascade.colour"),
        ({"tier": "small", "confidence": -1}, "cascade.confidence"),
    ],
)
async def test_what_makes_no_sense_is_a_400_with_its_name(serve, wish, param):
    """Streamed or not, before anything is drafted."""
    small = Fake("small", DRAFT)
    served = await serve(small=small)

    assert param == (await refusal(served, **asked(**wish)))[0]
    assert param == (await refusal(served, stream=True, **asked(**wish)))[0]
    assert [] == small.seen


async def test_an_engine_by_its_name_is_not_steered(serve):
    """Each word is refused; that it should explain itself is not."""
    served = await serve()

    param, message = await refusal(served, model="small", **asked(max_latency_ms=5))
    answer = await served.ask(model="small", **asked(explain=True))

    assert "cascade.max_latency_ms" == param
    assert "model names the engine small itself" in message
    assert "The client asked for the small model by name" in answer.cascade["explained"][0]


async def test_a_header_said_in_two_ways_is_refused(serve):
    """As a client and a proxy might."""
    served = await serve()
    body = {"model": "cascade", "messages": [{"role": "user", "content": "?"}]}
    headers = [("x-cascade-tier", "small"), ("x-cascade-tier", "large")]

    async with aiohttp.ClientSession() as http:
        url = f"{served.url}/v1/chat/completions"
        async with http.post(url, json=body, headers=headers) as response:
            said = (await response.json())["error"]

    assert (400, "x-cascade-tier") == (response.status, said["param"])
    assert "both 'small' and 'large'" in said["message"]


async def talk(served, *texts, stream=False, **more):
    """A conversation; verdict, reason of each turn."""
    messages, told = [], []
    for text in texts:
        messages.append({"role": "user", "content": text})
        answer = await served.client.chat.completions.create(
            model="cascade", messages=messages, stream=stream, **more
        )
        if stream:
            chunks = [chunk async for chunk in answer]
            said, cascade = "".join(c.choices[0].delta.content or "" for c in chunks), chunks[-1].cascade
        else:
            said, cascade = answer.choices[0].message.content, answer.cascade
        messages.append({"role": "assistant", "content": [{"type": "text", "text": said}]})
        told.append((cascade["verdict"], cascade["reason"]))
    return told


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("mode", "second"), [(Sticky.SKIP, ("skipped", "sticky")), (Sticky.STRICTER, ("escalated", "sticky"))]
)
async def test_a_conversation_sticks(serve, mode, second, stream):
    """After an escalated turn: no draft, or one that must be surer than -0.6 is."""
    served = await serve(small=Fake("small", *TURNS), sticky=mode)

    assert [("escalated", "unsure"), second] == await talk(served, "first", "second", stream=stream)


async def test_callers_do_not_share_a_conversation(serve):
    """The same words by somebody else are judged as any others."""
    served = await serve(small=Fake("small", *TURNS), sticky=Sticky.SKIP)

    assert ("skipped", "sticky") == (await talk(served, "first", "second", user="ann"))[1]
    messages = [
        {"role": "user", "content": "first"},
        {"role": "assistant", "content": ANSWER.text},
        {"role": "user", "content": "second"},
    ]
    answer = await served.client.chat.completions.create(model="cascade", messages=messages, user="bob")
    assert ("kept", "sure") == (answer.cascade["verdict"], answer.cascade["reason"])


async def test_a_request_says_for_itself_what_sticks(serve):
    """Where the cascade's `sticky` is off, each turn may ask for it."""
    served = await serve(small=Fake("small", *TURNS))

    turns = await talk(served, "first", "second", **asked(sticky="skip"))

    assert [("escalated", "unsure"), ("skipped", "sticky")] == turns
