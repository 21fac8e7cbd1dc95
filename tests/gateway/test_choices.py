"""Several choices, response formats, images and usage through the gateway, with the official client."""

import openai
import pydantic
import pytest

from gpu_cascade.engines.fake import Fake, Line

pytestmark = pytest.mark.asyncio(loop_scope="module")

TEXTS = ["One two.", "Three four five."]


class Place(pydantic.BaseModel):
    city: str


async def test_several_choices_of_an_engine(serve):
    """Each with its index, text and ending; usage counts all."""
    served = await serve(large=Line(text=TEXTS[0], others=TEXTS[1:]))

    answer = await served.ask("large", n=2, logprobs=True)

    assert list(enumerate(TEXTS)) == [(one.index, one.message.content) for one in answer.choices]
    assert [3, 4] == [len(one.logprobs.content) for one in answer.choices]
    assert 7 == answer.usage.completion_tokens


async def test_several_choices_streamed(serve):
    """Pieces carry the index of their choice; each has a role and an ending; one cascade object is sent."""
    served = await serve(large=Line(text=TEXTS[0], others=TEXTS[1:]))

    chunks = [chunk async for chunk in await served.ask("large", n=2, stream=True)]

    parts = [chunk.choices[0] for chunk in chunks]
    for index, text in enumerate(TEXTS):
        own = [part for part in parts if part.index == index]
        assert ("assistant", "stop") == (own[0].delta.role, own[-1].finish_reason)
        assert text == "".join(part.delta.content or "" for part in own)
    assert [False] * (len(chunks) - 1) + [True] == [hasattr(chunk, "cascade") for chunk in chunks]


async def test_a_cascade_judges_one_draft(serve):
    """Drafts are sampled as the cascade says, so several would be the same: refused, with the name."""
    small = Fake("small")
    served = await serve(small=small)

    with pytest.raises(openai.BadRequestError, match="judges one draft") as refused:
        await served.ask(n=2)

    assert ("n", []) == (refused.value.param, small.seen)


async def test_a_parsed_answer(serve):
    """The client's `.parse()` sends a schema and reads the answer; the engine gets the schema."""
    small = Fake("small", Line(text='{"city": "Oslo"}'))
    served = await serve(small=small)

    answer = await served.client.chat.completions.parse(
        model="cascade", messages=[{"role": "user", "content": "?"}], response_format=Place
    )

    assert Place(city="Oslo") == answer.choices[0].message.parsed
    sent = small.seen[0].params["response_format"]["json_schema"]["schema"]
    assert {"city"} == sent["properties"].keys()


async def test_forced_tokens_do_not_make_a_draft_sure(serve):
    """Under a grammar only the places count where it left a choice."""
    line = Line(text='{"city": "Oslo" }', logprob=[0.0, -2.0, 0.0])
    served = await serve(small=line)

    judged = [
        (await served.ask(**more)).cascade["judged"][0]["signal"]
        for more in ({"response_format": {"type": "json_object"}}, {})
    ]

    assert [-2.0, -2.0] == judged
    forced = await serve(small=Line(text='{"city": "Oslo" }', logprob=[0.0, 0.0, 0.0]))
    answer = await forced.ask(response_format={"type": "json_object"})
    assert "no_evidence" == answer.cascade["reason"]


async def test_images_reach_the_engine(serve):
    """Through a cascade as well: whether the model can see is the engine's to say."""
    small = Fake("small")
    served = await serve(small=small)
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}

    await served.ask(text=[{"type": "text", "text": "What is this?"}, image])

    assert image == small.seen[0].messages[0]["content"][1]


async def test_vllms_own_parameters_reach_the_engine(serve):
    """What the official client sends as `extra_body`."""
    small = Fake("small")
    served = await serve(small=small)
    extra = {"top_k": 5, "min_tokens": 2, "chat_template_kwargs": {"enable_thinking": False}}

    await served.ask("small", reasoning_effort="low", extra_body=extra)

    assert {**extra, "reasoning_effort": "low"} == small.seen[0].params
