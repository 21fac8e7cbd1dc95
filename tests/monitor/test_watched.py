"""A watched cascade answers as it would alone, and offers what it answered."""

import pytest

from gpu_cascade.engines.fake import Fake, Fault, Line
from gpu_cascade.errors import EngineLost
from gpu_cascade.monitor.watched import Watched
from gpu_cascade.types import Delta, Final, Request

ASK = Request([{"role": "user", "content": "?"}])


class Offers:
    """Takes a shadow's place; `broken` raises."""

    def __init__(self, *, broken=False):
        self.got, self.broken = [], broken

    def offer(self, request, final):
        self.got.append((request, final))
        if self.broken:
            raise ValueError(final.text)


async def test_a_whole_answer_passes_unchanged():
    """The very answer, offered with its request."""
    offers, engine = Offers(), Fake("small")

    final = await Watched(engine, offers).answer(ASK)

    assert await engine.answer(ASK) == final
    assert [(ASK, final)] == offers.got
    assert ("small", ASK) == (Watched(engine, offers).name, engine.seen[0])


async def test_a_stream_passes_unchanged():
    """The very pieces, and the `Final` is offered after it went out."""
    offers, engine = Offers(), Fake("small")
    pieces = []

    async for piece in Watched(engine, offers).stream(ASK):
        assert [] == offers.got
        pieces.append(piece)

    assert [piece async for piece in engine.stream(ASK)] == pieces
    assert [(ASK, pieces[-1])] == offers.got


async def test_a_stream_closed_at_its_final_is_offered():
    """Whoever serves a stream reads to the `Final` and closes."""
    offers = Offers()
    stream = Watched(Fake("small"), offers).stream(ASK)

    while isinstance(piece := await anext(stream), Delta):
        pass
    await stream.aclose()

    assert isinstance(piece, Final)
    assert [(ASK, piece)] == offers.got


async def test_a_client_that_left_is_not_offered():
    """Closing aborts the engine's work as it would without us."""
    offers, engine = Offers(), Fake("small")
    stream = Watched(engine, offers).stream(ASK)

    await anext(stream)
    await stream.aclose()

    assert ([], 0) == (offers.got, engine.running)


async def test_a_failure_passes_unchanged():
    """An answer that broke off is the client's to know, and nothing to compare."""
    offers, engine = Offers(), Fake("small", Line(fault=Fault.CUT))

    with pytest.raises(EngineLost):
        await Watched(engine, offers).answer(ASK)
    with pytest.raises(EngineLost):
        _ = [piece async for piece in Watched(engine, offers).stream(ASK)]

    assert [] == offers.got


async def test_a_broken_monitor_costs_no_answer(caplog):
    """The answer goes out; the log says where it broke, without text."""
    watched = Watched(Fake("small", Line(text="xyzzy")), Offers(broken=True))

    assert "xyzzy" == (await watched.answer(ASK)).text
    assert "xyzzy" == [piece async for piece in watched.stream(ASK)][-1].text
    assert 2 == len(caplog.records)
    assert "xyzzy" not in caplog.text
