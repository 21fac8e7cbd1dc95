"""Streams of bytes, split and broken anywhere, through the whole gateway: what a client sees is right."""

import asyncio
import contextlib

import pytest
from hypothesis import HealthCheck, given, settings

from gpu_cascade.events import Failed

from .asked_here import asked
from .streams import DRAFT, MODES, Example, cascade, check, examples, word
from .upstream import Script, Upstream


class Machine:
    """Two engines and the loop that they live in."""

    def __init__(self, folder):
        self._runner = asyncio.Runner()
        self._small, self._large = Upstream("small", folder), Upstream("large", folder)
        self._up = [engine.listening() for engine in (self._small, self._large)]

    def __enter__(self):
        for one in self._up:
            self._runner.run(one.__aenter__())
        return self

    def __exit__(self, *_):
        for one in self._up:
            self._runner.run(one.__aexit__(None, None, None))
        self._runner.close()

    def check(self, example):
        """One example; afterwards no engine is asked by anybody."""
        self._runner.run(self._checked(example))

    async def _checked(self, example):
        await check(example, self._small, self._large)
        async with asyncio.timeout(1):
            await self._small.until_open(0)
            await self._large.until_open(0)


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    with Machine(tmp_path_factory.mktemp("sockets")) as made:
        yield made


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(example=examples())
def test_random_streams(machine, example):
    """No draft token after a rejection; nothing lost, doubled or reordered; one end, and it is told.

    Each chunk is OpenAI's, tool calls come together again, usage comes where it was asked for, and what is
    recorded is what was sent. `scripts/long/streams.py` tries thousands.
    """
    machine.check(example)


@pytest.mark.parametrize("mode", MODES)
async def test_a_client_that_leaves_ends_the_work_of_both_engines(tmp_path, mode):
    """Within a second nobody holds a connection to an engine, whichever of them were at work."""
    words = [word(letter, letter, -0.1) for letter in DRAFT]
    says = Script(words, breaks=-1, hangs=True)
    async with contextlib.AsyncExitStack() as stack:
        small, large = [
            await stack.enter_async_context(Upstream(name, tmp_path).listening())
            for name in ("small", "large")
        ]
        small.says = large.says = says
        example = Example(mode, 2, says, says, tools=False, usage=False, stop=False)
        body = {"model": "cascade", "messages": [{"role": "user", "content": "?"}], "stream": True}
        gone = asyncio.Event()
        asking = asyncio.ensure_future(asked(cascade(example, small.client, large.client), body, gone))
        await small.until_met()
        if mode == "race":
            await large.until_met()

        gone.set()

        async with asyncio.timeout(1):
            reply = await asking
            await small.until_open(0)
            await large.until_open(0)
        assert [499] == [event.status for event in reply.events if isinstance(event, Failed)]
