"""`gpu-cascade chat` against a gateway: text as it comes, the verdict below, and what went wrong."""

import io

import pytest
from rich.console import Console

from gpu_cascade.engines.fake import Fake, Fault, Line
from gpu_cascade.errors import Unavailable
from gpu_cascade.talk import converse

from .conftest import ANSWER, DRAFT

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def talk(served, *said, model=None, key=None):
    """A conversation; what the terminal showed."""
    console = Console(file=io.StringIO(), width=200)
    lines = iter([*said, None])
    await converse(served.url, model, key, lambda: next(lines), console)
    return console.file.getvalue()


async def test_the_verdict_stands_below_the_answer(serve):
    """Tier, verdict, reason, signal and cost; without a model the first cascade is asked."""
    served = await serve()

    shown = await talk(served, "Is travel refundable?")

    assert shown.startswith(f"{DRAFT.text}\nsmall: kept (sure, least sure token -0.25), ")


async def test_turns_are_remembered_and_failed_ones_are_not(serve):
    """The next question carries what was said; a turn that failed leaves no trace and does not end it."""
    large = Fake("large", Line(match="break", text="One two.", fault=Fault.CUT), ANSWER)
    served = await serve(large=large)

    shown = await talk(served, "First?", "break it", "Second?", model="large")

    assert "broke off" in shown
    assert ["First?", ANSWER.text, "Second?"] == [turn["content"] for turn in large.seen[-1].messages]


async def test_a_gateway_that_says_no(serve):
    """A missing key and an address where nobody is are sentences."""
    served = await serve(key="s3cret")
    with pytest.raises(Unavailable, match="key is missing or wrong"):
        await talk(served, "Hello")
    assert DRAFT.text in await talk(served, "Hello", key="s3cret")
    served.url = "http://127.0.0.1:9"
    with pytest.raises(Unavailable, match="nothing answers"):
        await talk(served, "Hello")


async def test_brackets_are_text(serve):
    """What a model writes is never markup of the terminal."""
    served = await serve(small=Line(text="[red]danger[/red]"))

    assert "[red]danger[/red]" in await talk(served, "?")
