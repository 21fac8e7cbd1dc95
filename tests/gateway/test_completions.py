"""The older completions, with the official client."""

import openai
import pytest

from gpu_cascade.engines.fake import Fake, Fault, Line

from .conftest import ANSWER, DRAFT

pytestmark = pytest.mark.asyncio(loop_scope="module")

UNSURE = Line(text="Perhaps.", logprob=-2.0)


async def complete(served, model="cascade", prompt="Travel is", **more):
    return await served.client.completions.create(model=model, prompt=prompt, **more)


async def test_a_prompt_is_completed(serve):
    """Without a chat template; the verdict stands beside the answer."""
    small = Fake("small", DRAFT)
    served = await serve(small=small)

    answer = await complete(served)

    assert ("text_completion", DRAFT.text, "stop") == (
        answer.object,
        answer.choices[0].text,
        answer.choices[0].finish_reason,
    )
    assert ("kept", False) == (answer.cascade["verdict"], answer.cascade["certified"])
    assert (True, "Travel is") == (small.seen[0].raw, small.seen[0].messages[0]["content"])
    assert 5 == answer.usage.completion_tokens


async def test_an_escalated_completion_streams(serve):
    """The large model's pieces; nothing of the draft; usage and [DONE] at the end."""
    served = await serve(small=UNSURE)

    chunks = [c async for c in await complete(served, stream=True, stream_options={"include_usage": True})]

    assert ANSWER.text == "".join(chunk.choices[0].text for chunk in chunks if chunk.choices)
    assert ("stop", "escalated") == (chunks[-2].choices[0].finish_reason, chunks[-2].cascade["verdict"])
    assert 5 == chunks[-1].usage.completion_tokens


async def test_logprobs_in_the_older_shape(serve):
    """Lists of equal length, whole and streamed; offsets go on from chunk to chunk."""
    served = await serve(large=ANSWER)

    whole = (await complete(served, "large", logprobs=1)).choices[0].logprobs
    chunks = [c async for c in await complete(served, "large", logprobs=1, stream=True)]
    pieces = [chunk.choices[0].logprobs for chunk in chunks if chunk.choices[0].logprobs]

    assert ["Only", " with", " a", " receipt.", "<|im_end|>"] == whole.tokens
    assert (
        [0, 4, 9, 11, 20] == whole.text_offset == [offset for piece in pieces for offset in piece.text_offset]
    )
    assert [-0.1] * 5 == whole.token_logprobs
    assert [{"Only": -0.1}] == whole.top_logprobs[:1] == pieces[0].top_logprobs
    assert (await complete(served, "large")).choices[0].logprobs is None


async def test_several_choices(serve):
    """As chats have them."""
    served = await serve(large=Line(text="One.", others=["Two."]))

    whole = await complete(served, "large", n=2)
    chunks = [c async for c in await complete(served, "large", n=2, stream=True)]

    assert ["One.", "Two."] == [choice.text for choice in whole.choices]
    pieces = [choice for chunk in chunks for choice in chunk.choices]
    assert ["One.", "Two."] == ["".join(p.text for p in pieces if p.index == index) for index in (0, 1)]


@pytest.mark.parametrize(
    ("wrong", "param", "says"),
    [
        ({"prompt": ["One", "Two"]}, "prompt", "Expected `str`"),
        ({"echo": True}, "echo", "not repeated"),
        ({"suffix": "end"}, "suffix", "fills gaps"),
        ({"best_of": 3}, "best_of", "ask for n"),
    ],
)
async def test_what_is_not_taken_is_refused_by_name(serve, wrong, param, says):
    """As for chats."""
    served = await serve()

    with pytest.raises(openai.BadRequestError, match=says) as refused:
        await complete(served, **wrong)

    assert param == refused.value.param


async def test_a_failure_in_a_stream_raises(serve):
    """An engine that dies in its answer is never a silent cut."""
    served = await serve(large=Line(text=ANSWER.text, fault=Fault.CUT))

    with pytest.raises(openai.APIError, match="broke off"):
        [c async for c in await complete(served, "large", stream=True)]
