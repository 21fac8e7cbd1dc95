"""Drafts that stream live and tiers that race, through the official client."""

import openai
import pytest

from gpu_cascade.cascade.cascade import Cascade
from gpu_cascade.cascade.commit import Committing
from gpu_cascade.cascade.race import Race
from gpu_cascade.cascade.rules import Rule
from gpu_cascade.cascade.tier import Tier
from gpu_cascade.engines.fake import Fake, Line
from gpu_cascade.errors import EngineLost
from gpu_cascade.events import Answered, Failed

from .conftest import ANSWER, DRAFT

pytestmark = pytest.mark.asyncio(loop_scope="module")


def commits(small, large, threshold):
    return Cascade("cascade", [Committing(small, Rule(threshold), 2)], large, {"temperature": 0})


def races(small, large, threshold):
    tier = Tier(small, Rule(threshold), streamed=True)
    return Race("cascade", [tier], large, {"temperature": 0}, rival=large)


class Dies(Fake):
    """An engine that is lost in the middle of a long answer."""

    async def stream(self, request):
        written = 0
        async for piece in super().stream(request):
            yield piece
            written += 1
            if written == 4:
                raise EngineLost("small broke off after 4 pieces of its answer")


async def test_a_sure_draft_streams_live(serve):
    """Piece by piece, with the cascade object on the finish chunk and the usage behind it."""
    served = await serve(made=commits)

    stream = await served.ask(stream=True, stream_options={"include_usage": True})
    chunks = [chunk async for chunk in stream]

    pieces = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices]
    assert ["Yes,", " within", " 30", " days."] == [piece for piece in pieces if piece]
    assert ("kept", "sure") == (chunks[-2].cascade["verdict"], chunks[-2].cascade["reason"])
    assert 5 == chunks[-1].usage.completion_tokens


async def test_streamed_or_not_the_text_is_the_same(serve):
    """A sure draft and an unsure one."""
    for small in (DRAFT, Line(text="Perhaps, perhaps not.", logprob=-2.0)):
        served = await serve(small=small, made=commits)

        whole = await served.ask()
        stream = await served.ask(stream=True)
        pieces = [chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices]

        assert whole.choices[0].message.content == "".join(pieces)


async def test_a_live_draft_whose_engine_dies_raises(serve):
    """What was shown stays, nothing comes behind it, and the client's loop ends in an error."""
    served = await serve(small=Dies("small", Line(text="one two three four five six")), made=commits)

    seen = []
    with pytest.raises(openai.APIError, match="broke off"):
        async for chunk in await served.ask(stream=True):
            seen.append(chunk.choices[0].delta.content or "")
    with pytest.raises(openai.APIStatusError) as whole:
        await served.ask()

    assert "one two three four" == "".join(seen)
    assert 503 == whole.value.status_code
    assert [503, 503] == [event.status for event in served.events if isinstance(event, Failed)]


async def test_a_cut_draft_says_so_at_its_end(serve):
    """Sure when it began, cut by max_tokens: the reason changes from headers to finish chunk."""
    served = await serve(made=commits)

    stream = await served.ask(stream=True, max_tokens=3)
    assert "sure" == stream.response.headers["x-cascade-reason"]
    chunks = [chunk async for chunk in stream]

    assert ("length", "incomplete") == (chunks[-1].choices[0].finish_reason, chunks[-1].cascade["reason"])
    (record,) = [event for event in served.events if isinstance(event, Answered)]
    assert "incomplete" == record.decision.reason


async def test_the_faster_engine_is_heard(serve):
    """The large engine speaks while the draft is still written."""
    served = await serve(small=Line(text="Late.", prefill_s=5), large=ANSWER, made=races)

    stream = await served.ask(stream=True)
    chunks = [chunk async for chunk in stream]

    assert ANSWER.text == "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    cascade = chunks[-1].cascade
    assert ("escalated", "policy", "large") == (cascade["verdict"], cascade["reason"], cascade["tier"])
    assert cascade["certified"] is False
